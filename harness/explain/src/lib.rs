//! Reads what people have of SCEP conversations, and says what was said and who is wrong.
#![forbid(unsafe_code)]

pub mod exhibit;
pub mod input;
