//! Finds the messages in what people have of SCEP conversations: files, dumps, logs, captures, and texts that were pasted.

mod access_log;
mod asn1;
mod base64;
mod budget;
mod capture;
mod curl;
mod dump;
mod error;
mod folder;
mod followed;
mod gzip;
mod hexadecimal;
mod http;
mod listing;
mod pem;
mod reading;
mod recognise;
mod recorded;
mod source;
mod text;
mod tshark;

pub use self::budget::{MAX_DECODED_BYTES, MAX_DEPTH, MAX_INPUT_BYTES, MAX_ITEMS};
pub use self::error::{InputError, Unrecognised};
pub use self::recorded::item as recorded_item;
pub use self::source::Source;

use std::path::PathBuf;

use self::budget::Budget;
use crate::item::InputItem;

/// The messages and exchanges in all sources, in their order.
///
/// # Errors
/// If a source cannot be read, has nothing that is recognised, or has more than the limits of this module.
pub fn items(sources: Vec<Source>) -> Result<Vec<InputItem>, InputError> {
    let mut budget = Budget::default();
    let mut items = Vec::new();
    for source in sources {
        items.extend(source.items(&mut budget)?);
    }
    Ok(items)
}

/// What of the sources can be read.
#[derive(Debug, Default)]
pub struct Readable {
    /// The messages and exchanges, in their order.
    pub items: Vec<InputItem>,
    /// Why the other sources cannot be read. After one that exceeds a limit no other is read.
    pub errors: Vec<InputError>,
}

/// The messages and exchanges in all sources that can be read.
pub fn readable(sources: &[Source]) -> Readable {
    let mut budget = Budget::default();
    let mut readable = Readable::default();
    for source in sources {
        match source.items(&mut budget) {
            Ok(items) => readable.items.extend(items),
            Err(error) => {
                let is_last = matches!(error, InputError::TooMuch(..));
                readable.errors.push(error);
                if is_last {
                    break;
                }
            }
        }
    }
    readable
}

/// The folders with a recording each, if the sources are folders with several of them: each is a conversation of its own.
///
/// # Errors
/// If a folder cannot be read.
pub fn recordings(sources: &[Source]) -> Result<Vec<PathBuf>, InputError> {
    let (mut folders, mut count) = (Vec::new(), 0);
    for source in sources {
        let Source::Folder(folder) = source else { return Ok(Vec::new()) };
        let inside = recorded::folders(folder)?;
        count += inside.len();
        folders.extend(if inside.is_empty() { vec![folder.clone()] } else { inside });
    }
    let are_several = count > 0 && folders.len() > 1;
    Ok(if are_several { folders } else { Vec::new() })
}

/// The messages and exchanges in bytes that come from `origin`.
///
/// # Errors
/// As [`items`].
pub fn items_in(origin: &str, bytes: &[u8]) -> Result<Vec<InputItem>, InputError> {
    recognise::whole(origin, bytes, &mut Budget::default())
}

/// The exchanges of a recording that was read already, which its origins call `name`; after the limit of items, no further ones.
pub fn items_of(recording: recording::Recording, name: &str) -> Vec<InputItem> {
    recorded::of(recording, name).take(MAX_ITEMS).collect()
}

#[cfg(test)]
mod tests;
