// Strings of JSON as Azure Resource Manager reads it.
//
// A string may hold raw line ends, so an opening quote without its closing one would turn every string after it inside
// out. A string that spans lines is therefore believed only when something that can follow a string follows its end;
// else it is broken, and the grammar's own token ends it with its line.

#include "tree_sitter/parser.h"

enum { STRING, CLOSING_QUOTE, COMMA };

void *tree_sitter_json_external_scanner_create(void) { return 0; }
void tree_sitter_json_external_scanner_destroy(void *payload) { (void)payload; }
unsigned tree_sitter_json_external_scanner_serialize(void *payload, char *buffer) {
  (void)payload, (void)buffer;
  return 0;
}
void tree_sitter_json_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  (void)payload, (void)buffer, (void)length;
}

static inline bool is_line_end(int32_t c) { return c == '\n' || c == '\r'; }

static inline bool is_blank(int32_t c) { return c == ' ' || c == '\t' || is_line_end(c) || c == 0xFEFF || c == 0xA0; }

// Whether the next significant character can follow a string; a comment may.
static bool string_may_end(TSLexer *lexer) {
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, false);
  switch (lexer->lookahead) {
    case ',': case ':': case '}': case ']': case '/': return true;
    default: return lexer->eof(lexer);
  }
}

bool tree_sitter_json_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  (void)payload;
  // Where a comma is due, a string is none the less a string: the parser then knows that the comma is missing.
  if (!valid[STRING] && !valid[COMMA]) return false;
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (lexer->lookahead != '"') return false;
  lexer->advance(lexer, false);
  bool spans_lines = false;
  while (lexer->lookahead != '"') {
    if (lexer->lookahead == '\\') lexer->advance(lexer, false);
    if (lexer->lookahead == 0 && lexer->eof(lexer)) return false;
    spans_lines |= is_line_end(lexer->lookahead);
    lexer->advance(lexer, false);
  }
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = STRING;
  return !spans_lines || string_may_end(lexer);
}
