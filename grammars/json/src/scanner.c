// Strings of JSON as Azure Resource Manager reads it.
//
// A string may hold raw line ends, so an opening quote without its closing one would turn every string after it inside
// out. A string that spans lines is therefore believed only when something that can follow a string follows its end;
// else it is broken, and the grammar's own token ends it with its line. A string with an escape that the reader refuses
// is a token of its own, and so is the place before a comment between a key and its colon.

#include "tree_sitter/parser.h"

enum { STRING, MISSPELT, EARLY_COMMENT, CLOSING_QUOTE, COMMA };

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

static inline bool is_blank(int32_t c) {
  if (c < 0x80) return c == ' ' || c == 1 || (c >= '\t' && c <= '\r');
  return c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 ||
         c == 0x202F || c == 0x205F || c == 0x3000;
}

static inline bool is_hex(int32_t c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

// Passes what follows a backslash; false where the reader refuses it.
static bool escape(TSLexer *lexer) {
  switch (lexer->lookahead) {
    case '"': case '\'': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't':
      lexer->advance(lexer, false);
      return true;
    case 'u':
      lexer->advance(lexer, false);
      for (int i = 0; i < 4; i++) {
        if (!is_hex(lexer->lookahead)) return false;
        lexer->advance(lexer, false);
      }
      return true;
    default: return false;
  }
}

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
  // While the parser recovers, everything is valid.
  if (valid[EARLY_COMMENT] && !valid[STRING]) {
    while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
    lexer->mark_end(lexer);
    lexer->result_symbol = EARLY_COMMENT;
    return lexer->lookahead == '/';
  }
  // Where a comma is due, a string is none the less a string: the parser then knows that the comma is missing.
  if (!valid[STRING] && !valid[COMMA]) return false;
  while (is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  int32_t quote = lexer->lookahead;
  if (quote != '"' && quote != '\'') return false;
  lexer->advance(lexer, false);
  bool spans_lines = false, misspelt = false;
  while (lexer->lookahead != quote) {
    if (lexer->lookahead == 0 && lexer->eof(lexer)) return false;
    if (lexer->lookahead == '\\') {
      lexer->advance(lexer, false);
      if (escape(lexer)) continue;
      misspelt = true;
      // What it may be is the next character, whatever that is.
      if (lexer->lookahead == quote) continue;
      if (lexer->lookahead == 0 && lexer->eof(lexer)) return false;
    }
    spans_lines |= is_line_end(lexer->lookahead);
    lexer->advance(lexer, false);
  }
  lexer->advance(lexer, false);
  lexer->mark_end(lexer);
  lexer->result_symbol = misspelt ? MISSPELT : STRING;
  return !spans_lines || string_may_end(lexer);
}
