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

pub use self::budget::{MAX_DECODED_BYTES, MAX_DEPTH, MAX_EXHIBITS, MAX_INPUT_BYTES};
pub use self::error::{InputError, Unrecognised};
pub use self::source::Source;

use self::budget::Budget;
use crate::exhibit::Exhibit;

/// The messages and exchanges in all sources, in their order.
///
/// # Errors
/// If a source cannot be read, has nothing that is recognised, or has more than the limits of this module.
pub fn exhibits(sources: Vec<Source>) -> Result<Vec<Exhibit>, InputError> {
    let mut budget = Budget::default();
    let mut exhibits = Vec::new();
    for source in sources {
        exhibits.extend(source.exhibits(&mut budget)?);
    }
    Ok(exhibits)
}

/// The messages and exchanges in bytes that come from `origin`.
///
/// # Errors
/// As [`exhibits`].
pub fn exhibits_in(origin: &str, bytes: &[u8]) -> Result<Vec<Exhibit>, InputError> {
    recognise::whole(origin, bytes, &mut Budget::default())
}

#[cfg(test)]
mod tests;
