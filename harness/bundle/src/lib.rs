//! Bundles: all that is needed to look at a failed scenario or case elsewhere, in a folder. [`Shelf`] writes them, [`open`] reads them.
//! `docs/reference/bundles.md` describes the folder.
#![forbid(unsafe_code)]

mod index;
mod key;
mod layout;
mod read;
mod write;

pub use self::index::{Check, FileEntry, FileKind, Index, KeyEntry, Verdict};
pub use self::key::{Key, Role};
pub use self::read::{Bundle, BundledFile, OpenError, bundles_in, index_of, open};
pub use self::write::{Draft, Shelf, ShelfError};
