//! Text: byte offsets everywhere, lines and columns only where editors are concerned.
//!
//! Line and column exist only in [`position`] and [`lines`].

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
