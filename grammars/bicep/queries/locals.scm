; Scopes, what they define, and what refers to it.

(source_file) @local.scope
(func_declaration) @local.scope
(lambda) @local.scope
(for) @local.scope

(param_declaration name: (identifier) @local.definition.parameter)
(var_declaration name: (identifier) @local.definition.var)
(output_declaration name: (identifier) @local.definition.var)
(resource_declaration name: (identifier) @local.definition.var)
(module_declaration name: (identifier) @local.definition.var)
(type_declaration name: (identifier) @local.definition.type)
(func_declaration name: (identifier) @local.definition.function)
(func_parameter name: (identifier) @local.definition.parameter)

(lambda parameters: (identifier) @local.definition.parameter)
(lambda_parameters name: (identifier) @local.definition.parameter)
(for item: (identifier) @local.definition.parameter)
(for index: (identifier) @local.definition.parameter)

(import_declaration namespace: (identifier) @local.definition.import)
(import_declaration alias: (identifier) @local.definition.import)
(import_item !alias name: (identifier) @local.definition.import)
(import_item alias: (identifier) @local.definition.import)
(extension_declaration !alias extension: (identifier) @local.definition.import)
(extension_declaration alias: (identifier) @local.definition.import)

(variable (identifier) @local.reference)
(call function: (identifier) @local.reference)
(type_name (identifier) @local.reference)
(resource_access resource: (identifier) @local.reference)
