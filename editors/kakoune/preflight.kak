# Preflight in Kakoune, with kakoune-lsp 17 or newer. Source it from kakrc, after kakoune-lsp itself.

# Kakoune knows no Bicep.
hook global BufCreate .*\.bicep(param)? %{ set-option buffer filetype bicep }

# A second server of a file type goes into the same string, as a table of its own. Kakoune may set a file type twice, so
# nothing is added to what is there: kakoune-lsp takes no table twice.
hook -group preflight global BufSetOption filetype=(?:bicep|json|jsonc) %{
    set-option buffer lsp_servers %{
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
    hook -once -always window WinSetOption filetype=.* lsp-disable-window
}
