; What may be folded: whatever spans lines and is closed by a bracket, a quote or its own end.

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
  (multiline_string)
  (comment)
] @fold
