//! Distinguished names as text, such as `DC=com, DC=scep, CN=scep-CA`.

mod attribute_type;
mod text;

use der::{
    Decode, Encode, Sequence,
    asn1::{Any, ObjectIdentifier},
};
use openssl::{
    asn1::Asn1StringRef,
    error::ErrorStack,
    x509::{X509Name, X509NameEntryRef, X509NameRef},
};

use self::{
    attribute_type::{AttributeType, is_word, unknown_type},
    text::{Part, parts, written},
};
use crate::{UnknownName, cms::SetOf};

/// ```text
/// AttributeTypeAndValue ::= SEQUENCE {
///     type  OBJECT IDENTIFIER,
///     value ANY }
/// ```
#[derive(Sequence)]
struct AttributeTypeAndValue {
    oid: ObjectIdentifier,
    value: Any,
}

/// The error for a text that is no distinguished name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// The name has no parts.
    #[error("the name is empty")]
    Empty,
    /// A part has not the form `TYPE=value`.
    #[error("`{0}` is not of the form `TYPE=value`")]
    NotAPair(String),
    /// There is nothing between two separators.
    #[error("a part of the name is empty: a comma or a `+` is too much, or a part is missing")]
    EmptyPart,
    /// The name is written with slashes.
    #[error(
        "the parts of a name are separated by commas: write `CN=name, O=organisation`, not `/CN=name/O=organisation`"
    )]
    Slashes,
    /// A semicolon, which RFC 4514 does not have as a separator.
    #[error(
        "the parts of a name are separated by commas; write `\\;` for a semicolon that belongs to a value"
    )]
    Semicolon,
    /// A quotation mark inside a value, or one that is not closed.
    #[error(
        "write `\\\"` for a quotation mark that belongs to a value; two enclose a whole value, as in `O=\"Smith, Jones\"`"
    )]
    Quote,
    /// A value begins with `#`, which RFC 4514 uses for hexadecimal values.
    #[error(
        "a value in hexadecimal, `#…`, is not supported; write `\\#` for a value that begins with `#`"
    )]
    Hash,
    /// A backslash that is followed by neither a special character nor two hexadecimal digits, or bytes that are not UTF-8.
    #[error(
        "`{0}` is no escape: after a backslash comes one of `\"+,;<>\\ #=` or two hexadecimal digits of UTF-8; write `\\\\` for a backslash"
    )]
    Escape(String),
    /// A control character.
    #[error(
        "the control character {0:?} must be written in hexadecimal, such as `\\0A` for a line feed"
    )]
    Control(char),
    /// A value that contains the next part.
    #[error("is a comma missing before `{0}=`? Write `\\=` for a `=` that belongs to the value")]
    MissingComma(String),
    /// A type is unknown.
    #[error("{}", unknown_type(.0))]
    UnknownType(String),
    /// A string type is unknown.
    #[error(transparent)]
    UnknownString(#[from] UnknownName),
    /// A type has no value.
    #[error("`{0}` has no value")]
    NoValue(String),
    /// A value is not allowed in a certificate, because it is too long or has characters that its type does not allow.
    #[error("`{value}` cannot be the value of `{attribute_type}`: {reason}")]
    UnusableValue {
        /// The attribute type.
        attribute_type: String,
        /// The value.
        value: String,
        /// The reason, in words.
        reason: String,
    },
    /// OpenSSL cannot take the name.
    #[error("OpenSSL: {0}")]
    Crypto(String),
}

/// Reads a distinguished name: `TYPE=value` pairs, separated by commas, in the order of the certificate.
///
/// The values are written as in RFC 4514: `+` joins several pairs to one relative distinguished name, a special character comes
/// after a backslash, any byte may be written as a backslash and two hexadecimal digits, and quotation marks may enclose a value.
/// A text that could mean something else is refused. A type may occur several times, and may be an object identifier. `DC`,
/// `emailAddress` and `unstructuredName` become `IA5String`, any other type `PrintableString` if the value allows it, or else
/// `UTF8String` (RFC 5280 §4.1.2.4). A colon and a [string type](crate::string_type::StringType) after the type demand another one:
/// `CN:bmp=r1`.
///
/// # Errors
/// Fails if a part is no pair, or its type or value is not usable.
///
/// # Examples
/// ```
/// use scep::name;
///
/// let subject = name::parse(r"CN=r1 + serialNumber=12, O=Smith\, Jones")?;
/// assert_eq!(name::to_text(&subject), r#"CN = r1 + serialNumber = 12, O = "Smith, Jones""#);
/// # Ok::<(), name::NameError>(())
/// ```
pub fn parse(text: &str) -> Result<X509Name, NameError> {
    let mut names: Vec<Vec<Vec<u8>>> = Vec::new();
    for part in parts(text)? {
        let encoded = encode(&part)?;
        match names.last_mut().filter(|_| part.is_joined) {
            Some(name) => name.push(encoded),
            None => names.push(vec![encoded]),
        }
    }
    let names: Vec<_> = names.into_iter().map(SetOf::sorted).collect();
    let encoded = names.to_der().map_err(|error| NameError::Crypto(error.to_string()))?;
    X509Name::from_der(&encoded).map_err(|error| NameError::Crypto(error.to_string()))
}

fn encode(part: &Part) -> Result<Vec<u8>, NameError> {
    let attribute_type = AttributeType::parse(&part.attribute_type)?;
    let value = attribute_type.value(&part.value)?;
    let encoded = AttributeTypeAndValue { oid: attribute_type.oid, value }.to_der();
    encoded.map_err(|error| NameError::Crypto(error.to_string()))
}

/// Writes a distinguished name in OpenSSL's one-line form: `CN = Teldat-PKI, O = Teldat`. [`parse`] reads it back.
pub fn to_text(name: &X509NameRef) -> String {
    let mut entries = name.entries().map(entry_text);
    let names = sizes(name).into_iter().map(|size| entries.by_ref().take(size).collect::<Vec<_>>());
    let names: Vec<_> = names.map(|pairs| pairs.join(" + ")).collect();
    names.join(", ")
}

/// The pairs of a name, each as in [`to_text`].
pub(crate) fn pairs(name: &X509NameRef) -> Vec<String> {
    name.entries().map(entry_text).collect()
}

/// True if a relative distinguished name has several pairs, which are written with a `+` between them.
pub fn is_multi_valued(name: &X509NameRef) -> bool {
    sizes(name).into_iter().any(|size| size > 1)
}

/// The attribute type of an entry as [`parse`] reads it: by its short name if that is known there, or else its object identifier.
pub fn attribute_type(entry: &X509NameEntryRef) -> String {
    let object = entry.object();
    match object.nid().short_name() {
        Ok(word) if is_word(word) => word.to_owned(),
        _ => identifier(entry).map_or_else(|| object.to_string(), |oid| oid.to_string()),
    }
}

/// The object identifier of an entry's type, from its encoding, because OpenSSL only shows that of unknown types.
fn identifier(entry: &X509NameEntryRef) -> Option<ObjectIdentifier> {
    let mut builder = X509Name::builder().ok()?;
    builder.append_entry(entry).ok()?;
    let names = Vec::<SetOf>::from_ber(&builder.build().to_der().ok()?).ok()?;
    let pair = names.first()?.elements().ok()?.into_iter().next()?;
    AttributeTypeAndValue::from_der(pair).ok().map(|pair| pair.oid)
}

/// The number of pairs in each relative distinguished name.
fn sizes(name: &X509NameRef) -> Vec<usize> {
    let sizes = |der: Vec<u8>| {
        let names = Vec::<SetOf>::from_ber(&der).ok()?;
        names.iter().map(|name| Some(name.elements().ok()?.len())).collect::<Option<Vec<_>>>()
    };
    let count = name.entries().count();
    let read: Result<Vec<u8>, ErrorStack> = name.to_der();
    let read = read.ok().and_then(sizes);
    read.filter(|sizes| sizes.iter().sum::<usize>() == count).unwrap_or_else(|| vec![1; count])
}

fn entry_text(entry: &X509NameEntryRef) -> String {
    format!("{} = {}", attribute_type(entry), written(&value_text(entry.data())))
}

fn value_text(value: &Asn1StringRef) -> String {
    let text = value.to_string();
    text.unwrap_or_else(|_| String::from_utf8_lossy(value.as_slice()).into_owned())
}

#[cfg(test)]
mod tests;
