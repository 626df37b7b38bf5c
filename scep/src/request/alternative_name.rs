//! Alternative names of a subject, to ask for (RFC 5280 §4.2.1.6).

use std::{fmt, net::IpAddr};

use der::{
    Encode,
    asn1::{Ia5String, OctetString},
    oid::AssociatedOid,
};
use x509_cert::ext::{
    Extension,
    pkix::{SubjectAltName, name::GeneralName},
};

use crate::Error;

/// An alternative name of a subject. Its `Display` has the kind before the name, as OpenSSL writes it: `DNS:r1.example.com`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum AlternativeName {
    /// A name of the DNS.
    Dns(String),
    /// A mailbox.
    Email(String),
    /// An address of IPv4 or IPv6.
    Ip(IpAddr),
    /// A URI with its scheme.
    Uri(String),
}

/// The error for a text that is no alternative name of its kind, with what is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAName(&'static str);

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
        Err(NotAName(
            "a DNS name has labels of letters, digits and hyphens, with dots between them",
        ))
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
        if text.rsplit_once('@').is_some_and(is_mailbox) {
            return Ok(Self::Email(text.to_owned()));
        }
        Err(NotAName("a mailbox is a name and a host with `@` between them, in ASCII"))
    }

    /// An address of IPv4 or IPv6.
    ///
    /// # Errors
    /// If the text is none.
    pub fn ip(text: &str) -> Result<Self, NotAName> {
        text.parse().map(Self::Ip).map_err(|_| NotAName("it is no address of IPv4 or IPv6"))
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
        if text.split_once(':').is_some_and(is_uri) {
            return Ok(Self::Uri(text.to_owned()));
        }
        Err(NotAName("a URI begins with its scheme and a colon, and has no blanks"))
    }

    /// The name without its kind.
    pub fn text(&self) -> String {
        match self {
            Self::Dns(name) | Self::Email(name) | Self::Uri(name) => name.clone(),
            Self::Ip(address) => address.to_string(),
        }
    }

    fn encoded(&self) -> der::Result<GeneralName> {
        Ok(match self {
            Self::Dns(name) => GeneralName::DnsName(Ia5String::new(name)?),
            Self::Email(name) => GeneralName::Rfc822Name(Ia5String::new(name)?),
            Self::Uri(name) => GeneralName::UniformResourceIdentifier(Ia5String::new(name)?),
            Self::Ip(IpAddr::V4(address)) => {
                GeneralName::IpAddress(OctetString::new(address.octets())?)
            }
            Self::Ip(IpAddr::V6(address)) => {
                GeneralName::IpAddress(OctetString::new(address.octets())?)
            }
        })
    }
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self {
            Self::Dns(_) => "DNS",
            Self::Email(_) => "email",
            Self::Ip(_) => "IP Address",
            Self::Uri(_) => "URI",
        };
        write!(f, "{kind}:{}", self.text())
    }
}

/// A subjectAltName extension with these names, to ask for.
///
/// # Errors
/// Fails if a name has characters outside `IA5String`.
///
/// # Examples
/// ```
/// use scep::request::{AlternativeName, alternative_names};
///
/// let names = [AlternativeName::dns("r1.example.com")?, AlternativeName::ip("192.0.2.1")?];
/// assert!(!alternative_names(&names)?.critical);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn alternative_names(names: &[AlternativeName]) -> Result<Extension, Error> {
    let names: der::Result<Vec<_>> = names.iter().map(AlternativeName::encoded).collect();
    let value = SubjectAltName(names.map_err(Error::malformed("subjectAltName"))?).to_der()?;
    let extn_value = OctetString::new(value)?;
    Ok(Extension { extn_id: SubjectAltName::OID, critical: false, extn_value })
}

/// A subjectAltName extension with these DNS names, to ask for.
///
/// # Errors
/// Fails if a name has characters outside `IA5String`.
pub fn dns_names<T: AsRef<str>>(names: &[T]) -> Result<Extension, Error> {
    let names: Vec<_> =
        names.iter().map(|name| AlternativeName::Dns(name.as_ref().to_owned())).collect();
    alternative_names(&names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_each_kind_are_checked() {
        type Read = fn(&str) -> Result<AlternativeName, NotAName>;
        let kinds: [(Read, &[&str], &[&str]); 4] = [
            (
                AlternativeName::dns,
                &["r1", "r1.example.com", "*.example.com", "_x.a"],
                &["", "r1.", ".r1", "-r1", "a b", "*", "grün.example", "r1..a"],
            ),
            (AlternativeName::email, &["noc@example.com"], &["noc", "@example.com", "a b@c", "a@"]),
            (AlternativeName::ip, &["192.0.2.1", "2001:db8::1"], &["192.0.2", "192.0.2.1/24", ""]),
            (AlternativeName::uri, &["urn:device:1", "https://h/x"], &["h/x", ":x", "a:", "a:b c"]),
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
}
