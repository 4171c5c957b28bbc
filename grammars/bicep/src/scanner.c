// What the generated lexer cannot see: newlines and multi-line strings.
//
// A run of line ends is one token. Whether it ends a declaration, an item or nothing depends on what comes next: a line
// that begins with `?`, `:` or `|` carries the expression or the type before it on, so the scanner looks ahead, past
// blanks, comments and pragmas, and gives such a newline a name of its own.
//
// A line that begins, without indentation, as a declaration does is one, unless a bracket that encloses it is closed
// further on. Its newline too has a name of its own, which only the top level of a file takes: whatever was left open
// above is broken, and the declaration below is not. Without this a half-typed object swallows the rest of the file.
//
// A multi-line string may be opened with any number of `$`, which is the number that opens a hole inside it. Holes may
// hold strings again, so the numbers are kept on a stack; it is the scanner's only state.

#include "tree_sitter/parser.h"

#include <stdlib.h>
#include <string.h>

enum {
  NEWLINE,
  NEWLINE_BEFORE_DECLARATION,
  NEWLINE_BEFORE_QUESTION,
  NEWLINE_BEFORE_COLON,
  NEWLINE_BEFORE_BAR,
  MULTILINE_OPEN,
  MULTILINE_CONTENT,
  MULTILINE_HOLE,
  MULTILINE_CLOSE,
  UNCLOSED,
  UNCLOSED_IN_LINE,
  BREAK,
  TEXT,
  SKIPPED_LINE,
  SKIPPED_NAME,
  ERROR_SENTINEL,
};

typedef struct {
  bool broken;    // something in this declaration was left open
  bool new_line;  // and its end has taken a newline whose own meaning is still to be told
  bool indented;  // and the line after that is indented
  uint16_t ahead;   // newlines that follow among comments before the line that `carried` describes
  uint8_t carried;  // the token of a newline before that line, 0 for none
  uint8_t depth;
  uint8_t dollars[254];
} State;

void *tree_sitter_bicep_external_scanner_create(void) { return calloc(1, sizeof(State)); }

void tree_sitter_bicep_external_scanner_destroy(void *payload) { free(payload); }

unsigned tree_sitter_bicep_external_scanner_serialize(void *payload, char *buffer) {
  State *state = payload;
  if (!state->broken && !state->new_line && !state->depth && !state->ahead) return 0;
  buffer[0] = (char)(state->broken | state->new_line << 1 | state->indented << 2 | state->carried << 3);
  buffer[1] = (char)(state->ahead & 0xFF);
  buffer[2] = (char)(state->ahead >> 8);
  memcpy(buffer + 3, state->dollars, state->depth);
  return state->depth + 3u;
}

void tree_sitter_bicep_external_scanner_deserialize(void *payload, const char *buffer, unsigned length) {
  State *state = payload;
  state->broken = length && buffer[0] & 1;
  state->new_line = length && buffer[0] & 2;
  state->indented = length && buffer[0] & 4;
  state->carried = length ? (uint8_t)buffer[0] >> 3 : 0;
  state->ahead = length ? (uint16_t)((uint8_t)buffer[1] | (uint8_t)buffer[2] << 8) : 0;
  state->depth = length ? (uint8_t)(length - 3) : 0;
  if (length > 3) memcpy(state->dollars, buffer + 3, length - 3);
}

static inline bool is_blank(int32_t c) { return c == ' ' || c == '\t' || c == 0xFEFF; }
static inline bool is_line_end(int32_t c) { return c == '\n' || c == '\r'; }
static inline void advance(TSLexer *lexer) { lexer->advance(lexer, false); }

static void skip_line(TSLexer *lexer) {
  while (!is_line_end(lexer->lookahead) && !lexer->eof(lexer)) advance(lexer);
}

// Past the `*` that opens a block comment.
static void skip_block_comment(TSLexer *lexer) {
  advance(lexer);
  int32_t before = 0;
  while (!lexer->eof(lexer)) {
    int32_t c = lexer->lookahead;
    advance(lexer);
    if (before == '*' && c == '/') return;
    before = c;
  }
}

static inline bool begins_name(int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool continues_name(int32_t c) { return begins_name(c) || (c >= '0' && c <= '9'); }

typedef enum { NO_DECLARATION, PERHAPS_NESTED, TOP_LEVEL } Beginning;

// What the line beginning here begins. A nested resource, a decorator and an imported name look like declarations.
static Beginning scan_beginning(TSLexer *lexer) {
  if (lexer->lookahead == '@') {
    advance(lexer);
    return begins_name(lexer->lookahead) ? PERHAPS_NESTED : NO_DECLARATION;
  }
  char word[16];
  unsigned length = 0;
  while (continues_name(lexer->lookahead)) {
    if (length == sizeof word - 1) return NO_DECLARATION;
    word[length++] = (char)lexer->lookahead;
    advance(lexer);
  }
  word[length] = 0;
  if (!is_blank(lexer->lookahead)) return NO_DECLARATION;
  while (is_blank(lexer->lookahead)) advance(lexer);
  int32_t next = lexer->lookahead;
  static const char *const before_name[] = {"param", "var", "output", "module", "metadata", "func", "assert", "extensionConfig"};
  if (begins_name(next)) {
    for (unsigned i = 0; i < sizeof before_name / sizeof *before_name; i++) {
      if (strcmp(word, before_name[i]) == 0) return TOP_LEVEL;
    }
    static const char *const nested[] = {"resource", "type", "test", "extension", "using"};
    for (unsigned i = 0; i < sizeof nested / sizeof *nested; i++) {
      if (strcmp(word, nested[i]) == 0) return PERHAPS_NESTED;
    }
  }
  if (strcmp(word, "targetScope") == 0 && next == '=') return TOP_LEVEL;
  if (strcmp(word, "import") == 0 && (next == '{' || next == '*')) return TOP_LEVEL;
  static const char *const before_string[] = {"using", "extends", "extension", "import"};
  for (unsigned i = 0; next == '\'' && i < sizeof before_string / sizeof *before_string; i++) {
    if (strcmp(word, before_string[i]) == 0) return TOP_LEVEL;
  }
  return NO_DECLARATION;
}

// Past a string that begins here, single-line or multi-line; its holes count as text.
static void skip_string(TSLexer *lexer) {
  unsigned quotes = 0;
  for (; lexer->lookahead == '\'' && quotes < 3; quotes++) advance(lexer);
  if (quotes == 2) return;
  if (quotes == 1) {
    while (!is_line_end(lexer->lookahead) && !lexer->eof(lexer)) {
      int32_t c = lexer->lookahead;
      advance(lexer);
      if (c == '\'') return;
      if (c == '\\' && !is_line_end(lexer->lookahead)) advance(lexer);
    }
    return;
  }
  for (quotes = 0; quotes < 3 && !lexer->eof(lexer);) {
    quotes = lexer->lookahead == '\'' ? quotes + 1 : 0;
    advance(lexer);
  }
}

// How far ahead a closing bracket is looked for: no resource is longer that holds another without indentation, and a text
// of nothing but open brackets must not take for ever.
enum { FARTHEST = 1 << 13 };

// Whether a bracket closes further on that does not open there, so that this place lies inside it.
static bool is_enclosed(TSLexer *lexer) {
  int depth = 0;
  for (unsigned seen = 0; seen < FARTHEST && !lexer->eof(lexer); seen++) {
    switch (lexer->lookahead) {
      case '{': case '[': case '(':
        depth++;
        break;
      case '}': case ']': case ')':
        if (depth-- == 0) return true;
        break;
      case '\'':
        skip_string(lexer);
        continue;
      case '/':
        advance(lexer);
        if (lexer->lookahead == '/') skip_line(lexer);
        else if (lexer->lookahead == '*') skip_block_comment(lexer);
        continue;
      case '\n':
        advance(lexer);
        if (scan_beginning(lexer) == TOP_LEVEL) return false;
        continue;
    }
    advance(lexer);
  }
  return false;
}

static bool give(TSLexer *lexer, unsigned token) {
  lexer->result_symbol = token;
  return true;
}

// Looks ahead, past blanks, comments and pragmas, for a line that begins with `?`, `:` or `|`. What it finds also
// answers for the newlines that it passes, so that a block of comments is read once and not once for each of its lines.
static void look_ahead(State *state, TSLexer *lexer) {
  state->ahead = state->carried = 0;
  while (state->ahead < UINT16_MAX) {
    while (is_blank(lexer->lookahead)) advance(lexer);
    int32_t first = lexer->lookahead;
    if (is_line_end(first)) {
      while (is_line_end(lexer->lookahead)) advance(lexer);
      state->ahead++;
      continue;
    }
    if (first == '#') {
      skip_line(lexer);
      continue;
    }
    if (first != '/' && first != '?' && first != ':' && first != '|') return;
    advance(lexer);
    if (first == '/') {
      if (lexer->lookahead == '/') skip_line(lexer);
      else if (lexer->lookahead == '*') skip_block_comment(lexer);
      else return;
      continue;
    }
    // `??`, `::` and `||` are operators that no newline may precede.
    if (lexer->lookahead == first) return;
    state->carried = first == '?' ? NEWLINE_BEFORE_QUESTION : first == ':' ? NEWLINE_BEFORE_COLON : NEWLINE_BEFORE_BAR;
    return;
  }
}

// Whether a `?`, a `:` or a `|` at the beginning of a line continues what the lines before hold. The token is given even
// where nothing is left to continue: the parser then takes apart what it kept whole from before an edit, so that the
// line is read as in a parse from scratch.
static bool scan_continuation(State *state, TSLexer *lexer, const bool *valid, bool taken) {
  bool asked = valid[NEWLINE_BEFORE_QUESTION] || valid[NEWLINE_BEFORE_COLON] || valid[NEWLINE_BEFORE_BAR];
  if (!asked && (taken || !valid[NEWLINE])) return false;
  if (!state->ahead) look_ahead(state, lexer);
  unsigned token = state->carried;
  // A type continues on the very next line alone.
  if (!token || (token == NEWLINE_BEFORE_BAR && state->ahead)) return false;
  return (!taken || valid[token]) && give(lexer, token);
}

// Ends something that is not whole: with an error the first time, in silence while the rest is wound up.
static bool break_off(State *state, TSLexer *lexer, unsigned silent, const bool *valid) {
  unsigned token = state->broken && valid[silent] ? silent : BREAK;
  state->broken = state->new_line = true;
  return give(lexer, token);
}

// A newline that has just been passed, or that a break has taken before: which one it is depends on what follows.
static bool scan_newline(State *state, TSLexer *lexer, const bool *valid) {
  bool recovering = valid[ERROR_SENTINEL];
  bool top_level = valid[NEWLINE_BEFORE_DECLARATION] && !recovering;
  bool taken = state->new_line;
  state->new_line = false;
  if (valid[UNCLOSED_IN_LINE] && !recovering) return break_off(state, lexer, UNCLOSED_IN_LINE, valid);
  if (top_level) state->broken = false;
  bool breakable = valid[UNCLOSED] || (valid[TEXT] && !taken);
  if (!state->indented && (begins_name(lexer->lookahead) || lexer->lookahead == '@')) {
    bool declaration = scan_beginning(lexer) != NO_DECLARATION && (top_level || taken || !is_enclosed(lexer));
    if (declaration && (top_level || recovering)) {
      state->broken = false;
      state->depth = 0;
      return give(lexer, NEWLINE_BEFORE_DECLARATION);
    }
    if (declaration && breakable) return break_off(state, lexer, UNCLOSED, valid);
    if (declaration && !taken) {
      state->broken = state->new_line = true;
      return give(lexer, UNCLOSED);
    }
  } else if (!recovering && scan_continuation(state, lexer, valid, taken)) {
    return true;
  }
  if (valid[NEWLINE]) return give(lexer, NEWLINE);
  return breakable && break_off(state, lexer, UNCLOSED, valid);
}

// Past a string in a skipped line. False if it is not closed before the next declaration: its quotes are then the end of
// another string, and what follows is code. The token ends with the line of the opening quotes until the string is whole.
static bool skip_string_of_line(TSLexer *lexer) {
  unsigned quotes = 0;
  for (; lexer->lookahead == '\'' && quotes < 3; quotes++) advance(lexer);
  if (quotes < 3) {
    bool escaped = false;
    while (quotes == 1 && !is_line_end(lexer->lookahead) && !lexer->eof(lexer)) {
      int32_t c = lexer->lookahead;
      advance(lexer);
      if (c == '\'' && !escaped) break;
      escaped = c == '\\' && !escaped;
    }
    return true;
  }
  bool first = true;
  for (quotes = 0; quotes < 3;) {
    int32_t c = lexer->lookahead;
    bool at_end = lexer->eof(lexer);
    if (first && (is_line_end(c) || at_end)) {
      lexer->mark_end(lexer);
      first = false;
    }
    if (at_end) return false;
    advance(lexer);
    quotes = c == '\'' ? quotes + 1 : 0;
    if (is_line_end(c) && scan_beginning(lexer) == TOP_LEVEL) return false;
  }
  return true;
}

// The words that begin statements.
static bool is_keyword(const char *word) {
  static const char *const keywords[] = {
    "targetScope", "metadata", "type", "param", "var", "func", "resource", "module", "output", "test", "assert", "import",
    "extension", "extensionConfig", "using", "extends",
  };
  for (unsigned i = 0; i < sizeof keywords / sizeof *keywords; i++) {
    if (strcmp(word, keywords[i]) == 0) return true;
  }
  return false;
}

// Whether a pragma's keyword begins here, behind its sign.
static bool begins_pragma(TSLexer *lexer) {
  char word[sizeof "restore-diagnostics"];
  unsigned length = 0;
  while (length < sizeof word - 1 && (lexer->lookahead == '-' || (lexer->lookahead >= 'a' && lexer->lookahead <= 'z'))) {
    word[length++] = (char)lexer->lookahead;
    advance(lexer);
  }
  word[length] = 0;
  return strncmp(word, "disable-next-line", 17) == 0 || strcmp(word, "disable-diagnostics") == 0 ||
         strcmp(word, "restore-diagnostics") == 0;
}

// A line, up to the comment behind it, that begins where a statement must begin and is none. A word alone on its line is
// the beginning of one.
static bool scan_skipped_line(TSLexer *lexer) {
  char word[17];
  unsigned length = 0;
  while (continues_name(lexer->lookahead)) {
    if (length < sizeof word - 1) word[length++] = (char)lexer->lookahead;
    advance(lexer);
  }
  word[length] = 0;
  lexer->mark_end(lexer);
  while (is_blank(lexer->lookahead)) advance(lexer);
  if (length && begins_name(word[0]) && (is_keyword(word) || is_line_end(lexer->lookahead) || lexer->eof(lexer))) return false;
  if (!length && lexer->lookahead == '@') return false;
  if (!length && lexer->lookahead == '#') {
    advance(lexer);
    if (begins_pragma(lexer)) return false;
  }
  for (bool first = true; !is_line_end(lexer->lookahead) && !lexer->eof(lexer); first = false) {
    int32_t c = lexer->lookahead;
    if (c == '\'') {
      if (!skip_string_of_line(lexer)) break;
    } else {
      advance(lexer);
      if (is_blank(c)) continue;
      if (c == '/' && first && lexer->lookahead == '*') return false;
      if (c == '/' && lexer->lookahead == '/') return !first && give(lexer, SKIPPED_LINE);
      if (c == '/' && lexer->lookahead == '*') skip_block_comment(lexer);
    }
    lexer->mark_end(lexer);
  }
  return give(lexer, SKIPPED_LINE);
}

// Up to the next blank or `=`, what cannot begin a name, a type or what else follows the keyword of a declaration.
static bool scan_skipped_name(TSLexer *lexer) {
  int32_t c = lexer->lookahead;
  if (begins_name(c) || (c < 128 && c > 0 && strchr("='{}[](),:;|/#@-!?*<>\"", c))) return false;
  while (!is_blank(c) && !is_line_end(c) && c != '=' && c != '\'' && c != '/' && !lexer->eof(lexer)) {
    advance(lexer);
    c = lexer->lookahead;
  }
  lexer->mark_end(lexer);
  return give(lexer, SKIPPED_NAME);
}

static bool scan_multiline_open(State *state, TSLexer *lexer) {
  unsigned dollars = 0;
  for (; lexer->lookahead == '$'; dollars++) advance(lexer);
  for (int i = 0; i < 3; i++) {
    if (lexer->lookahead != '\'') return false;
    advance(lexer);
  }
  if (state->depth == sizeof state->dollars || dollars > 255) return false;
  lexer->mark_end(lexer);
  state->dollars[state->depth++] = (uint8_t)dollars;
  lexer->result_symbol = MULTILINE_OPEN;
  return true;
}

// Inside a multi-line string: text up to the next hole or the end, or, when there is no text, that hole or end.
// A run of more than three quotes ends the string with its last three, and a run of more `$` than were asked for opens
// a hole with its last ones; the ones before are text.
static bool scan_multiline(State *state, TSLexer *lexer) {
  unsigned opener = state->dollars[state->depth - 1];
  bool text = false;
  while (!lexer->eof(lexer)) {
    lexer->mark_end(lexer);
    if (lexer->lookahead == '\'') {
      unsigned quotes = 0;
      for (; lexer->lookahead == '\''; quotes++) advance(lexer);
      if (quotes >= 3) {
        if (text) {
          lexer->result_symbol = MULTILINE_CONTENT;
          return true;
        }
        lexer->mark_end(lexer);
        state->depth--;
        lexer->result_symbol = MULTILINE_CLOSE;
        return true;
      }
    } else if (lexer->lookahead == '$' && opener) {
      unsigned dollars = 0;
      for (; lexer->lookahead == '$'; dollars++) advance(lexer);
      if (dollars >= opener && lexer->lookahead == '{') {
        if (text) {
          lexer->result_symbol = MULTILINE_CONTENT;
          return true;
        }
        advance(lexer);
        lexer->mark_end(lexer);
        lexer->result_symbol = MULTILINE_HOLE;
        return true;
      }
    } else {
      advance(lexer);
    }
    text = true;
  }
  return false;
}

bool tree_sitter_bicep_external_scanner_scan(void *payload, TSLexer *lexer, const bool *valid) {
  State *state = payload;
  // While recovering from an error every token is valid, and only newlines can be told without knowing where we are.
  bool recovering = valid[ERROR_SENTINEL];
  bool in_multiline = (valid[MULTILINE_CONTENT] || valid[MULTILINE_CLOSE]) && state->depth;
  if (in_multiline && !recovering) return scan_multiline(state, lexer);
  if (state->new_line && !recovering) {
    lexer->mark_end(lexer);
    return scan_newline(state, lexer, valid);
  }
  // Blanks before a newline are its own in code, and text in a string that is not closed.
  bool in_string = valid[UNCLOSED_IN_LINE] && !valid[NEWLINE_BEFORE_QUESTION];
  while (!in_string && is_blank(lexer->lookahead)) lexer->advance(lexer, true);
  if (is_line_end(lexer->lookahead)) {
    while (is_line_end(lexer->lookahead)) advance(lexer);
    state->indented = is_blank(lexer->lookahead);
    while (is_blank(lexer->lookahead)) advance(lexer);
    lexer->mark_end(lexer);
    if (state->ahead) state->ahead--;
    if (valid[BREAK] && !recovering) {
      state->broken = state->new_line = true;
      return give(lexer, BREAK);
    }
    state->new_line = false;
    return scan_newline(state, lexer, valid);
  }
  if (lexer->eof(lexer) && state->broken && !recovering && !valid[NEWLINE_BEFORE_DECLARATION]) {
    if (valid[UNCLOSED]) return give(lexer, UNCLOSED);
    if (valid[UNCLOSED_IN_LINE]) return give(lexer, UNCLOSED_IN_LINE);
  }
  if (valid[SKIPPED_LINE] && !recovering && !lexer->eof(lexer)) return scan_skipped_line(lexer);
  if (valid[SKIPPED_NAME] && !recovering && !lexer->eof(lexer)) {
    if (lexer->lookahead != '\'' && lexer->lookahead != '$') return scan_skipped_name(lexer);
  }
  if (valid[MULTILINE_OPEN] && !recovering && (lexer->lookahead == '\'' || lexer->lookahead == '$')) {
    return scan_multiline_open(state, lexer);
  }
  return false;
}
