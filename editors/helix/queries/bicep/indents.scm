; Brackets indent; a ternary's branches and a union's members stand one step in, as the formatter sets them.

[
  (object)
  (array)
  (for)
  (arguments)
  (parenthesized)
  (object_type)
  (tuple_type)
  (import_list)
  (func_parameters)
  (lambda_parameters)
  (ternary)
  (union_type)
] @indent

[ "}" "]" ")" ] @outdent
