; Scopes, what they define, and what refers to it.

[
  (source_file)
  (func_declaration)
  (lambda)
  (for)
] @local.scope

(param_declaration name: (identifier) @local.definition)
(var_declaration name: (identifier) @local.definition)
(func_parameter name: (identifier) @local.definition)
(lambda parameters: (identifier) @local.definition)
(lambda_parameters name: (identifier) @local.definition)
(for item: (identifier) @local.definition)
(for index: (identifier) @local.definition)

(variable (identifier) @local.reference)
