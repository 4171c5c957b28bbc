[
  (object)
  (array)
  (comment)
] @fold
