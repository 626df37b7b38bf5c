//! Reads what people have of SCEP conversations, and says what was said and who is wrong.
//!
//! [`input`] finds messages in files, texts and captures, as [`exhibit::Exhibit`]s; [`explain`] makes an [`Explanation`] of them, which is
//! plain data; [`text`] writes it for a reader.
#![forbid(unsafe_code)]

pub mod asn1;
mod body;
pub mod exhibit;
mod explain;
pub mod explanation;
mod failed;
mod forms;
pub mod input;
mod judge;
pub mod knowledge;
mod layer;
mod piece;
mod remarks;
mod short;
pub mod summary;
pub mod text;

pub use explain::explain;
pub use explanation::Explanation;
pub use failed::failed_exchange;
pub use knowledge::{KeySource, Knowledge};
