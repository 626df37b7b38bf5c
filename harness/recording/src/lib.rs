//! HTTP exchanges as they were on the wire: seen by a [`Tap`] on a stream, saved by a [`Recorder`] in a folder for their user alone, and
//! read again by [`read`]. `docs/reference/saved-messages.md` describes the folder.
#![forbid(unsafe_code)]

mod conversation;
mod exchange;
mod folder;
mod held;
mod index;
mod message;
mod name;
mod read;
mod recorder;
mod requests;
mod tap;

pub use self::conversation::exchanges_of;
pub use self::exchange::{End, Exchange, Reply, Request};
pub use self::folder::{Folder, FolderError, Part};
pub use self::name::file_name;
pub use self::read::{ReadError, Recording, folders_in, read};
pub use self::recorder::{MOST_BYTES, MOST_EXCHANGES, Recorder};
pub use self::requests::{Awaited, Received, RequestMemory, Requests};
pub use self::tap::{Peers, Tap};
