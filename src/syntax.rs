//! Trees: what a reader needs of a file's syntax, for both languages, in byte offsets alone.
//!
//! The grammars are our own (`grammars/`), because a newline means something in Bicep and because a template may hold
//! what no standard allows. Everything to the right of this module reads trees, and only this module knows how they come
//! to be: which parser, which language, which of the tolerated mistakes count.

pub mod arm_expression;
pub mod bicep;
pub mod data;
pub mod edit;
pub mod errors;
pub mod json;
pub mod language;
pub mod print;

pub use errors::{Dialect, SyntaxError, all_errors, file_errors, syntax_errors};
pub use language::{bicep, edit, json, parse, parse_aborted};
pub use print::s_expression;
