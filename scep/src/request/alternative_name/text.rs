//! Alternative names as text: reading each kind with its rules, and writing it.

use std::{net::IpAddr, str::FromStr};

use der::{
    Decode, Encode,
    asn1::{Any, ObjectIdentifier},
};

use super::{AlternativeName, NotAName};
use crate::{cms::Value, name, string_type::StringType, suggestion::closest};

/// The most bytes of one name.
const MAX_NAME_BYTES: usize = 1024;

type Read = fn(&str) -> Result<AlternativeName, NotAName>;

/// The words for the kinds, in any case, with the reader of each.
const KINDS: [(&str, Read); 9] = [
    ("DNS", AlternativeName::dns),
    ("email", AlternativeName::email),
    ("IP", AlternativeName::ip),
    ("IP Address", AlternativeName::ip),
    ("URI", AlternativeName::uri),
    ("UPN", AlternativeName::upn),
    ("otherName", AlternativeName::other),
    ("dirName", AlternativeName::directory),
    ("RID", AlternativeName::registered),
];

/// The word for the kind of a name, as OpenSSL writes it if it has one.
pub(super) fn kind(name: &AlternativeName) -> &'static str {
    match name {
        AlternativeName::Dns(_) => "DNS",
        AlternativeName::Email(_) => "email",
        AlternativeName::Ip(_) => "IP Address",
        AlternativeName::Uri(_) => "URI",
        AlternativeName::Upn(_) => "UPN",
        AlternativeName::Other { .. } => "otherName",
        AlternativeName::Directory(_) => "dirName",
        AlternativeName::Registered(_) => "RID",
    }
}

impl FromStr for AlternativeName {
    type Err = NotAName;

    fn from_str(text: &str) -> Result<Self, NotAName> {
        let Some((word, name)) = text.split_once(':') else {
            let known = known_kinds().join(", ");
            let reason = "its kind is missing before a colon, as in `DNS:NAME`";
            return Err(NotAName(format!("{reason} (known: {known})").into()));
        };
        let kind = KINDS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word.trim()));
        kind.map_or_else(|| Err(unknown_kind(word)), |(_, read)| read(name.trim()))
    }
}

/// The words for the kinds, one for each.
fn known_kinds() -> Vec<&'static str> {
    KINDS.map(|(word, _)| word).into_iter().filter(|word| !word.contains(' ')).collect()
}

fn unknown_kind(word: &str) -> NotAName {
    let meant = closest(word, known_kinds()).map(|word| format!("; did you mean `{word}:`?"));
    let (known, meant) = (known_kinds().join(", "), meant.unwrap_or_default());
    NotAName(format!("`{word}` is no kind of alternative name (known: {known}){meant}").into())
}

impl AlternativeName {
    /// A DNS name: labels of letters, digits, hyphens and underscores with dots between them; the first may be `*`.
    ///
    /// # Errors
    /// If the text is none.
    pub fn dns(text: &str) -> Result<Self, NotAName> {
        let is_label = |label: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
            (1..=63).contains(&label.len())
                && label.chars().all(allowed)
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        let rest = text.strip_prefix("*.").unwrap_or(text);
        if text.len() <= 253 && rest.split('.').all(is_label) {
            return Ok(Self::Dns(text.to_owned()));
        }
        Err("a DNS name has labels of letters, digits and hyphens, with dots between them".into())
    }

    /// A mailbox: a local part, `@` and a host.
    ///
    /// # Errors
    /// If the text is none.
    pub fn email(text: &str) -> Result<Self, NotAName> {
        let is_mailbox = |(local, host): (&str, &str)| {
            let graphic = local.bytes().all(|byte| byte.is_ascii_graphic());
            !local.is_empty() && graphic && Self::dns(host).is_ok()
        };
        expect_short(text)?;
        if text.rsplit_once('@').is_some_and(is_mailbox) {
            return Ok(Self::Email(text.to_owned()));
        }
        Err("a mailbox is a name and a host with `@` between them, in ASCII".into())
    }

    /// An address of IPv4 or IPv6.
    ///
    /// # Errors
    /// If the text is none.
    pub fn ip(text: &str) -> Result<Self, NotAName> {
        let address: Result<IpAddr, _> = text.parse();
        address.map(Self::Ip).map_err(|_| "it is no address of IPv4 or IPv6".into())
    }

    /// A URI: a scheme, a colon and more, in ASCII (RFC 5280 §4.2.1.6 forbids relative ones).
    ///
    /// # Errors
    /// If the text is none.
    pub fn uri(text: &str) -> Result<Self, NotAName> {
        let is_uri = |(scheme, rest): (&str, &str)| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
            scheme.starts_with(|c: char| c.is_ascii_alphabetic())
                && scheme.chars().all(allowed)
                && !rest.is_empty()
                && rest.bytes().all(|byte| byte.is_ascii_graphic())
        };
        expect_short(text)?;
        if text.split_once(':').is_some_and(is_uri) {
            return Ok(Self::Uri(text.to_owned()));
        }
        Err("a URI begins with its scheme and a colon, and has no blanks".into())
    }

    /// Microsoft's user principal name: a name, `@` and a domain, in any characters.
    ///
    /// # Errors
    /// If the text is none.
    pub fn upn(text: &str) -> Result<Self, NotAName> {
        expect_short(text)?;
        let is_upn = |(user, domain): (&str, &str)| !user.is_empty() && !domain.is_empty();
        if text.rsplit_once('@').is_some_and(is_upn) && !text.contains(char::is_control) {
            return Ok(Self::Upn(text.to_owned()));
        }
        Err("a user principal name is a name and a domain with `@` between them".into())
    }

    /// An otherName: its type, `;`, the string type of its value, a colon and the value: `1.2.3.4;utf8:r1`. With `hex` in place of a
    /// string type, the value is DER in hexadecimal digits.
    ///
    /// # Errors
    /// If the text is none.
    pub fn other(text: &str) -> Result<Self, NotAName> {
        const FORM: &str = "another name is its type, a semicolon, a string type, a colon and the value, as in `1.2.3.4;utf8:r1`; the \
                            string types are printable, utf8, ia5, t61, bmp, and hex for DER in hexadecimal digits";
        expect_short(text)?;
        let (oid, value) = text.split_once(';').ok_or(FORM)?;
        let oid = object_identifier(oid)?;
        let (string, text) = value.split_once(':').ok_or(FORM)?;
        let value = if string.eq_ignore_ascii_case("hex") {
            let der = hex::decode(text).ok().and_then(|der| Any::from_der(&der).ok());
            der.ok_or("its value is not one value of DER in hexadecimal digits")?
        } else {
            let string: StringType = string.to_lowercase().parse().map_err(|_| FORM)?;
            let unfit = || {
                let name = string.asn1_name();
                NotAName(format!("`{text}` has a character that no {name} has").into())
            };
            string.value(text).ok_or_else(unfit)?
        };
        let value = value.to_der().map_err(|_| "its value is too long")?;
        Ok(Self::Other { oid, value })
    }

    /// A distinguished name.
    ///
    /// # Errors
    /// If the text is none.
    pub fn directory(text: &str) -> Result<Self, NotAName> {
        expect_short(text)?;
        match name::parse(text) {
            Ok(_) => Ok(Self::Directory(text.to_owned())),
            Err(error) => Err(NotAName(error.to_string().into())),
        }
    }

    /// A registered identifier: an object identifier.
    ///
    /// # Errors
    /// If the text is none.
    pub fn registered(text: &str) -> Result<Self, NotAName> {
        object_identifier(text).map(Self::Registered)
    }
}

fn expect_short(text: &str) -> Result<(), NotAName> {
    if text.len() <= MAX_NAME_BYTES {
        return Ok(());
    }
    Err(NotAName(format!("it has {} bytes, at most {MAX_NAME_BYTES}", text.len()).into()))
}

fn object_identifier(text: &str) -> Result<ObjectIdentifier, NotAName> {
    let oid = ObjectIdentifier::from_str(text.trim());
    oid.map_err(|_| {
        NotAName(format!("`{}` is no object identifier such as `1.2.3.4`", text.trim()).into())
    })
}

/// The type and the text of a string, if the value is one.
pub(super) fn string(value: &Any) -> Option<(StringType, String)> {
    let text = Value::read(&value.to_der().ok()?).ok()?.text()?;
    Some((StringType::of(value)?, text))
}

/// An otherName as it is written: the type, and the value as a string if reading that gives the same.
pub(super) fn of_other(oid: &ObjectIdentifier, der: &[u8]) -> String {
    let string = Any::from_der(der).ok().and_then(|value| string(&value));
    match string.filter(|(string, text)| string.value(text).is_some()) {
        Some((string, text)) => format!("{oid};{string}:{text}"),
        None => format!("{oid};hex:{}", hex::encode(der)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_each_kind_are_checked() {
        let kinds: [(Read, &[&str], &[&str]); 8] = [
            (
                AlternativeName::dns,
                &["r1", "r1.example.com", "*.example.com", "_x.a"],
                &["", "r1.", ".r1", "-r1", "a b", "*", "grün.example", "r1..a"],
            ),
            (AlternativeName::email, &["noc@example.com"], &["noc", "@example.com", "a b@c", "a@"]),
            (AlternativeName::ip, &["192.0.2.1", "2001:db8::1"], &["192.0.2", "192.0.2.1/24", ""]),
            (AlternativeName::uri, &["urn:device:1", "https://h/x"], &["h/x", ":x", "a:", "a:b c"]),
            (AlternativeName::upn, &["alice@ex", "grün@example"], &["alice", "@ex", "a@", "a\t@b"]),
            (
                AlternativeName::other,
                &["1.2.3.4;utf8:grün", "1.2.3.4;hex:020105", "1.2.3;bmp:x", "1.2.3;t61:ü"],
                &[
                    "1.2.3.4",
                    "1.2.3.4;x",
                    "1.2.3.4;ia5:ü",
                    "x;utf8:x",
                    "1.2.3;hex:zz",
                    "1.2.3;hex:02",
                ],
            ),
            (AlternativeName::directory, &["CN=r1, O=Example"], &["r1", "", "XX=y"]),
            (AlternativeName::registered, &["1.3.6.1.4.1.99"], &["1", "a.b", ""]),
        ];
        for (read, good, bad) in kinds {
            for text in good {
                assert_eq!(read(text).unwrap().text(), *text);
            }
            for text in bad {
                assert!(read(text).is_err(), "{text}");
            }
        }
    }

    #[test]
    fn names_are_read_as_they_are_written() {
        for text in [
            "DNS:r1",
            "email:a@b",
            "IP Address:192.0.2.1",
            "URI:urn:x",
            "UPN:a@b",
            "otherName:1.2.3;utf8:x",
            "otherName:1.2.3;hex:020105",
            "dirName:CN = r1, O = Ex",
            "RID:1.2.3",
        ] {
            let name: AlternativeName = text.parse().unwrap();
            assert_eq!(name.to_string(), text);
            let encoded = name.encoded().unwrap();
            assert_eq!(AlternativeName::of(&encoded).unwrap().to_string(), text);
        }
        assert_eq!("ip:::1".parse::<AlternativeName>().unwrap().to_string(), "IP Address:::1");
    }

    #[test]
    fn mistakes_name_the_kinds() {
        let error = |text: &str| text.parse::<AlternativeName>().unwrap_err().to_string();
        assert!(error("r1.example.com").contains("as in `DNS:NAME` (known: DNS, email, IP, URI,"));
        assert!(error("DSN:r1").ends_with("did you mean `DNS:`?"), "{}", error("DSN:r1"));
        let long = format!("URI:urn:{}", "x".repeat(MAX_NAME_BYTES));
        assert_eq!(error(&long), "it has 1028 bytes, at most 1024");
    }
}
