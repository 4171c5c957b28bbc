//! Text as editors and disks hand it over: bytes inside, lines and columns only at the edge.
//!
//! Every layer to the right counts in byte offsets from the start of a file. Line and column exist in
//! [`position`] and [`lines`] alone, because three encodings of columns are enough trouble for one place.

pub mod document;
pub mod lines;
pub mod position;
pub mod source;
pub mod span;

pub use document::{Document, Edit, TextChange};
pub use lines::{Lines, Point, rope_point};
pub use position::{Encoding, Position, Range};
pub use source::Source;
pub use span::Span;
