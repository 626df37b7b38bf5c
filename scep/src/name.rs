//! Distinguished names as text, such as `DC=com, DC=scep, CN=scep-CA`.

use std::{mem::take, ops::RangeInclusive};

use openssl::{
    asn1::{Asn1StringRef, Asn1Type},
    nid::Nid,
    x509::{X509Name, X509NameRef},
};

/// The known attribute types, their object identifiers in OpenSSL, and the allowed number of characters of a value
/// (RFC 5280 appendix A.1).
const KNOWN_TYPES: [(&str, Nid, RangeInclusive<usize>); 14] = [
    ("CN", Nid::COMMONNAME, 1..=64),
    ("C", Nid::COUNTRYNAME, 2..=2),
    ("DC", Nid::DOMAINCOMPONENT, 1..=255),
    ("emailAddress", Nid::PKCS9_EMAILADDRESS, 1..=255),
    ("GN", Nid::GIVENNAME, 1..=64),
    ("L", Nid::LOCALITYNAME, 1..=128),
    ("O", Nid::ORGANIZATIONNAME, 1..=64),
    ("OU", Nid::ORGANIZATIONALUNITNAME, 1..=64),
    ("serialNumber", Nid::SERIALNUMBER, 1..=64),
    ("SN", Nid::SURNAME, 1..=64),
    ("ST", Nid::STATEORPROVINCENAME, 1..=128),
    ("street", Nid::STREETADDRESS, 1..=128),
    ("title", Nid::TITLE, 1..=64),
    ("UID", Nid::USERID, 1..=255),
];

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
    /// A type is unknown.
    #[error("`{0}` is no known attribute type (known: {known})", known = known_types())]
    UnknownType(String),
    /// A value is not allowed in a certificate, because it is empty, too long or of the wrong form.
    #[error("`{value}` cannot be the value of `{attribute_type}`")]
    UnusableValue {
        /// The attribute type.
        attribute_type: String,
        /// The value.
        value: String,
    },
}

/// Reads a distinguished name: `TYPE=value` pairs, separated by commas, in the order of the certificate.
///
/// A comma after a backslash belongs to the value. A type may occur several times. `DC` and `emailAddress` become `IA5String`, any other
/// type `PrintableString` if the value allows it, or else `UTF8String` (RFC 5280 §4.1.2.4).
///
/// # Errors
/// Fails if a part is no pair, or its type or value is not usable.
///
/// # Examples
/// ```
/// use scep::name;
///
/// let subject = name::parse(r"CN=device, O=Smith\, Jones")?;
/// assert_eq!(name::to_text(&subject), "CN = device, O = Smith, Jones");
/// # Ok::<(), name::NameError>(())
/// ```
pub fn parse(text: &str) -> Result<X509Name, NameError> {
    let parts = split(text);
    if parts.is_empty() {
        return Err(NameError::Empty);
    }
    let mut builder = X509Name::builder().map_err(|_| NameError::Empty)?;
    for part in parts {
        let (attribute_type, value) = pair(&part)?;
        let (_, nid, lengths) = KNOWN_TYPES
            .into_iter()
            .find(|(name, ..)| name.eq_ignore_ascii_case(attribute_type))
            .ok_or_else(|| NameError::UnknownType(attribute_type.to_owned()))?;
        if !lengths.contains(&value.chars().count()) {
            return Err(unusable(attribute_type, value));
        }
        builder
            .append_entry_by_nid_with_type(nid, value, string_type(nid, value))
            .map_err(|_| unusable(attribute_type, value))?;
    }
    Ok(builder.build())
}

fn split(text: &str) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            ',' => parts.push(take(&mut part)),
            '\\' => part.extend(characters.next()),
            other => part.push(other),
        }
    }
    parts.push(part);
    parts.into_iter().map(|part| part.trim().to_owned()).filter(|part| !part.is_empty()).collect()
}

fn pair(part: &str) -> Result<(&str, &str), NameError> {
    let (attribute_type, value) =
        part.split_once('=').ok_or_else(|| NameError::NotAPair(part.to_owned()))?;
    let (attribute_type, value) = (attribute_type.trim(), value.trim());
    if value.is_empty() || value.contains('\0') {
        return Err(unusable(attribute_type, value));
    }
    Ok((attribute_type, value))
}

fn unusable(attribute_type: &str, value: &str) -> NameError {
    NameError::UnusableValue { attribute_type: attribute_type.to_owned(), value: value.to_owned() }
}

fn string_type(nid: Nid, value: &str) -> Asn1Type {
    let printable = |c: char| c.is_ascii_alphanumeric() || " '()+,-./:=?".contains(c);
    match nid {
        Nid::DOMAINCOMPONENT | Nid::PKCS9_EMAILADDRESS => Asn1Type::IA5STRING,
        _ if value.chars().all(printable) => Asn1Type::PRINTABLESTRING,
        _ => Asn1Type::UTF8STRING,
    }
}

fn known_types() -> String {
    KNOWN_TYPES.map(|(name, ..)| name).join(", ")
}

/// Writes a distinguished name in OpenSSL's one-line form: `CN = Teldat-PKI, O = Teldat`.
pub fn to_text(name: &X509NameRef) -> String {
    let entries = name.entries().map(|entry| {
        let nid = entry.object().nid();
        let attribute_type =
            nid.short_name().map_or_else(|_| entry.object().to_string(), str::to_owned);
        format!("{attribute_type} = {}", value_text(entry.data()))
    });
    entries.collect::<Vec<_>>().join(", ")
}

fn value_text(value: &Asn1StringRef) -> String {
    let text = value.to_string();
    let text = text.unwrap_or_else(|_| String::from_utf8_lossy(value.as_slice()).into_owned());
    text.escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_keeps_order_and_repeated_types() {
        let name = parse("DC=com, DC=scep,CN=scep-TELDATPKI-CA").unwrap();
        assert_eq!(to_text(&name), "DC = com, DC = scep, CN = scep-TELDATPKI-CA");
    }

    #[test]
    fn name_values_have_the_string_types_that_peers_expect() {
        let der = parse("DC=com,CN=plain,O=Grün").unwrap().to_der().unwrap();
        let has = |needle: &[u8]| der.windows(needle.len()).any(|window| window == needle);
        assert!(has(b"\x16\x03com") && has(b"\x13\x05plain") && has("\x0c\x05Grün".as_bytes()));
    }

    #[test]
    fn name_value_may_have_an_escaped_comma() {
        assert_eq!(to_text(&parse(r"O=Smith\, Jones,CN=x").unwrap()), "O = Smith, Jones, CN = x");
    }

    #[test]
    fn name_errors_list_the_known_types() {
        assert_eq!(parse(" , ").err(), Some(NameError::Empty));
        assert_eq!(parse("MyUser").err(), Some(NameError::NotAPair("MyUser".into())));
        let error = parse("CM=x").err().unwrap().to_string();
        assert!(error.starts_with("`CM` is no known attribute type (known: CN, C, DC"), "{error}");
        assert!(matches!(parse("C=Spain").err(), Some(NameError::UnusableValue { .. })));
    }
}
