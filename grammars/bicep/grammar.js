/**
 * Bicep and Bicep parameter files: one grammar for both, because an editor, a linter and a reader want one tree.
 *
 * Newlines are significant in Bicep, so they are tokens here and not blanks. They come from the scanner
 * (src/scanner.c), which also tells the newlines after which a `?`, `:` or `|` carries an expression or a type on.
 * No other newline may stand inside an expression except where a rule below says so.
 *
 * Every keyword except `true`, `false` and `null` is an identifier wherever no statement can begin.
 */

const PREC = {
  lambda: -2,
  ternary: -1,
  coalesce: 1,
  or: 2,
  and: 3,
  equality: 4,
  relation: 5,
  sum: 6,
  product: 7,
  unary: 8,
  postfix: 9,
};

const OPERATORS = [
  ["??", PREC.coalesce],
  ["||", PREC.or],
  ["&&", PREC.and],
  ["==", PREC.equality],
  ["!=", PREC.equality],
  ["=~", PREC.equality],
  ["!~", PREC.equality],
  ["<", PREC.relation],
  ["<=", PREC.relation],
  [">", PREC.relation],
  [">=", PREC.relation],
  ["+", PREC.sum],
  ["-", PREC.sum],
  ["*", PREC.product],
  ["/", PREC.product],
  ["%", PREC.product],
];

/** The words that begin declarations. */
const KEYWORDS = [
  "targetScope",
  "metadata",
  "type",
  "param",
  "var",
  "func",
  "resource",
  "module",
  "output",
  "test",
  "assert",
  "import",
  "extension",
  "extensionConfig",
  "using",
  "extends",
];

/** Any number of newlines, none included. */
const newlines = ($) => repeat($._newline);

/**
 * Where the text breaks off while it is being typed: `incomplete` holds a token that the scanner never gives, so that the
 * tree has an error here and not further on; the scanner's break then takes the newline. After the first break of a
 * declaration the scanner ends whatever else is open without a further word.
 */
const broken_off = ($) => choice(seq($.incomplete, $._break), $._unclosed);

/** The end of something in brackets. */
const end = ($, close) => choice(close, broken_off($));

/** The end of something that may not reach beyond its line. */
const line_end = ($, close) => choice(close, seq($.incomplete, $._break), $._unclosed_in_line);

/** Items between brackets, separated by newlines or by single commas; the two may be mixed. */
const list = ($, open, item, close) =>
  seq(
    open,
    newlines($),
    optional(seq(item, repeat(seq($._separator, item)), optional($._separator))),
    end($, close),
  );

/** Items between brackets, separated by commas alone; a newline may follow the opening bracket or a comma, or stand before the end. */
const arguments_of = ($, open, item, close) =>
  seq(
    open,
    newlines($),
    optional(seq(item, repeat(seq(",", newlines($), item)), newlines($))),
    end($, close),
  );

/** Parameters: as arguments, and a newline may also stand before a comma. */
const parameters_of = ($, item) =>
  seq(
    "(",
    newlines($),
    optional(seq(item, repeat(seq(newlines($), ",", newlines($), item)), newlines($), optional(seq(",", newlines($))))),
    ")",
  );

/** What is no name where the name of a declaration belongs. */
const skipped_name = ($) => seq($._skipped_name, $.incomplete);

/** The name of a declaration, or the error that it is missing. */
const name = ($) => choice(field("name", $.identifier), skipped_name($), $.incomplete);

/** What a resource or a module is; a newline may stand before a condition and before nothing else. */
const definition = ($, body, conditional) =>
  choice(
    seq(
      "=",
      choice(field("body", body), seq(newlines($), choice(field("body", conditional), broken_off($)))),
    ),
    broken_off($),
  );

module.exports = grammar({
  name: "bicep",

  word: ($) => $.identifier,

  externals: ($) => [
    $._newline,
    $._newline_before_declaration,
    $._newline_before_question,
    $._newline_before_colon,
    $._newline_before_bar,
    $._multiline_open,
    $._multiline_content,
    $._multiline_hole,
    $._multiline_close,
    $._unclosed,
    $._unclosed_in_line,
    $._break,
    $.text,
    $._skipped_line,
    $._skipped_name,
    $._error_sentinel,
  ],

  extras: ($) => [/[ \t\uFEFF]/, $.comment, $.pragma],

  inline: ($) => [$._decorators, $._separator, $._statement, $._declaration, $._value, $._resource_definition],

  // `(x` begins both `(x) => …` and `(x)`: what follows the bracket decides.
  conflicts: ($) => [[$.lambda_parameters, $.variable]],

  rules: {
    source_file: ($) =>
      seq(
        repeat($._declaration_separator),
        repeat(seq($._statement, repeat1($._declaration_separator))),
        optional($._statement),
      ),

    _statement: ($) => choice($._declaration, $.incomplete_declaration),

    // A word alone on its line is the beginning of a declaration. A line that begins no declaration is skipped.
    incomplete_declaration: ($) =>
      seq(optional($._decorators), choice($.identifier, ...KEYWORDS, $._skipped_line), broken_off($)),

    // Before a line that can only begin a declaration, whatever is open ends; nothing else takes its newline.
    _declaration_separator: ($) => choice($._newline, $._newline_before_declaration, $._unclosed),

    // Always an error. A rule of its own, because the parser supplies a missing token only at the end of a rule.
    incomplete: ($) => $.text,

    _separator: ($) => choice(seq($._newline, newlines($)), ","),

    // ---- declarations

    _declaration: ($) =>
      choice(
        $.target_scope,
        $.metadata_declaration,
        $.type_declaration,
        $.param_declaration,
        $.var_declaration,
        $.func_declaration,
        $.resource_declaration,
        $.module_declaration,
        $.output_declaration,
        $.test_declaration,
        $.assert_declaration,
        $.import_declaration,
        $.extension_declaration,
        $.extension_config,
        $.using_declaration,
        $.extends_declaration,
      ),

    decorators: ($) => repeat1(seq($.decorator, repeat1($._declaration_separator))),

    decorator: ($) =>
      seq(
        "@",
        repeat(seq(field("namespace", $.identifier), optional($.arguments), ".")),
        field("name", $.identifier),
        optional(field("arguments", $.arguments)),
      ),

    _decorators: ($) => field("decorators", $.decorators),

    target_scope: ($) => seq(optional($._decorators), "targetScope", $._value),

    _value: ($) => seq("=", field("value", $._expression)),

    metadata_declaration: ($) =>
      seq(optional($._decorators), "metadata", name($), choice($._value, broken_off($))),

    type_declaration: ($) =>
      seq(
        optional($._decorators),
        "type",
        name($),
        choice(seq("=", field("type", $._declared_type)), broken_off($)),
      ),

    // In a parameter file there is no type and always a value.
    param_declaration: ($) =>
      seq(
        optional($._decorators),
        "param",
        name($),
        choice(seq(field("type", $._declared_type), optional($._value)), $._value, broken_off($)),
      ),

    var_declaration: ($) =>
      seq(
        optional($._decorators),
        "var",
        name($),
        choice(seq(optional(field("type", $._declared_type)), $._value), broken_off($)),
      ),

    output_declaration: ($) =>
      seq(
        optional($._decorators),
        "output",
        name($),
        choice(
          seq(
            field("type", choice($._declared_type, alias($._any_resource_type, $.resource_type))),
            choice($._value, broken_off($)),
          ),
          broken_off($),
        ),
      ),

    func_declaration: ($) =>
      seq(
        optional($._decorators),
        "func",
        name($),
        choice(
          seq(
            field("parameters", $.func_parameters),
            field("returns", $._type),
            "=>",
            newlines($),
            field("body", $._expression),
          ),
          broken_off($),
        ),
      ),

    func_parameters: ($) => parameters_of($, $.func_parameter),

    func_parameter: ($) => seq(field("name", $.identifier), field("type", $._type)),

    resource_declaration: ($) =>
      seq(
        optional($._decorators),
        "resource",
        choice(field("name", $.identifier), skipped_name($)),
        choice(
          seq(
            field("type", $._string),
            optional(field("existing", $.existing)),
            $._resource_definition,
          ),
          broken_off($),
        ),
      ),

    existing: (_) => "existing",

    _resource_definition: ($) =>
      definition($, choice(alias($._resource_object, $.object), alias($._resource_for, $.for)), alias($._resource_if, $.if_body)),

    module_declaration: ($) =>
      seq(
        optional($._decorators),
        "module",
        name($),
        choice(
          seq(
            field("path", $._string),
            definition($, choice($.object, alias($._module_for, $.for)), $.if_body),
          ),
          broken_off($),
        ),
      ),

    if_body: ($) => seq("if", choice(seq(field("condition", $.parenthesized), choice(field("body", $.object), broken_off($))), broken_off($))),

    _resource_if: ($) =>
      seq(
        "if",
        choice(
          seq(field("condition", $.parenthesized), choice(field("body", alias($._resource_object, $.object)), broken_off($))),
          broken_off($),
        ),
      ),

    test_declaration: ($) =>
      seq(optional($._decorators), "test", field("name", $.identifier), field("path", $._string), "=", field("body", $.object)),

    assert_declaration: ($) =>
      seq(optional($._decorators), "assert", field("name", $.identifier), "=", field("value", $._expression)),

    import_declaration: ($) =>
      seq(
        optional($._decorators),
        "import",
        choice(
          seq(
            choice(field("items", $.import_list), seq("*", "as", field("namespace", $.identifier))),
            choice(seq("from", field("path", $._string)), broken_off($)),
          ),
          seq(field("extension", $._string), optional(field("with", $.with_clause)), optional($._as)),
        ),
      ),

    import_list: ($) => list($, "{", $.import_item, "}"),

    import_item: ($) => choice(seq(field("name", $.identifier), optional($._as)), seq(field("name", $._string), $._as)),

    _as: ($) => seq("as", field("alias", $.identifier)),

    with_clause: ($) => seq("with", field("config", $.object)),

    extension_declaration: ($) =>
      seq(
        optional($._decorators),
        "extension",
        field("extension", choice($.identifier, $._string)),
        optional(field("with", $.with_clause)),
        optional($._as),
      ),

    extension_config: ($) =>
      seq(optional($._decorators), "extensionConfig", field("name", $.identifier), field("with", $.with_clause)),

    using_declaration: ($) =>
      seq(optional($._decorators), "using", choice("none", field("path", $._string)), optional(field("with", $.with_clause))),

    extends_declaration: ($) => seq(optional($._decorators), "extends", field("path", $._string)),

    // ---- expressions

    _expression: ($) => choice($.ternary, $.binary, $.unary, $._postfix),

    ternary: ($) =>
      prec.right(
        PREC.ternary,
        seq(
          field("condition", $._expression),
          repeat($._newline_before_question),
          "?",
          field("then", $._expression),
          choice(seq(repeat($._newline_before_colon), ":", field("else", $._expression)), broken_off($)),
        ),
      ),

    binary: ($) =>
      choice(
        ...OPERATORS.map(([operator, precedence]) =>
          prec.left(
            precedence,
            seq(field("left", $._expression), field("operator", operator), field("right", $._expression)),
          ),
        ),
      ),

    // Exactly one prefix operator: `!!x` and `--x` are errors.
    unary: ($) => prec(PREC.unary, seq(field("operator", choice("!", "-")), field("operand", $._postfix))),

    _postfix: ($) =>
      choice(
        $.member,
        $.index,
        $.method_call,
        $.resource_access,
        $.non_null,
        $.call,
        $.lambda,
        $.variable,
        $.integer,
        $.boolean,
        $.null,
        $.string,
        $.multiline_string,
        $.object,
        $.array,
        $.for,
        $.parenthesized,
        $.incomplete_expression,
      ),

    // Where a bracket could end as well, that it is not closed says more.
    incomplete_expression: ($) => prec(-9, broken_off($)),

    member: ($) =>
      prec.left(
        PREC.postfix,
        seq(
          field("object", $._postfix),
          ".",
          optional(field("safe", "?")),
          choice(field("property", $.identifier), broken_off($)),
        ),
      ),

    method_call: ($) =>
      prec.left(
        PREC.postfix,
        seq(field("object", $._postfix), ".", field("method", $.identifier), field("arguments", $.arguments)),
      ),

    index: ($) =>
      prec.left(
        PREC.postfix,
        seq(
          field("object", $._postfix),
          "[",
          optional(field("safe", "?")),
          optional(field("from_end", "^")),
          field("index", $._expression),
          end($, "]"),
        ),
      ),

    resource_access: ($) =>
      prec.left(PREC.postfix, seq(field("object", $._postfix), "::", choice(field("resource", $.identifier), broken_off($)))),

    non_null: ($) => prec.left(PREC.postfix, seq(field("operand", $._postfix), "!")),

    call: ($) => prec(PREC.postfix, seq(field("function", $.identifier), field("arguments", $.arguments))),

    arguments: ($) => arguments_of($, "(", $._expression, ")"),

    lambda: ($) =>
      prec.right(
        PREC.lambda,
        seq(
          field("parameters", choice($.lambda_parameters, $.identifier, $.parenthesized)),
          "=>",
          newlines($),
          field("body", $._expression),
        ),
      ),

    lambda_parameters: ($) => parameters_of($, field("name", $.identifier)),

    parenthesized: ($) => seq("(", newlines($), field("expression", $._expression), newlines($), end($, ")")),

    variable: ($) => $.identifier,

    array: ($) => list($, "[", choice($._expression, $.spread), "]"),

    object: ($) => list($, "{", choice($.property, $.spread), "}"),

    // Only the object that is a resource's body may hold nested resources; `resource:` stays a key.
    _resource_object: ($) => list($, "{", choice($.property, $.spread, $.resource_declaration), "}"),

    property: ($) => seq(field("key", $._key), choice(seq(":", field("value", $._expression)), broken_off($))),

    _key: ($) => choice($.identifier, alias("resource", $.identifier), $._string, $._reserved),

    // As a key these words need quotes.
    _reserved: ($) => seq(choice("true", "false", "null"), $.incomplete),

    spread: ($) => seq("...", field("value", $._expression)),

    for: ($) =>
      choice(
        seq($._for_head, ":", field("body", $._expression), newlines($), end($, "]")),
        $._incomplete_for,
      ),

    _module_for: ($) =>
      choice(
        seq($._for_head, ":", field("body", choice($.object, $.if_body)), newlines($), end($, "]")),
        $._incomplete_for,
      ),

    _resource_for: ($) =>
      choice(
        seq(
          $._for_head,
          ":",
          field("body", choice(alias($._resource_object, $.object), alias($._resource_if, $.if_body))),
          newlines($),
          end($, "]"),
        ),
        $._incomplete_for,
      ),

    _for_head: ($) =>
      seq(
        "[",
        newlines($),
        "for",
        choice(
          field("item", $.identifier),
          seq("(", field("item", $.identifier), ",", field("index", $.identifier), ")"),
        ),
        "in",
        field("iterable", $._expression),
      ),

    _incomplete_for: ($) =>
      choice(
        seq($._for_head, broken_off($)),
        seq(
          "[",
          newlines($),
          "for",
          choice(
            seq(optional(field("item", $.identifier)), broken_off($)),
            seq(
              "(",
              optional(seq(field("item", $.identifier), optional(seq(",", optional(field("index", $.identifier)))))),
              broken_off($),
            ),
          ),
        ),
      ),

    // ---- types

    _declared_type: ($) => choice($._type, $.resource_type),

    resource_type: ($) => seq("resource", field("type", $._string)),

    _any_resource_type: (_) => "resource",

    _type: ($) => choice($.union_type, $._type_unary),

    union_type: ($) =>
      prec.right(
        choice(
          seq($._bar, field("member", $._type_unary), repeat(seq($._bar, field("member", $._type_unary)))),
          seq(field("member", $._type_unary), repeat1(seq($._bar, field("member", $._type_unary)))),
        ),
      ),

    _bar: ($) => seq(optional($._newline_before_bar), "|"),

    _type_unary: ($) => choice($.nullable_type, $.non_null_type, $.negated_type, $._type_postfix),

    // One question mark: `string??` is an error.
    nullable_type: ($) =>
      seq(field("type", choice($.non_null_type, $.negated_type, $._type_postfix)), "?"),

    non_null_type: ($) => seq(field("type", $._type_unary), "!"),

    negated_type: ($) => seq(field("operator", choice("-", "!")), field("operand", $._type_postfix)),

    _type_postfix: ($) =>
      choice($.array_type, $.items_type, $.index_type, $.additional_type, $.member_type, $.generic_type, $._type_primary),

    array_type: ($) => seq(field("element", $._type_postfix), "[", end($, "]")),

    items_type: ($) => seq(field("object", $._type_postfix), "[", "*", "]"),

    index_type: ($) => seq(field("object", $._type_postfix), "[", field("index", $._expression), "]"),

    additional_type: ($) => seq(field("object", $._type_postfix), ".", "*"),

    member_type: ($) =>
      seq(
        field("object", $._type_postfix),
        ".",
        field("property", $.identifier),
        optional(field("arguments", $.type_arguments)),
      ),

    generic_type: ($) =>
      seq(
        field("name", choice($.identifier, alias("resource", $.identifier))),
        field("arguments", $.type_arguments),
      ),

    type_arguments: ($) => arguments_of($, "<", $._type, ">"),

    _type_primary: ($) =>
      choice(
        $.type_name,
        $.integer,
        $.boolean,
        $.null,
        $._string,
        $.object_type,
        $.tuple_type,
        $.parenthesized_type,
      ),

    type_name: ($) => $.identifier,

    parenthesized_type: ($) => seq("(", field("type", $._type), ")"),

    object_type: ($) => list($, "{", $.type_property, "}"),

    type_property: ($) =>
      seq(
        optional($._decorators),
        field("key", choice($.identifier, $._string, "*", $._reserved)),
        choice(seq(":", choice(field("type", $._type), broken_off($))), broken_off($)),
      ),

    tuple_type: ($) => list($, "[", $.tuple_item, "]"),

    tuple_item: ($) => seq(optional($._decorators), field("type", $._type)),

    // ---- strings and atoms

    _string: ($) => choice($.string, $.multiline_string),

    string: ($) => seq("'", repeat(choice($._content, $.escape, $.interpolation)), line_end($, token.immediate("'"))),

    _content: ($) => choice($.string_content, alias(token.immediate("$"), $.string_content)),

    // It stops before every `$`: could it pass one, the lexer would follow the comment in `'//${x}'` past the hole.
    string_content: (_) => token.immediate(prec(1, /[^'\\$\r\n]+|\$[^'\\$\r\n{][^'\\$\r\n]*/)),

    escape: (_) => token.immediate(prec(1, /\\([nrt\\'$]|u\{0*(10)?[0-9A-Fa-f]{1,4}\}|u\{0*[1-9A-Fa-f][0-9A-Fa-f]{4}\})/)),

    interpolation: ($) => seq(token.immediate("${"), field("expression", $._expression), line_end($, "}")),

    multiline_string: ($) =>
      seq(
        alias($._multiline_open, "'''"),
        repeat(
          choice(alias($._multiline_content, $.string_content), alias($._multiline_interpolation, $.interpolation)),
        ),
        alias($._multiline_close, "'''"),
      ),

    _multiline_interpolation: ($) => seq(alias($._multiline_hole, "${"), field("expression", $._expression), line_end($, "}")),

    integer: (_) => /[0-9]+/,

    boolean: (_) => choice("true", "false"),

    null: (_) => "null",

    identifier: (_) => /[A-Za-z_][A-Za-z0-9_]*/,

    comment: (_) => token(choice(seq("//", /[^\r\n]*/), seq("/*", /[^*]*\*+([^/*][^*]*\*+)*/, "/"))),

    pragma: (_) =>
      token(
        seq("#", choice("disable-next-line", "disable-diagnostics", "restore-diagnostics"), /([ \t]*[A-Za-z0-9_-]+)*/),
      ),
  },
});
