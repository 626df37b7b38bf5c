//! HTTP exchanges as they were on the wire: seen by a [`Tap`] on a stream, kept by a [`Recorder`] and saved in a folder for their
//! user alone, and read again by [`read`]. `docs/reference/saved-messages.md` describes the folder.
#![forbid(unsafe_code)]

mod complaints;
mod conversation;
mod exchange;
mod folder;
mod held;
mod index;
mod message;
mod name;
mod newest;
mod read;
mod recorder;
mod requests;
mod room;
mod tap;
mod versioned;
mod writer;

pub use self::conversation::exchanges_of;
pub use self::exchange::{End, Exchange, Extent, Gap, Reply, Request, field};
pub use self::folder::{Folder, FolderError, Part};
pub use self::message::{Ending, Found, HttpMessage, first_message, next_start, starts};
pub use self::name::file_name;
pub use self::read::{ReadError, Recording, folders_in, read};
pub use self::recorder::Recorder;
pub use self::requests::{Awaited, Received, RequestMemory, Requests};
pub use self::tap::{Peers, Tap};
pub use self::versioned::{IndexError, versioned};
pub use self::writer::{MOST_BYTES, MOST_EXCHANGES};
