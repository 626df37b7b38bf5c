//! Characters that can be written in several ways: in full width, as letters of mathematics, with accents as characters of their own.

use std::iter::once;

use icu_normalizer::{ComposingNormalizerBorrowed, DecomposingNormalizerBorrowed};

/// The characters that a character stands for, in their usual shape (Unicode Standard Annex #15, NFKD): `é` is `e` and an accent.
pub(super) fn usual(character: char) -> String {
    if character.is_ascii() {
        return character.to_string();
    }
    DecomposingNormalizerBorrowed::new_nfkd().normalize_iter(once(character)).collect()
}

/// The text as it is and in its four normal forms, without duplicates.
pub(crate) fn spellings(text: &str) -> Vec<String> {
    let mut spellings = vec![text.to_owned()];
    if text.is_ascii() {
        return spellings;
    }
    let decomposing =
        [DecomposingNormalizerBorrowed::new_nfd(), DecomposingNormalizerBorrowed::new_nfkd()];
    let composing =
        [ComposingNormalizerBorrowed::new_nfc(), ComposingNormalizerBorrowed::new_nfkc()];
    let decomposed = decomposing.iter().map(|normal| normal.normalize(text).into_owned());
    let composed = composing.iter().map(|normal| normal.normalize(text).into_owned());
    for spelling in decomposed.chain(composed) {
        if !spellings.contains(&spelling) {
            spellings.push(spelling);
        }
    }
    spellings
}
