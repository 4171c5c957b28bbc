; A resource, a module and a type are the classes of a deployment; functions and lambdas are its functions.

(resource_declaration body: (_) @class.inner) @class.outer
(module_declaration body: (_) @class.inner) @class.outer
(type_declaration type: (_) @class.inner) @class.outer

(func_declaration body: (_) @function.inner) @function.outer
(lambda body: (_) @function.inner) @function.outer

(for body: (_) @loop.inner) @loop.outer
(if_body body: (_) @conditional.inner) @conditional.outer
(ternary) @conditional.outer

(arguments (_) @parameter.inner)
(func_parameter) @parameter.inner
(lambda_parameters (identifier) @parameter.inner)
(lambda parameters: (identifier) @parameter.inner)

(call) @call.outer
(call arguments: (arguments (_) @call.inner))
(method_call) @call.outer
(method_call arguments: (arguments (_) @call.inner))

(property key: (_) @assignment.lhs value: (_) @assignment.rhs @assignment.inner) @assignment.outer
(var_declaration name: (_) @assignment.lhs value: (_) @assignment.rhs @assignment.inner) @assignment.outer
(output_declaration name: (_) @assignment.lhs value: (_) @assignment.rhs @assignment.inner) @assignment.outer
(param_declaration name: (_) @assignment.lhs value: (_) @assignment.rhs @assignment.inner) @assignment.outer

(decorator) @attribute.outer
(integer) @number.inner
(comment) @comment.outer
