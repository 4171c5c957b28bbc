//! The grammars, held to their specification: the corpus files beside each grammar, the files people ship, and what
//! happens to a tree while its text is being typed.

#[path = "grammar/files.rs"]
mod files;
#[path = "grammar/incremental.rs"]
mod incremental;
#[path = "grammar/queries.rs"]
mod queries;
#[path = "grammar/real_files.rs"]
mod real_files;
#[path = "grammar/recovery.rs"]
mod recovery;
#[path = "grammar/spans.rs"]
mod spans;
#[path = "grammar/specification.rs"]
mod specification;
