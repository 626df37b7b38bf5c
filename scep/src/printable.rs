//! The characters of a `PrintableString`.

/// True for a character that a `PrintableString` may have (X.680 §41.4).
pub fn is_printable(character: char) -> bool {
    character.is_ascii_alphanumeric() || " '()+,-./:=?".contains(character)
}

#[cfg(test)]
mod tests {
    use der::asn1::PrintableStringRef;

    use super::*;

    #[test]
    fn characters_are_those_of_the_encoder() {
        for character in (0..0x300).filter_map(char::from_u32) {
            let text = character.to_string();
            assert_eq!(PrintableStringRef::new(&text).is_ok(), is_printable(character), "{text:?}");
        }
    }
}
