//! What people hand in to have it explained: any file, log, dump or capture.

use explain::{
    input::{InputError, MAX_ITEMS, items_in},
    item::Content,
};

use crate::MAX_INPUT_BYTES;

/// Recognises the data, and what was found in it once more.
///
/// # Panics
/// If there are more items than the limit, if one does not say what it was taken for, if an input that is refused has no reason, or if
/// bytes that were found are not found when they are handed in alone.
pub fn explain_input(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    let items = match items_in("input", data) {
        Ok(items) => items,
        Err(InputError::Unrecognised(unrecognised)) => {
            assert!(!unrecognised.looks_like.is_empty() && !unrecognised.help.is_empty());
            return;
        }
        Err(InputError::TooMuch(..)) => return,
        Err(error) => panic!("{error}"),
    };
    assert!(!items.is_empty() && items.len() <= MAX_ITEMS);
    for item in items {
        assert!(item.origin.starts_with("input"), "{}", item.origin);
        assert!(!item.taken_for.is_empty() && item.taken_for.iter().all(|form| !form.is_empty()));
        match item.content {
            Content::Bytes(bytes) => {
                assert!(items_in("again", &bytes).is_ok(), "{:?}", item.taken_for);
            }
            Content::Exchange(exchange) => {
                assert!(exchange.request.is_some() || exchange.reply.is_some());
            }
        }
    }
}
