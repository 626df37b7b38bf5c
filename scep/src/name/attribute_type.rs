//! Attribute types of names: their words, object identifiers, lengths and string types.

use std::{ops::RangeInclusive, str::FromStr};

use der::asn1::{Any, ObjectIdentifier};

use super::NameError;
use crate::{printable::is_printable, string_type::StringType};

/// A type of an attribute in a name.
#[derive(Clone, Debug)]
pub(super) struct AttributeType {
    /// The word or the identifier as it was written.
    pub(super) written: String,
    pub(super) oid: ObjectIdentifier,
    lengths: RangeInclusive<usize>,
    text: Text,
    /// The string type that was demanded.
    string: Option<StringType>,
}

/// The string types of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// `PrintableString` if the value allows it, or else `UTF8String` (RFC 5280 §4.1.2.4).
    Directory,
    /// `IA5String`: ASCII.
    Ia5,
    /// `PrintableString`.
    Printable,
}

impl Text {
    /// The string type of a value, if no other is demanded.
    fn string_type(self, value: &str) -> StringType {
        match self {
            Self::Ia5 => StringType::Ia5,
            Self::Directory if !value.chars().all(is_printable) => StringType::Utf8,
            Self::Directory | Self::Printable => StringType::Printable,
        }
    }
}

type Row = (&'static str, &'static str, RangeInclusive<usize>, Text);

/// The known types with the allowed number of characters (RFC 5280 appendix A.1 and X.520; RFC 2985 §5.4 for the unstructured ones;
/// the guidelines of the CA/Browser Forum for the jurisdictions).
const KNOWN: [Row; 27] = [
    ("CN", "2.5.4.3", 1..=64, Text::Directory),
    ("businessCategory", "2.5.4.15", 1..=128, Text::Directory),
    ("C", "2.5.4.6", 2..=2, Text::Printable),
    ("DC", "0.9.2342.19200300.100.1.25", 1..=255, Text::Ia5),
    ("description", "2.5.4.13", 1..=1024, Text::Directory),
    ("dnQualifier", "2.5.4.46", 1..=255, Text::Printable),
    ("emailAddress", "1.2.840.113549.1.9.1", 1..=255, Text::Ia5),
    ("generationQualifier", "2.5.4.44", 1..=64, Text::Directory),
    ("GN", "2.5.4.42", 1..=64, Text::Directory),
    ("initials", "2.5.4.43", 1..=64, Text::Directory),
    ("jurisdictionC", "1.3.6.1.4.1.311.60.2.1.3", 2..=2, Text::Printable),
    ("jurisdictionL", "1.3.6.1.4.1.311.60.2.1.1", 1..=128, Text::Directory),
    ("jurisdictionST", "1.3.6.1.4.1.311.60.2.1.2", 1..=128, Text::Directory),
    ("L", "2.5.4.7", 1..=128, Text::Directory),
    ("O", "2.5.4.10", 1..=64, Text::Directory),
    ("organizationIdentifier", "2.5.4.97", 1..=256, Text::Directory),
    ("OU", "2.5.4.11", 1..=64, Text::Directory),
    ("postalCode", "2.5.4.17", 1..=40, Text::Directory),
    ("pseudonym", "2.5.4.65", 1..=128, Text::Directory),
    ("serialNumber", "2.5.4.5", 1..=64, Text::Directory),
    ("SN", "2.5.4.4", 1..=64, Text::Directory),
    ("ST", "2.5.4.8", 1..=128, Text::Directory),
    ("street", "2.5.4.9", 1..=128, Text::Directory),
    ("title", "2.5.4.12", 1..=64, Text::Directory),
    ("UID", "0.9.2342.19200300.100.1.1", 1..=255, Text::Directory),
    ("unstructuredAddress", "1.2.840.113549.1.9.8", 1..=255, Text::Directory),
    ("unstructuredName", "1.2.840.113549.1.9.2", 1..=255, Text::Ia5),
];

/// The allowed number of characters of a value whose type is only known by its identifier.
const OTHER_LENGTHS: RangeInclusive<usize> = 1..=1024;

impl AttributeType {
    /// Reads a known word, or an object identifier such as `2.5.4.3`; after a colon may come a string type.
    pub(super) fn parse(written: &str) -> Result<Self, NameError> {
        let (text, wanted) = match written.split_once(':') {
            Some((text, string)) => (text.trim_end(), Some(string.trim().to_lowercase().parse()?)),
            None => (written, None),
        };
        let unknown = || NameError::UnknownType(text.to_owned());
        let is_named = |row: &&Row| row.0.eq_ignore_ascii_case(text) || row.1 == text;
        let (oid, lengths, string) = match KNOWN.iter().find(is_named) {
            Some((_, oid, lengths, string)) => (*oid, lengths.clone(), *string),
            None if text.starts_with(|c: char| c.is_ascii_digit()) => {
                (text, OTHER_LENGTHS, Text::Directory)
            }
            None => return Err(unknown()),
        };
        let oid = ObjectIdentifier::from_str(oid).map_err(|_| unknown())?;
        Ok(Self { written: text.to_owned(), oid, lengths, text: string, string: wanted })
    }

    /// The encoded value; the error says why the value is not allowed.
    pub(super) fn value(&self, value: &str) -> Result<Any, NameError> {
        let unusable = |reason: String| NameError::UnusableValue {
            attribute_type: self.written.clone(),
            value: value.to_owned(),
            reason,
        };
        let count = value.chars().count();
        if !self.lengths.contains(&count) {
            return Err(unusable(format!("it has {count} characters, {}", self.allowed())));
        }
        if value.contains('\0') {
            return Err(unusable("it has a NUL character".to_owned()));
        }
        let string = self.string.unwrap_or_else(|| self.text.string_type(value));
        string.value(value).ok_or_else(|| {
            unusable(match (self.string, self.text) {
                (Some(string), _) => {
                    format!("it has a character that no {} has", string.asn1_name())
                }
                (None, Text::Ia5) => "its type allows ASCII characters only".to_owned(),
                (None, _) => {
                    "its type allows letters, digits, blanks and `'()+,-./:=?` only".to_owned()
                }
            })
        })
    }

    fn allowed(&self) -> String {
        match (self.lengths.start(), self.lengths.end()) {
            (least, most) if least == most => format!("and must have {most}"),
            (_, most) => format!("and may have {most} at most"),
        }
    }
}

/// Other words that programs have for the types.
const OTHER_WORDS: [(&str, &str); 15] = [
    ("commonName", "CN"),
    ("countryName", "C"),
    ("domainComponent", "DC"),
    ("E", "emailAddress"),
    ("email", "emailAddress"),
    ("G", "GN"),
    ("givenName", "GN"),
    ("localityName", "L"),
    ("organizationName", "O"),
    ("organizationalUnitName", "OU"),
    ("S", "ST"),
    ("SERIAL", "serialNumber"),
    ("stateOrProvinceName", "ST"),
    ("streetAddress", "street"),
    ("surname", "SN"),
];

/// The words about an unknown type: the known one that is meant, or all of them.
pub(super) fn unknown_type(text: &str) -> String {
    if text.is_empty() {
        return "an attribute type is missing before `=`".to_owned();
    }
    let other = OTHER_WORDS.iter().find(|(word, _)| word.eq_ignore_ascii_case(text));
    let identifier = text.get(..4).filter(|start| start.eq_ignore_ascii_case("oid."));
    let meant = other.map(|(_, known)| *known).or_else(|| identifier.map(|_| &text[4..]));
    if let Some(meant) = meant {
        return format!("`{text}` is no known attribute type: write `{meant}`");
    }
    format!(
        "`{text}` is no known attribute type (known: {}; any other by its object identifier)",
        known_words()
    )
}

/// The known words, separated by commas.
pub(super) fn known_words() -> String {
    KNOWN.map(|(word, ..)| word).join(", ")
}

/// True for a known word in its own case: OpenSSL has a type `uid` besides `UID`.
pub(super) fn is_word(text: &str) -> bool {
    KNOWN.iter().any(|(word, ..)| *word == text)
}

/// True for a known word in any case.
pub(super) fn is_known_word(text: &str) -> bool {
    KNOWN.iter().any(|(word, ..)| word.eq_ignore_ascii_case(text))
}
