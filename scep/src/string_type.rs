//! The ASN.1 string types in which a request may have its names.

use der::{
    Tag, Tagged,
    asn1::{Any, BmpString},
};

use crate::{named, printable::is_printable};

named! {
    /// An ASN.1 string type, by the word that is written for it in a name: `CN:bmp=r1`.
    #[non_exhaustive]
    StringType, "string type" {
        /// `PrintableString`: letters, digits, blanks and a few marks.
        Printable = "printable";
        /// `UTF8String`: any character.
        Utf8 = "utf8";
        /// `IA5String`: ASCII.
        Ia5 = "ia5";
        /// `TeletexString`, also called `T61String`, whose characters are written in Latin-1, as OpenSSL does.
        T61 = "t61";
        /// `BMPString`: UTF-16.
        Bmp = "bmp";
    }
}

impl StringType {
    /// The name in ASN.1.
    pub fn asn1_name(self) -> &'static str {
        match self {
            Self::Printable => "PrintableString",
            Self::Utf8 => "UTF8String",
            Self::Ia5 => "IA5String",
            Self::T61 => "T61String",
            Self::Bmp => "BMPString",
        }
    }

    /// The type of an encoded value, if it is one of these.
    pub(crate) fn of(value: &Any) -> Option<Self> {
        match value.tag() {
            Tag::PrintableString => Some(Self::Printable),
            Tag::Utf8String => Some(Self::Utf8),
            Tag::Ia5String => Some(Self::Ia5),
            Tag::TeletexString => Some(Self::T61),
            Tag::BmpString => Some(Self::Bmp),
            _ => None,
        }
    }

    /// The text as a value of this type; `None` if it has a character that the type does not have.
    pub(crate) fn value(self, text: &str) -> Option<Any> {
        let (tag, content) = match self {
            Self::Printable if text.chars().all(is_printable) => {
                (Tag::PrintableString, text.as_bytes().to_vec())
            }
            Self::Utf8 => (Tag::Utf8String, text.as_bytes().to_vec()),
            Self::Ia5 if text.is_ascii() => (Tag::Ia5String, text.as_bytes().to_vec()),
            Self::T61 => (Tag::TeletexString, in_latin_1(text)?),
            Self::Bmp => return Any::encode_from(&BmpString::from_utf8(text).ok()?).ok(),
            Self::Printable | Self::Ia5 => return None,
        };
        Any::new(tag, content).ok()
    }
}

fn in_latin_1(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_hold_only_their_characters_and_are_recognised() {
        use StringType::{Bmp, Ia5, Printable, T61, Utf8};
        for (text, unfit) in [
            ("r1", vec![]),
            ("r_1", vec![Printable]),
            ("grün", vec![Printable, Ia5]),
            ("5 €", vec![Printable, Ia5, T61]),
            ("😀", vec![Printable, Ia5, T61, Bmp]),
        ] {
            let all = [Printable, Utf8, Ia5, T61, Bmp].into_iter();
            let (fit, others): (Vec<_>, Vec<_>) = all.partition(|it| it.value(text).is_some());
            assert_eq!(others, unfit, "{text}");
            for one in fit {
                assert_eq!(StringType::of(&one.value(text).unwrap()), Some(one));
            }
        }
        assert_eq!(T61.value("grün").unwrap().value(), b"gr\xfcn");
    }
}
