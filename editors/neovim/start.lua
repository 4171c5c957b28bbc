-- Preflight for Neovim 0.8 to 0.10, without plugins. Put it in ~/.config/nvim/plugin/preflight.lua,
-- or paste it into init.lua.
vim.api.nvim_create_autocmd('FileType', {
  pattern = { 'bicep', 'bicep-params', 'json', 'jsonc' },
  group = vim.api.nvim_create_augroup('preflight', {}),
  callback = function(args)
    local name = vim.api.nvim_buf_get_name(args.buf)
    if name == '' or vim.bo[args.buf].buftype ~= '' then
      return
    end
    local marker = vim.fs.find({ 'ps-rule.yaml', 'ps-rule.yml', 'bicepconfig.json', '.git' }, {
      upward = true,
      path = vim.fs.dirname(name),
    })[1]
    -- One server per root: vim.lsp.start finds the running one by name and root.
    vim.lsp.start({
      name = 'preflight',
      cmd = { 'preflight', 'server' },
      root_dir = vim.fs.dirname(marker or name),
      -- settings = { preflight = { plan = 'Containers', coverage = 'workspace', hints = true } },
    }, { bufnr = args.buf })
  end,
})
