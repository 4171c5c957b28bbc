; A resource, a module and a type are the classes of a deployment; functions and lambdas are its functions.

(resource_declaration body: (_) @class.inside) @class.around
(module_declaration body: (_) @class.inside) @class.around
(type_declaration type: (_) @class.inside) @class.around

(func_declaration body: (_) @function.inside) @function.around
(lambda body: (_) @function.inside) @function.around

(arguments (_) @parameter.inside @parameter.around)
(func_parameter) @parameter.inside @parameter.around
(lambda_parameters (identifier) @parameter.inside @parameter.around)

(property value: (_) @entry.inside) @entry.around
(array (_) @entry.inside @entry.around)

(comment) @comment.inside
(comment)+ @comment.around
