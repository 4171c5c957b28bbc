//! Preflight reads Bicep and ARM JSON, works out what a workspace would deploy, and says before deployment which
//! container registries nobody would scan. It is a language server and, by the same engine, a command line.
//!
//! # The way of the data
//! ```text
//! bytes ─► text ─► syntax ─► model ─► eval ─► workspace ─► rules ─► analysis ─┬─► lsp   (editors)
//!          rope     tree      what a   what it  many files,  findings  facade   └─► cli   (pipelines)
//!                             file     is worth deployments  and fixes
//!                             says
//! ```
//! A room imports only rooms to its left; `lsp` and `cli` do not see each other. `tests/tidy.rs` holds that rule, and
//! which room may use which outside crate, by reading the `use` lines.
//!
//! | room | owns | to change … go there |
//! |---|---|---|
//! | [`text`] | ropes, spans, positions | how columns are counted, how edits are applied |
//! | [`syntax`] | trees, their accessors, the expressions inside JSON strings | what counts as a syntax error |
//! | [`model`] | what one file says, in one form for both languages | how a construct of a language is understood |
//! | [`eval`] | values that may be unknown, functions, loops, modules | what a function or a condition is worth |
//! | [`workspace`] | files, modules, parameter files, restored registry modules, configuration, memory | what is read and when |
//! | [`rules`] | the rule: its words, its verdicts, its fixes | what is reported and what is offered |
//! | [`analysis`] | the facade, and what is done again after a change | what a keystroke costs |
//! | [`lsp`] | the protocol | what an editor gets |
//! | [`cli`] | commands and reports | what a pipeline gets |
//!
//! # The engine: nothing is invalidated, only looked up
//! 1. **Lower.** Each top-level item (a declaration; an element of `resources`) is lowered once per text and once per
//!    meaning ([`workspace::memo`]). Items hold no positions, so moving one costs nothing, and a comment changes no
//!    meaning.
//! 2. **Summarize.** Each file comes down to the hash of its *slice*: the declarations a rule asks for and what they
//!    refer to ([`workspace::fingerprint`]). Typing in a storage account leaves it equal.
//! 3. **Evaluate.** Each deployment (an entry point with one set of parameter values) remembers what its evaluations
//!    looked at and the values these had ([`workspace::view`]). Only deployments that looked at a changed file are
//!    asked, and evaluate only if no remembered evaluation saw the present values.
//!
//! Before any of that, a **prefilter** looks at raw bytes ([`workspace::prefilter`]): files that name nothing of
//! interest and lead to none that does are never parsed.
//!
//! # Invariants
//! - At and below [`eval`] nothing returns `Result`: parsing, lowering and evaluating give values and problems.
//! - *Unknown* is a value with a reason, and a verdict; never silently fine, never silently bad.
//! - [`eval`] reads no file: it asks through [`eval::Files`], which [`workspace`] implements.
//! - Rules see deployments, never trees; they speak of symbolic places ([`model::NodeRef`]), which [`analysis`] turns
//!   into spans at the very end. Only fixes read the tree, of the file they edit.
//! - The server executes nothing, fetches nothing, writes nothing. Only `check --fix` writes files.
//! - Byte offsets everywhere; lines and columns exist in [`text::position`] and in what [`analysis`] hands out.
//! - Names are compared by [`model::Ident`], which folds case as ARM does.
//! - Same input, same bytes out: whatever is handed out is sorted; no order of a hash map reaches a report.
//!
//! # Threads
//! The server has an *actor*, one plain thread that owns what the protocol knows, and a *judge*, one plain thread that
//! owns the [`analysis::Analysis`]. Handlers send events and return. A folder is scanned on a thread of its own
//! ([`analysis::scan`] is pure), and within one refresh files are loaded and deployments evaluated on as many threads
//! as there are cores, over shared references. The house plan had a pool over immutable snapshots; one owner of the
//! memo tables needs fewer copies, and a panic in the judge is survived by building it anew from the actor's documents.
//!
//! # What it stands on
//! | crate | gives |
//! |---|---|
//! | `aho-corasick`, `memchr` | the searches of the prefilter, at gigabytes a second |
//! | `annotate-snippets`, `similar`, `quick-xml` | excerpts, diffs and JUnit's XML in reports |
//! | `cc` | builds the grammars' parsers |
//! | `clap`, `clap_complete`, `clap_mangen` | the command line, its completions and its manual page |
//! | `dashmap`, `rustc-hash`, `xxhash-rust` | shared tables, and fast hashes for keys that nobody can choose to our harm |
//! | `glob` | patterns for paths on the command line |
//! | `ignore` | the parallel walk as git sees it, and `input.pathIgnore` |
//! | `indexmap` | maps that keep the order of appearance, so that reports do |
//! | `libc` | one flag: opening a pipe without waiting |
//! | `mimalloc` | memory, where the binary is linked against musl: that one's own is slow |
//! | `ropey` | text that is edited in logarithmic time |
//! | `saphyr-parser` | YAML as events with positions |
//! | `serde`, `serde_json` | the protocol's and the reports' JSON |
//! | `stacker` | more stack for input that nests deeply |
//! | `tokio`, `tower-lsp` | the protocol; `tower-lsp` is its maintained fork `tower-lsp-server` |
//! | `tree-sitter`, `tree-sitter-language` | incremental trees |

#![allow(
    rustdoc::private_intra_doc_links,
    reason = "the documentation is for people who work in the house: it is built with its private rooms"
)]

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
