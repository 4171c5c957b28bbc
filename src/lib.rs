//! Preflight reads Bicep files and ARM templates, evaluates what a workspace would deploy, and runs security rules over
//! the result before anything is deployed. It is a language server and, with the same engine, a command line.
//!
//! # Layers
//! ```text
//! bytes → text → syntax → model → eval → workspace → rules → analysis ─┬→ lsp   (editors)
//!         ropes  trees    IR of   values  files and   findings facade  └→ cli   (pipelines)
//!                         a file          modules     and fixes
//! ```
//! A layer imports only layers to its left; `lsp` and `cli` do not import each other. `tests/tidy.rs` enforces this and
//! which external crate may be used in which layer.
//!
//! | layer | owns | go there to change |
//! |---|---|---|
//! | [`text`] | ropes, spans, conversion of lines and columns, LSP edits | how columns are counted, how edits are applied |
//! | [`syntax`] | tree-sitter trees, typed accessors, ARM's expression language, the edit builder | what counts as a syntax error, how a fix inserts text |
//! | [`model`] | one language-neutral representation of a file | how a language construct is understood |
//! | [`eval`] | values that may be unknown, functions, expansion of loops, conditions and modules | what a function or a condition evaluates to |
//! | [`workspace`] | files and their identity, module graph, parameter files, restored registry modules, configuration | which files are read, and when they are read again |
//! | [`rules`] | one module for each rule: metadata, check, fixes, hover, documentation | what is reported, what is offered |
//! | [`analysis`] | the facade: apply a change, ask for diagnostics, fixes, hover, inventory | what an edit recomputes |
//! | [`lsp`] | the protocol | what an editor receives |
//! | [`cli`] | commands and reports | what a pipeline receives |
//!
//! # Data flow
//! 1. **Prefilter.** The raw bytes of a file are searched for the resource types and members that rules ask for.
//!    A file without any of them, and that leads to no file with one, is never parsed.
//! 2. **Lower.** Each top-level item (a declaration, an element of `resources`) is lowered once for each text. Items
//!    hold no positions, so an edit elsewhere in the file leaves them equal.
//! 3. **Evaluate.** A deployment is an entry point with one set of parameter values. Its evaluation returns resource
//!    instances and the inputs it read: files, missing files, folders that were listed, registry modules, configuration.
//! 4. **Check.** Each rule checks the instances of a deployment. Findings refer to nodes symbolically
//!    ([`model::NodeRef`]); [`analysis`] resolves them to spans last.
//! 5. **Fix.** A rule proposes edits. [`analysis`] applies a proposal that changes a deployment in memory, evaluates the
//!    affected deployments and compares the resources before and after. It offers the proposal only if nothing but what
//!    its title names has changed and the finding is gone.
//!
//! # Incremental computation
//! - An edit reparses its document and lowers again only the items whose text changed.
//! - If the file's template is equal to the one before (a hash over its items), nothing else runs. A comment costs a
//!   reparse.
//! - A changed input re-evaluates the deployments that read it, and no others.
//! - The plans of all deployments of a folder are kept together. While they stay equal, other deployments are not checked
//!   again.
//! - Spans are computed for files whose text or findings changed.
//!
//! # Rules are plug-ins
//! A rule implements [`rules::Rule`] and is listed in [`rules::RULES`]. No code outside its module names it: settings,
//! suppressions, reports, hover and code actions are keyed by rule. A rule that checks one property is one source file
//! and one file of literate tests.
//!
//! # Invariants
//! - Nothing at or below [`eval`] returns `Result`: parsing, lowering and evaluating return a value and errors.
//! - *Unknown* is a value with a reason, and a verdict. It is never treated as fine or as wrong.
//! - [`eval`] reads no files: it asks through [`eval::Files`], which [`workspace`] implements.
//! - Rules see deployments, never syntax trees. Fixes edit through typed accessors and the edit builder in [`syntax`].
//! - An instance is identified by its module path, loop iterations and name, not by its source position.
//! - The server executes nothing, fetches nothing and writes nothing. Only `check --fix` and named reports write files.
//! - Offsets are bytes. Lines and columns exist in [`text::position`] and in what [`analysis`] returns.
//! - [`model::Ident`] compares names without case, as ARM does.
//! - The same input gives the same bytes: results are sorted, and no hash map's order reaches a report.
//!
//! # Threads
//! The server keeps the protocol's state behind a lock, and one worker thread owns [`analysis::Analysis`]. A handler
//! changes the state before its first await and queues the work. A folder is scanned on a thread of its own. Within one
//! refresh, files are loaded and deployments evaluated on all cores over shared references. A panic in the worker is caught
//! and reported; the engine is then rebuilt from the open documents.
//!
//! # Dependencies
//! | crate | gives |
//! |---|---|
//! | `aho-corasick`, `memchr` | multi-pattern search in the prefilter |
//! | `annotate-snippets`, `similar`, `quick-xml` | excerpts, diffs and JUnit's XML in reports |
//! | `anstyle-query` | whether a terminal shows colours |
//! | `cc` | builds the grammars' parsers |
//! | `clap`, `clap_complete`, `clap_mangen` | the command line, its completions and its manual page |
//! | `ctrlc` | Ctrl-C ends a command only between two files that it writes |
//! | `dashmap`, `rustc-hash`, `xxhash-rust` | concurrent maps, and fast hashes for keys that an attacker cannot choose |
//! | `ignore` | the parallel walk that respects `.gitignore`; globs: `input.pathIgnore`, paths on the command line |
//! | `indexmap` | maps that keep insertion order |
//! | `libc` | opening a file without blocking on a pipe |
//! | `mimalloc` | the allocator of the musl binary, whose own is slow |
//! | `percent-encoding` | URIs of paths, and `uriComponent()` |
//! | `process_alive` | whether the editor still runs, on every platform |
//! | `ropey` | text with edits in logarithmic time |
//! | `saphyr-parser` | YAML as events with positions |
//! | `time`, `base64`, `uuid`, `serde_json_path` | calendar dates, base64, name-based GUIDs and JSONPath for the functions that need them |
//! | `serde`, `serde_json` | JSON of the protocol and of reports |
//! | `stacker` | a larger stack for deeply nested input |
//! | `tempfile` | new content beside its file, gone again unless it is put in place |
//! | `tokio`, `tower-lsp`, `tower-service`, `futures-util` | the protocol; `tower-lsp` is its maintained fork `tower-lsp-server` |
//! | `tree-sitter`, `tree-sitter-language` | incremental trees |

pub mod analysis;
pub mod cli;
pub mod docs;
pub mod eval;
pub mod lsp;
pub mod model;
pub mod rules;
pub mod syntax;
pub mod text;
pub mod workspace;
