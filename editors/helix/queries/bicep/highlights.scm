; Names of captures as Helix has them. No two patterns capture one node, so that it does not matter whether an editor
; lets the first or the last pattern win.

(comment) @comment
(pragma) @keyword.directive

; Keywords: anonymous nodes, so that a word that is used as a name keeps the colour of a name.

[
  "targetScope"
  "metadata"
  "param"
  "var"
  "resource"
  "module"
  "output"
  "test"
  "assert"
  "extensionConfig"
] @keyword

"type" @keyword.storage.type

"func" @keyword.function

[
  "import"
  "from"
  "as"
  "with"
  "extension"
  "using"
  "extends"
] @keyword.control.import

(existing) @keyword.storage.modifier

(using_declaration
  "none" @constant.builtin)

"if" @keyword.control.conditional

[
  "for"
  "in"
] @keyword.control.repeat

(incomplete_declaration
  (identifier) @keyword)

; Declared names

(metadata_declaration name: (identifier) @variable)
(var_declaration name: (identifier) @variable)
(output_declaration name: (identifier) @variable)
(resource_declaration name: (identifier) @variable)
(module_declaration name: (identifier) @variable)
(test_declaration name: (identifier) @variable)
(assert_declaration name: (identifier) @variable)
(extension_config name: (identifier) @namespace)
(param_declaration name: (identifier) @variable.parameter)
(func_declaration name: (identifier) @function)
(func_parameter name: (identifier) @variable.parameter)
(type_declaration name: (identifier) @type)

(lambda parameters: (identifier) @variable.parameter)
(lambda_parameters name: (identifier) @variable.parameter)
(for item: (identifier) @variable.parameter)
(for index: (identifier) @variable.parameter)

(import_declaration namespace: (identifier) @namespace)
(import_declaration alias: (identifier) @namespace)
(import_item name: (identifier) @variable)
(import_item alias: (identifier) @variable)
(extension_declaration extension: (identifier) @namespace)
(extension_declaration alias: (identifier) @namespace)

; Where a declaration points to

(resource_declaration type: (string) @string.special)
(module_declaration path: (string) @string.special.path)
(test_declaration path: (string) @string.special.path)
(import_declaration path: (string) @string.special.path)
(import_declaration extension: (string) @string.special.path)
(extension_declaration extension: (string) @string.special.path)
(using_declaration path: (string) @string.special.path)
(extends_declaration path: (string) @string.special.path)

; Decorators

(decorator "@" @attribute)
(decorator namespace: (identifier) @namespace)
(decorator name: (identifier) @attribute)

; Types

(type_name
  (identifier) @type.builtin
  (#any-of? @type.builtin "string" "int" "bool" "object" "array" "any"))

(type_name
  (identifier) @type
  (#not-any-of? @type "string" "int" "bool" "object" "array" "any"))

(generic_type name: (identifier) @type)
(member_type property: (identifier) @type)
(resource_type "resource" @type.builtin)
(type_property key: (identifier) @variable.other.member)
(type_property key: "*" @special)

; Expressions

(variable (identifier) @variable)
(call function: (identifier) @function)
(method_call method: (identifier) @function.method)
(member property: (identifier) @variable.other.member)
(resource_access resource: (identifier) @variable.other.member)
(property key: (identifier) @variable.other.member)

(integer) @constant.numeric.integer
(boolean) @constant.builtin.boolean
(null) @constant.builtin

[
  "="
  "=>"
  "?"
  "??"
  "||"
  "&&"
  "=="
  "!="
  "=~"
  "!~"
  "<="
  ">="
  "+"
  "-"
  "/"
  "%"
  "!"
  "..."
  "|"
  "^"
] @operator

(binary operator: [ "<" ">" "*" ] @operator)
(type_arguments [ "<" ">" ] @punctuation.bracket)
(import_declaration "*" @special)
(items_type "*" @special)
(additional_type "*" @special)

; Strings

(string "'" @string)
(string_content) @string
(multiline_string "'''" @string)
(escape) @constant.character.escape

(interpolation
  [ "${" "}" ] @punctuation.special)

; Punctuation

[ "(" ")" "[" "]" ] @punctuation.bracket
(object [ "{" "}" ] @punctuation.bracket)
(object_type [ "{" "}" ] @punctuation.bracket)
(import_list [ "{" "}" ] @punctuation.bracket)

[ "," "." ":" "::" ] @punctuation.delimiter
