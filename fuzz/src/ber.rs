//! BER made definite.

use scep::{ber::normalise, danger::stream};

use crate::{MAX_INPUT_BYTES, text};

/// Normalises the data, and streams what came out.
///
/// # Panics
/// If what is normalised is changed when it is normalised again, if it cannot be streamed, or if what is streamed is not BER.
pub fn ber(data: &[u8]) {
    if data.len() > MAX_INPUT_BYTES {
        return;
    }
    // Both readers are given everything; what is DER is the second one's affair.
    text::checked(stream(data));
    let Some(normalised) = text::checked(normalise(data)) else { return };
    assert_eq!(normalise(&normalised).as_deref().ok(), Some(&*normalised));
    let streamed = stream(&normalised).expect("what is normalised has definite lengths");
    let again = normalise(&streamed).expect("what is streamed is BER");
    // Encrypted content in pieces stays in pieces: its tag does not say that it is a string.
    if !normalised.contains(&0x80) {
        assert_eq!(again, normalised);
    }
}
