# Preflight in Kakoune, with kakoune-lsp 17 or newer. Source it from kakrc, after kakoune-lsp itself.

# Kakoune knows no Bicep.
hook global BufCreate .*\.bicep(param)? %{ set-option buffer filetype bicep }

hook -group preflight global BufSetOption filetype=(?:bicep|json|jsonc) %{
    set-option -add buffer lsp_servers %{
        [preflight]
        root_globs = ["ps-rule.yaml", "ps-rule.yml", "bicepconfig.json", ".git"]
        command = "preflight"
        args = ["server"]
        settings_section = "preflight"
        # Left out, ps-rule.yaml decides:
        # [preflight.settings.preflight]
        # plan = "Containers"
        # coverage = "workspace"
        # hints = true
    }
}

hook -group preflight global WinSetOption filetype=(?:bicep|json|jsonc) %{
    lsp-enable-window
    lsp-diagnostic-lines-enable window
    hook -once -always window WinSetOption filetype=.* lsp-disable-window
}
