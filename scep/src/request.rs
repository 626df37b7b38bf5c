//! Certification requests (PKCS#10) and the self-signed certificates that requests are signed with.

mod build;

pub use build::{ChallengeString, CsrBuilder, self_signed};
pub use x509_cert::ext::Extension;

use der::{
    Decode, Encode, EncodingRules, Sequence, Tag, Tagged,
    asn1::{Any, BitString, Ia5String, ObjectIdentifier, OctetString},
    oid::AssociatedOid,
    oid::db::{rfc2985::PKCS_9_AT_CHALLENGE_PASSWORD, rfc5912::ID_EXTENSION_REQ},
};
use openssl::{
    pkey::{PKey, Public},
    x509::{X509NameRef, X509Req},
};
use x509_cert::{
    attr::Attribute,
    ext::{
        Extensions,
        pkix::{self, SubjectAltName, name::GeneralName},
    },
    spki::AlgorithmIdentifierOwned,
};

use crate::{Error, cms::SetOf, key_usage::KeyUsage, secret::Secret};

/// Microsoft's own object identifier of the extension request, which Windows clients send.
const MICROSOFT_EXTENSION_REQUEST: ObjectIdentifier =
    ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.1.14");

/// ```text
/// CertificationRequest ::= SEQUENCE {
///     certificationRequestInfo CertificationRequestInfo,
///     signatureAlgorithm       AlgorithmIdentifier,
///     signature                BIT STRING }
/// ```
#[derive(Sequence)]
struct CertificationRequest {
    info: CertificationRequestInfo,
    signature_algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

/// ```text
/// CertificationRequestInfo ::= SEQUENCE {
///     version       INTEGER { v1(0) },
///     subject       Name,
///     subjectPKInfo SubjectPublicKeyInfo,
///     attributes    [0] IMPLICIT SET OF Attribute }
/// ```
#[derive(Sequence)]
struct CertificationRequestInfo {
    version: u8,
    subject: Any,
    public_key: Any,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    attributes: Option<SetOf>,
}

/// A subjectAltName extension with these DNS names (RFC 5280 §4.2.1.6), to ask for.
///
/// # Errors
/// Fails if a name has characters outside `IA5String`.
pub fn dns_names<T: AsRef<str>>(names: &[T]) -> Result<Extension, Error> {
    let dns_name = |name: &T| Ia5String::new(name.as_ref()).map(GeneralName::DnsName);
    let names: der::Result<Vec<_>> = names.iter().map(dns_name).collect();
    let value = SubjectAltName(names.map_err(Error::malformed("subjectAltName"))?).to_der()?;
    let extn_value = OctetString::new(value)?;
    Ok(Extension { extn_id: SubjectAltName::OID, critical: false, extn_value })
}

/// A received certification request (RFC 2986) with a signature that is not yet verified.
pub struct Csr {
    /// The request as received.
    pub der: Vec<u8>,
    /// The key to certify.
    pub public_key: PKey<Public>,
    /// The shared secret that authorises the request (RFC 8894 §2.4).
    pub challenge_password: Option<Secret>,
    /// The requested extensions, in order.
    pub extensions: Vec<Extension>,
    request: X509Req,
}

// Not the encoded request, which contains the challenge password.
crate::named::debug_of!(Csr { public_key, challenge_password, extensions });

impl Csr {
    /// Reads a request in DER.
    ///
    /// # Errors
    /// Fails if the bytes are no request, or its key or its attributes are unreadable.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        const WHAT: &str = "certification request";
        let parsed = CertificationRequest::from_ber(bytes).map_err(Error::malformed(WHAT))?;
        let request = X509Req::from_der(bytes).map_err(Error::malformed(WHAT))?;
        let attributes = parsed.info.attributes.unwrap_or_default().attributes();
        let attributes =
            attributes.map_err(Error::malformed("attributes of the certification request"))?;
        Ok(Self {
            der: bytes.to_vec(),
            public_key: request.public_key().map_err(|_| {
                Error::unsupported("public key of the certification request", "of an unknown type")
            })?,
            challenge_password: challenge_password(&attributes)?,
            extensions: extensions(&attributes)?,
            request,
        })
    }

    /// The requested subject.
    pub fn subject(&self) -> &X509NameRef {
        self.request.subject_name()
    }

    /// The requested key usage, by which NDES chooses a template.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        let mut extensions = self.extensions.iter();
        let usage = extensions.find(|extension| extension.extn_id == pkix::KeyUsage::OID)?;
        KeyUsage::from_der(usage.extn_value.as_bytes())
    }

    /// True if the request is signed with the key to certify.
    pub fn verify(&self) -> bool {
        self.request.verify(&self.public_key).unwrap_or(false)
    }
}

/// The challenge password, in any string type, because clients differ: Windows writes UTF-16.
fn challenge_password(attributes: &[Attribute]) -> Result<Option<Secret>, Error> {
    let malformed = Error::malformed("challengePassword");
    let mut attributes = attributes.iter();
    let Some(attribute) = attributes.find(|one| one.oid == PKCS_9_AT_CHALLENGE_PASSWORD) else {
        return Ok(None);
    };
    let [value] = attribute.values.as_slice() else {
        return Err(malformed("not exactly one value"));
    };
    let text = match value.tag() {
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::TeletexString => {
            String::from_utf8(value.value().to_vec()).ok()
        }
        Tag::BmpString => {
            let units =
                value.value().chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
            String::from_utf16(&units.collect::<Vec<_>>()).ok()
        }
        _ => None,
    };
    text.map(|text| Some(Secret::new(text))).ok_or_else(|| malformed("not a string"))
}

fn extensions(attributes: &[Attribute]) -> Result<Extensions, Error> {
    let asked = |attribute: &&Attribute| {
        attribute.oid == ID_EXTENSION_REQ || attribute.oid == MICROSOFT_EXTENSION_REQUEST
    };
    let mut extensions = Vec::new();
    for value in attributes.iter().filter(asked).flat_map(|attribute| attribute.values.iter()) {
        let list: Extensions = value
            .decode_as_encoding(EncodingRules::Ber)
            .map_err(Error::malformed("requested extensions"))?;
        extensions.extend(list);
    }
    Ok(extensions)
}
