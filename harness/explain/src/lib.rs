//! Reads what people have of SCEP conversations, and says what was said and who is wrong.
//!
//! [`input`] finds messages in files, texts and captures, as [`item::InputItem`]s; [`explain`] makes an [`Explanation`] of them, which is
//! plain data; [`text`] writes it for a reader.
#![forbid(unsafe_code)]

pub mod asn1;
mod body;
mod explain;
pub mod explanation;
mod failed;
mod forms;
pub mod input;
pub mod item;
mod judge;
pub mod knowledge;
mod layer;
mod remarks;
mod sent_message;
mod short;
pub mod summary;
pub mod text;

pub use explain::explain;
pub use explanation::Explanation;
pub use failed::failed_exchange;
pub use knowledge::{KeySource, Knowledge};
