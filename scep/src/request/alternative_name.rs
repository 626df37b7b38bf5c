//! Alternative names of a subject, to ask for (RFC 5280 §4.2.1.6).

mod text;

use std::{borrow::Cow, fmt, net::IpAddr};

use der::{
    Decode, Encode,
    asn1::{Any, Ia5String, ObjectIdentifier, OctetString},
    oid::AssociatedOid,
};
use openssl::x509::X509Name;
use x509_cert::{
    ext::{
        Extension,
        pkix::{
            SubjectAltName,
            name::{GeneralName, OtherName},
        },
    },
    name::Name,
};

use crate::{Error, name, string_type::StringType};

/// Microsoft's user principal name, an otherName.
pub(super) const UPN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");

/// An alternative name of a subject. Its `Display` has the kind before the name: `DNS:r1.example.com`; `FromStr` reads that.
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
    /// Microsoft's user principal name, such as `alice@example.com`.
    Upn(String),
    /// An otherName of another type.
    Other {
        /// The type.
        oid: ObjectIdentifier,
        /// The value, in DER.
        value: Vec<u8>,
    },
    /// A distinguished name, as [`name::parse`] reads it.
    Directory(String),
    /// A registered identifier.
    Registered(ObjectIdentifier),
}

/// The error for a text that is no alternative name of its kind, with what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct NotAName(Cow<'static, str>);

impl From<&'static str> for NotAName {
    fn from(reason: &'static str) -> Self {
        Self(Cow::Borrowed(reason))
    }
}

impl AlternativeName {
    /// The name as it is encoded; `None` for a kind that is not known here.
    pub(crate) fn of(name: &GeneralName) -> Option<Self> {
        Some(match name {
            GeneralName::DnsName(name) => Self::Dns(name.to_string()),
            GeneralName::Rfc822Name(name) => Self::Email(name.to_string()),
            GeneralName::UniformResourceIdentifier(name) => Self::Uri(name.to_string()),
            GeneralName::IpAddress(octets) => Self::Ip(address(octets.as_bytes())?),
            GeneralName::OtherName(other) => Self::of_other(other)?,
            GeneralName::DirectoryName(directory) => {
                let directory = X509Name::from_der(&directory.to_der().ok()?).ok()?;
                Self::Directory(name::to_text(&directory))
            }
            GeneralName::RegisteredId(oid) => Self::Registered(*oid),
            GeneralName::EdiPartyName(_) => return None,
        })
    }

    fn of_other(other: &OtherName) -> Option<Self> {
        let text = text::string(&other.value).filter(|_| other.type_id == UPN);
        Some(match text {
            Some((StringType::Utf8, text)) => Self::Upn(text),
            _ => Self::Other { oid: other.type_id, value: other.value.to_der().ok()? },
        })
    }

    /// The name without its kind.
    pub fn text(&self) -> String {
        match self {
            Self::Dns(name)
            | Self::Email(name)
            | Self::Uri(name)
            | Self::Upn(name)
            | Self::Directory(name) => name.clone(),
            Self::Ip(address) => address.to_string(),
            Self::Other { oid, value } => text::of_other(oid, value),
            Self::Registered(oid) => oid.to_string(),
        }
    }

    fn encoded(&self) -> Result<GeneralName, Error> {
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
            Self::Upn(name) => {
                let value = StringType::Utf8.value(name);
                let value = value.ok_or(Error::Misuse("the user principal name is too long"))?;
                GeneralName::OtherName(OtherName { type_id: UPN, value })
            }
            Self::Other { oid, value } => {
                GeneralName::OtherName(OtherName { type_id: *oid, value: Any::from_der(value)? })
            }
            Self::Directory(text) => {
                let directory = name::parse(text).map_err(Error::malformed("directory name"))?;
                GeneralName::DirectoryName(Name::from_der(&directory.to_der()?)?)
            }
            Self::Registered(oid) => GeneralName::RegisteredId(*oid),
        })
    }
}

fn address(octets: &[u8]) -> Option<IpAddr> {
    let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
    v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok()
}

impl fmt::Display for AlternativeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", text::kind(self), self.text())
    }
}

/// The most alternative names of a request.
pub const MAX_ALTERNATIVE_NAMES: usize = 64;

/// A subjectAltName extension with these names, to ask for.
///
/// # Errors
/// Fails if a name has characters outside `IA5String`, or there are more than [`MAX_ALTERNATIVE_NAMES`].
///
/// # Examples
/// ```
/// use scep::request::{AlternativeName, alternative_names};
///
/// let names = [AlternativeName::dns("r1.example.com")?, "UPN:r1@example.com".parse()?];
/// assert!(!alternative_names(&names)?.critical);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn alternative_names(names: &[AlternativeName]) -> Result<Extension, Error> {
    const WHAT: &str = "subjectAltName";
    if names.len() > MAX_ALTERNATIVE_NAMES {
        let reason = format!("{} names, at most {MAX_ALTERNATIVE_NAMES}", names.len());
        return Err(Error::malformed(WHAT)(reason));
    }
    let names: Result<Vec<_>, Error> = names.iter().map(AlternativeName::encoded).collect();
    let value = SubjectAltName(names.map_err(|error| error.about(WHAT))?).to_der()?;
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
