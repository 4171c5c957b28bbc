(comment) @comment
(pair key: (_) @property)
(pair value: (string) @string)
(array (string) @string)
(document (string) @string)
(number) @number
[ (true) (false) ] @boolean
(null) @constant.builtin
[ "{" "}" "[" "]" ] @punctuation.bracket
[ "," ":" ] @punctuation.delimiter
(trailing_comma) @punctuation.delimiter
