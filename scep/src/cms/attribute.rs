//! Attributes as they come: an object identifier and values of any type, also of types that the decoder does not know.

use der::{Decode, asn1::ObjectIdentifier};

use crate::{Error, ber, latin_1::latin_1};

/// ```text
/// Attribute ::= SEQUENCE {
///   attrType OBJECT IDENTIFIER,
///   attrValues SET OF AttributeValue }
/// ```
#[derive(Clone, Debug)]
pub(crate) struct Attribute {
    pub(crate) oid: ObjectIdentifier,
    /// The values; the error says what is in place of the `SET`.
    pub(crate) values: Result<Vec<Value>, NoSet>,
}

/// What an attribute has in place of the `SET` of its values.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoSet {
    /// None, or several elements.
    #[error("{0} elements in place of a SET")]
    Elements(usize),
    /// A value of this type.
    #[error("its value, {0}, is not in a SET")]
    Value(String),
}

impl Attribute {
    /// Reads an attribute from normalised bytes.
    pub(crate) fn read(element: &[u8]) -> Result<Self, Error> {
        let malformed = Error::malformed("attribute");
        let attribute = Value::read(element)?;
        let parts =
            ber::elements(attribute.in_a(SEQUENCE).ok_or_else(|| malformed("it is no SEQUENCE"))?)?;
        let (first, rest) = parts.split_first().ok_or_else(|| malformed("it is empty"))?;
        let oid = ObjectIdentifier::from_der(first)
            .map_err(|_| malformed("it does not begin with an object identifier"))?;
        Ok(Self { oid, values: values(rest)? })
    }
}

fn values(rest: &[&[u8]]) -> Result<Result<Vec<Value>, NoSet>, Error> {
    let [set] = rest else { return Ok(Err(NoSet::Elements(rest.len()))) };
    let set = Value::read(set)?;
    let Some(content) = set.in_a(SET) else {
        return Ok(Err(NoSet::Value(set.type_name())));
    };
    let values: Result<Vec<_>, _> = ber::elements(content)?.into_iter().map(Value::read).collect();
    values.map(Ok)
}

const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;

/// An ASN.1 value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Value {
    tag: u8,
    content: Vec<u8>,
    der: Vec<u8>,
}

impl Value {
    /// Reads an element with a definite length.
    pub(crate) fn read(element: &[u8]) -> Result<Self, Error> {
        let (tag, content) = ber::split(&mut &*element)?;
        Ok(Self { tag, content: content.to_vec(), der: element.to_vec() })
    }

    /// The content, if the value has this tag.
    fn in_a(&self, tag: u8) -> Option<&[u8]> {
        (self.tag == tag).then_some(&self.content)
    }

    /// The encoding of the value.
    pub(crate) fn der(&self) -> &[u8] {
        &self.der
    }

    /// The content without tag and length.
    pub(crate) fn content(&self) -> &[u8] {
        &self.content
    }

    /// The text of a string of any type: each choice of `DirectoryString` (RFC 5280 §4.1.2.4), and the others of ASN.1.
    pub(crate) fn text(&self) -> Option<String> {
        let content = &self.content;
        match self.tag {
            // UTF8String, NumericString, PrintableString, IA5String, VisibleString, GeneralString
            0x0c | 0x12 | 0x13 | 0x16 | 0x1a | 0x1b => String::from_utf8(content.clone()).ok(),
            // TeletexString: some peers write UTF-8 in it, the others Latin-1.
            0x14 => Some(
                String::from_utf8(content.clone())
                    .unwrap_or_else(|error| latin_1(error.as_bytes())),
            ),
            // UniversalString
            0x1c => {
                let (points, rest) = content.as_chunks::<4>();
                let text =
                    points.iter().map(|point| char::from_u32(u32::from_be_bytes(*point))).collect();
                if rest.is_empty() { text } else { None }
            }
            // BMPString
            0x1e => {
                let (units, rest) = content.as_chunks::<2>();
                let units: Vec<_> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                String::from_utf16(&units).ok().filter(|_| rest.is_empty())
            }
            _ => None,
        }
    }

    /// True for a `PrintableString`, whatever its characters.
    pub(crate) fn is_printable_string(&self) -> bool {
        self.tag == 0x13
    }

    /// The octets of an `INTEGER`.
    pub(crate) fn integer(&self) -> Option<&[u8]> {
        self.in_a(0x02)
    }

    /// The content of a constructed value with the tag `[0]`.
    pub(crate) fn context_specific(&self) -> Option<&[u8]> {
        self.in_a(0xa0)
    }

    /// The content of an `OCTET STRING`.
    pub(crate) fn octets(&self) -> Option<&[u8]> {
        self.in_a(0x04)
    }

    /// The value decoded as this type.
    pub(crate) fn decode<T: for<'a> Decode<'a>>(&self) -> Option<T> {
        T::from_der(&self.der).ok()
    }

    /// The type in words: "an OCTET STRING".
    pub(crate) fn type_name(&self) -> String {
        let name = match self.tag {
            0x01 => "a BOOLEAN",
            0x02 => "an INTEGER",
            0x03 => "a BIT STRING",
            0x04 => "an OCTET STRING",
            0x05 => "NULL",
            0x06 => "an OBJECT IDENTIFIER",
            0x0a => "an ENUMERATED",
            0x0c => "a UTF8String",
            0x12 => "a NumericString",
            0x13 => "a PrintableString",
            0x14 => "a TeletexString",
            0x16 => "an IA5String",
            0x17 => "a UTCTime",
            0x18 => "a GeneralizedTime",
            0x19 => "a GraphicString",
            0x1a => "a VisibleString",
            0x1b => "a GeneralString",
            0x1c => "a UniversalString",
            0x1e => "a BMPString",
            SEQUENCE => "a SEQUENCE",
            SET => "a SET",
            tag => return format!("a value with the tag 0x{tag:02X}"),
        };
        name.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(tag: u8, content: &[u8]) -> Option<String> {
        let length = u8::try_from(content.len()).unwrap();
        Value::read(&[&[tag, length], content].concat()).unwrap().text()
    }

    #[test]
    fn strings_of_every_type_are_read() {
        for tag in [0x0c, 0x12, 0x13, 0x14, 0x16, 0x1a, 0x1b] {
            assert_eq!(text(tag, b"s3cret").as_deref(), Some("s3cret"), "{tag:x}");
        }
        assert_eq!(text(0x1c, b"\0\0\0s\0\0\x20\xac").as_deref(), Some("s€"));
        assert_eq!(text(0x1e, b"\0s\x20\xac").as_deref(), Some("s€"));
        assert_eq!(text(0x14, b"gr\xfcn").as_deref(), Some("grün"));
    }

    #[test]
    fn value_that_is_no_string_has_no_text() {
        for (tag, content) in [
            (0x04, &b"s3cret"[..]),
            (0x1c, b"\0\0s"),
            (0x1e, b"\0"),
            (0x1c, b"\0\x11\0\0"),
            (0x0c, b"\xff"),
        ] {
            assert_eq!(text(tag, content), None, "{tag:x}");
        }
    }

    #[test]
    fn value_without_its_set_is_reported() {
        // challengePassword, and an OCTET STRING where the SET must be.
        let element = hex::decode("3010060b2a864886f70d010907").unwrap();
        assert!(Attribute::read(&element).is_err());
        let element =
            [&[0x30, 0x13][..], &hex::decode("06092a864886f70d010907").unwrap(), b"\x04\x06s3cret"]
                .concat();
        let attribute = Attribute::read(&element).unwrap();
        assert_eq!(attribute.values, Err(NoSet::Value("an OCTET STRING".to_owned())));
    }
}
