//! What `explain` says of the messages of a bundle: the same when it is made and when it is judged again.

use std::time::SystemTime;

use ::bundle::Key;
use explain::input::items_of;
use explain::{Explanation, Knowledge};
use recording::Recording;

/// What explanations call the messages of a bundle, wherever its folder is.
const MESSAGES: &str = "messages";

/// Who is wrong by these messages at that time, as far as the keys open them; none if there are no messages.
pub(crate) fn explained(
    recording: &Recording,
    keys: &[Key],
    now: SystemTime,
    shows_secrets: bool,
) -> Option<Explanation> {
    let items = items_of(recording.clone(), MESSAGES);
    if items.is_empty() {
        return None;
    }
    let mut knowledge = Knowledge { shows_secrets, ..Knowledge::new(now) };
    for key in keys {
        knowledge.keys.push(key.identity.key.clone());
        knowledge.certificates.push(key.identity.certificate.clone());
    }
    Some(explain::explain(items, &knowledge))
}
