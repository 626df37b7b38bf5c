//! The purposes of a certificate (RFC 5280 §4.2.1.12).

use std::{fmt, str::FromStr};

use der::asn1::ObjectIdentifier;

use crate::{algorithm::nid, suggestion::closest};

/// A purpose of a certificate. Its `Display` is the short name that OpenSSL knows, such as `clientAuth`, or the object identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Purpose(pub(crate) ObjectIdentifier);

/// The names, which are those of OpenSSL, with their object identifiers.
const NAMED: [(&str, &str); 15] = [
    ("serverAuth", "1.3.6.1.5.5.7.3.1"),
    ("clientAuth", "1.3.6.1.5.5.7.3.2"),
    ("codeSigning", "1.3.6.1.5.5.7.3.3"),
    ("emailProtection", "1.3.6.1.5.5.7.3.4"),
    ("ipsecEndSystem", "1.3.6.1.5.5.7.3.5"),
    ("ipsecTunnel", "1.3.6.1.5.5.7.3.6"),
    ("ipsecUser", "1.3.6.1.5.5.7.3.7"),
    ("timeStamping", "1.3.6.1.5.5.7.3.8"),
    ("OCSPSigning", "1.3.6.1.5.5.7.3.9"),
    ("ipsecIKE", "1.3.6.1.5.5.7.3.17"),
    ("iKEIntermediate", "1.3.6.1.5.5.8.2.2"),
    ("anyExtendedKeyUsage", "2.5.29.37.0"),
    ("msSmartcardLogin", "1.3.6.1.4.1.311.20.2.2"),
    ("msEFS", "1.3.6.1.4.1.311.10.3.4"),
    ("pkInitKDC", "1.3.6.1.5.2.3.5"),
];

/// The error for a text that is neither the name of a purpose nor an object identifier.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no purpose: write an object identifier, or one of {known}{meant}", known = known(), meant = meant(.text))]
pub struct NotAPurpose {
    text: String,
}

fn known() -> String {
    NAMED.map(|(name, _)| name).join(", ")
}

fn meant(text: &str) -> String {
    let meant = closest(text, NAMED.iter().map(|(name, _)| *name));
    meant.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl FromStr for Purpose {
    type Err = NotAPurpose;

    fn from_str(text: &str) -> Result<Self, NotAPurpose> {
        let named = NAMED.iter().find(|(name, _)| *name == text).map(|(_, oid)| *oid);
        let oid = ObjectIdentifier::from_str(named.unwrap_or(text));
        oid.map(Self).map_err(|_| NotAPurpose { text: text.to_owned() })
    }
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match nid(&self.0).and_then(|nid| nid.short_name().ok()) {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_read_by_name_and_by_number_and_written_as_openssl_does() {
        for (name, oid) in NAMED {
            let purpose: Purpose = name.parse().unwrap();
            assert_eq!(purpose, oid.parse().unwrap());
            assert!(name == "iKEIntermediate" || purpose.to_string() == name, "{purpose}");
        }
        assert_eq!("1.2.3.4.5".parse::<Purpose>().unwrap().to_string(), "1.2.3.4.5");
        let error = "clientauth".parse::<Purpose>().unwrap_err().to_string();
        assert!(error.ends_with("did you mean `clientAuth`?"), "{error}");
        assert!("CN".parse::<Purpose>().is_err());
    }
}
