//! What people hand in to have it explained: any file, log, dump or capture.

use explain::{
    exhibit::Content,
    input::{InputError, MAX_EXHIBITS, exhibits_in},
};

use crate::MAX_INPUT_BYTES;

/// Recognises the data, and what was found in it once more.
///
/// # Panics
/// If there are more exhibits than the limit, if one does not say what it was taken for, if an input that is refused has no reason, or if
/// bytes that were found are not found when they are handed in alone.
pub fn explain_input(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let exhibits = match exhibits_in("input", data) {
        Ok(exhibits) => exhibits,
        Err(InputError::Unrecognised(unrecognised)) => {
            assert!(!unrecognised.looks_like.is_empty() && !unrecognised.help.is_empty());
            return;
        }
        Err(InputError::TooMuch(..)) => return,
        Err(error) => panic!("{error}"),
    };
    assert!(!exhibits.is_empty() && exhibits.len() <= MAX_EXHIBITS);
    for exhibit in exhibits {
        assert!(exhibit.origin.starts_with("input"), "{}", exhibit.origin);
        assert!(
            !exhibit.taken_for.is_empty() && exhibit.taken_for.iter().all(|form| !form.is_empty())
        );
        match exhibit.content {
            Content::Bytes(bytes) => {
                assert!(exhibits_in("again", &bytes).is_ok(), "{:?}", exhibit.taken_for);
            }
            Content::Exchange(exchange) => {
                assert!(exchange.request.is_some() || exchange.reply.is_some());
            }
        }
    }
}
