/**
 * JSON as Azure Resource Manager reads it: comments, raw line ends and tabs inside strings, single quotes, keys without
 * quotes, numbers to the bases 8 and 16, every blank of Unicode.
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
  externals: ($) => [$.string, $._misspelt, $._early_comment, $.quote, $.comma],

  // U+0001 stands for NUL, which Preflight's reader replaces because a generated lexer ends there.
  extras: ($) => [/[\u0001 \t\r\n\f\v\u0085\u00A0\u1680\u2000-\u200A\u2028\u2029\u202F\u205F\u3000]/, $.comment],

  rules: {
    document: ($) => seq(optional("\uFEFF"), optional($._value)),

    _value: ($) => choice($.object, $.array, $._string, $.number, $.true, $.false, $.null),

    object: ($) => list($, "{", $.pair, "}"),

    pair: ($) => seq(
      field("key", choice($._string, alias($._name, $.string))),
      optional($.early_comment),
      ":",
      field("value", $._value),
    ),

    _name: (_) => /[A-Za-z_][A-Za-z0-9_]*/,

    array: ($) => list($, "[", $._value, "]"),

    _string: ($) => choice($.string, $.unterminated_string, $.misspelt_string),

    // An escape that the reader refuses, or a comment between a key and its colon: the quote behind it is always missing,
    // which makes it an error that damages nothing around it.
    misspelt_string: ($) => seq($._misspelt, $.quote),

    early_comment: ($) => seq($._early_comment, $.quote),

    // The scanner never gives a closing quote: it is always missing, which makes the broken string an error.
    // A comma that ends the line is no part of it: more likely the quote before it was forgotten.
    unterminated_string: ($) =>
      seq(/"([^"\\,\r\n]|\\[^\r\n]|,[ \t]*([^"\\, \t\r\n]|\\[^\r\n]))*\\?/, $.quote),

    // Never given either: with it, the pairs and items around a forgotten comma keep their nodes.
    missing_comma: ($) => $.comma,

    number: (_) => token(choice(
      /0[0-7]+/,
      /0[xX][0-9a-fA-F]+/,
      /(0|[1-9][0-9]*|-[0-9]+)(\.[0-9]*)?([eE][-+]?[0-9]+)?/,
      /-?\.[0-9]+([eE][-+]?[0-9]+)?/,
      "NaN",
      /-?Infinity/,
    )),

    true: (_) => "true",

    false: (_) => "false",

    null: (_) => choice("null", "undefined"),

    comment: (_) => token(choice(seq("//", /[^\r\n]*/), seq("/*", /[^*]*\*+([^/*][^*]*\*+)*/, "/"))),
  },
});
