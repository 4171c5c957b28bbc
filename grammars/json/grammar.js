/**
 * JSON as Azure Resource Manager reads it: comments, raw line ends and tabs inside strings, a byte order mark.
 *
 * The tree is made for a reader of large templates, so it has few nodes: a string is one leaf with its quotes and its
 * escapes, and is decoded by who needs its value. What tools tolerate though it is wrong (a comma before a closing
 * bracket) is a node of its own, so that it can be told without losing the file.
 */

/** Items between brackets, separated by commas; one comma too many is named. */
const list = ($, open, item, close) =>
  seq(open, optional(seq(item, repeat(seq(choice(",", $.missing_comma), item)), optional(alias(",", $.trailing_comma)))), close);

module.exports = grammar({
  name: "json",

  // A string is the scanner's, because it may span lines, and what follows it then decides whether it is one.
  externals: ($) => [$.string, $.quote, $.comma],

  extras: ($) => [/[ \t\r\n\f\v\u00A0\uFEFF]/, $.comment],


  rules: {
    document: ($) => optional($._value),

    _value: ($) => choice($.object, $.array, $.string, $.unterminated_string, $.number, $.true, $.false, $.null),

    object: ($) => list($, "{", $.pair, "}"),

    pair: ($) => seq(field("key", $._string), ":", field("value", $._value)),

    array: ($) => list($, "[", $._value, "]"),

    _string: ($) => choice($.string, $.unterminated_string),

    // The scanner never gives a closing quote: it is always missing, which makes the broken string an error.
    // A comma that ends the line is no part of it: more likely the quote before it was forgotten.
    unterminated_string: ($) =>
      seq(/"([^"\\,\r\n]|\\[^\r\n]|,[ \t]*([^"\\, \t\r\n]|\\[^\r\n]))*\\?/, $.quote),

    // Never given either: with it, the pairs and items around a forgotten comma keep their nodes.
    missing_comma: ($) => $.comma,

    number: (_) => /[-+]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?/,

    true: (_) => "true",

    false: (_) => "false",

    null: (_) => "null",

    comment: (_) => token(choice(seq("//", /[^\r\n]*/), seq("/*", /[^*]*\*+([^/*][^*]*\*+)*/, "/"))),
  },
});
