---@brief
---
--- https://github.com/preflight-azure/preflight
---
--- Reports, before deployment, which Azure container registries no Defender plan scans: Bicep files and ARM
--- templates, diagnostics over the whole workspace, quick fixes.
---
--- Install it with `cargo install preflight`. It stands beside `bicep` (Microsoft's server) on one buffer.
---
--- Settings left out are decided by the folder's `ps-rule.yaml`:
---
--- ```lua
--- vim.lsp.config('preflight', {
---   settings = { preflight = { plan = 'Containers', coverage = 'workspace', hints = true } },
--- })
--- ```

---@type vim.lsp.Config
return {
  cmd = { 'preflight', 'server' },
  -- Neovim opens .bicepparam files as 'bicep' too; plugins may say 'bicep-params'.
  filetypes = { 'bicep', 'bicep-params', 'json', 'jsonc' },
  root_markers = { 'ps-rule.yaml', 'ps-rule.yml', 'bicepconfig.json', '.git' },
}
