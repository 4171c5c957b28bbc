//! Syntax trees of Bicep and JSON, in byte offsets.
//!
//! The grammars are in `grammars/`: in Bicep newlines are significant, and templates contain JSON that no standard allows.
//! Only this module knows how a tree is made: parser, language, and which errors are tolerated.

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
