//! The number of characters before an offset of a text, without reading the text from its beginning.

/// The distance of two counted offsets, in bytes.
const STEP: usize = 1024;

/// The number of characters before every [`STEP`]th byte.
#[derive(Debug)]
pub(super) struct Characters(Vec<usize>);

impl Characters {
    /// Counts the characters of a text.
    pub(super) fn of(text: &str) -> Self {
        let mut before = 0;
        let counted = text.as_bytes().chunks(STEP).map(|step| {
            before += begun(step);
            before
        });
        Self(std::iter::once(0).chain(counted).collect())
    }

    /// The number of characters of this text that begin before an offset.
    pub(super) fn before(&self, text: &str, offset: usize) -> usize {
        let step = offset / STEP;
        self.0[step] + begun(&text.as_bytes()[step * STEP..offset])
    }
}

/// The number of characters that begin in these bytes of UTF-8.
fn begun(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| !matches!(byte, 0x80..=0xbf)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_counted_at_every_boundary() {
        let text = "a\u{e9}\u{20ac}\u{1f511}".repeat(STEP / 5);
        let characters = Characters::of(&text);
        for (count, (at, _)) in text.char_indices().enumerate() {
            assert_eq!(characters.before(&text, at), count, "{at}");
        }
        for length in [0, 1, STEP - 1, STEP, STEP + 1, 2 * STEP] {
            let text = "a".repeat(length);
            assert_eq!(Characters::of(&text).before(&text, length), length);
        }
    }
}
