//! Child processes: each in a group of its own, bounded in time, the newest lines of what it prints, and the messages that
//! processes exchange.
#![forbid(unsafe_code)]

mod child;
mod find;
mod lines;
pub mod messages;
mod output;

pub use self::child::{Event, Process, Stream};
pub use self::find::{find, is_executable};
pub use self::lines::{LINE_LIMIT, Lines, Tail};
pub use self::output::Output;
