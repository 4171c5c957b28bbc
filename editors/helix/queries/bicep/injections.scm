; Text in other languages.

((comment) @injection.content
  (#set! injection.language "comment"))

; `json('''…''')`
((call
  function: (identifier) @_function
  arguments: (arguments
    .
    (multiline_string
      (string_content) @injection.content)))
  (#eq? @_function "json")
  (#set! injection.language "json")
  (#set! injection.combined))

; `@description('''…''')` is Markdown.
((decorator
  name: (identifier) @_name
  arguments: (arguments
    (multiline_string
      (string_content) @injection.content)))
  (#eq? @_name "description")
  (#set! injection.language "markdown")
  (#set! injection.combined))

; The script of a deployment script, in the language that the resource's kind names.
((object
  (property
    key: (identifier) @_kind
    value: (string
      (string_content) @_shell))
  (property
    value: (object
      (property
        key: (identifier) @_script
        value: (multiline_string
          (string_content) @injection.content)))))
  (#eq? @_kind "kind")
  (#eq? @_shell "AzureCLI")
  (#eq? @_script "scriptContent")
  (#set! injection.language "bash")
  (#set! injection.combined))

((object
  (property
    key: (identifier) @_kind
    value: (string
      (string_content) @_shell))
  (property
    value: (object
      (property
        key: (identifier) @_script
        value: (multiline_string
          (string_content) @injection.content)))))
  (#eq? @_kind "kind")
  (#eq? @_shell "AzurePowerShell")
  (#eq? @_script "scriptContent")
  (#set! injection.language "powershell")
  (#set! injection.combined))
