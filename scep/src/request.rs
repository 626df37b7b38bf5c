//! Certification requests (PKCS#10) and the self-signed certificates that requests are signed with.

mod alternative_name;
mod build;
mod differences;
mod extensions;
mod proof;
mod purpose;
mod template;

pub use alternative_name::{
    AlternativeName, MAX_ALTERNATIVE_NAMES, NotAName, alternative_names, dns_names,
};
pub use build::{ChallengeString, CsrBuilder, self_signed};
pub(crate) use differences::name_text;
pub use differences::{alternative_names_of, content_differences, differences};
pub use extensions::{MAX_PURPOSES, RequestedExtensions};
pub use purpose::{NotAPurpose, Purpose};
pub use template::{NotATemplate, Template, TemplateName};
pub(crate) use template::{TEMPLATE, TEMPLATE_NAME};
pub use x509_cert::ext::Extension;

use der::{
    Decode, Sequence,
    asn1::{Any, BitString, ObjectIdentifier},
    oid::AssociatedOid,
    oid::db::{rfc2985::PKCS_9_AT_CHALLENGE_PASSWORD, rfc5912::ID_EXTENSION_REQ},
};
use openssl::{
    pkey::{PKey, Public},
    x509::{X509Name, X509NameRef, X509Req},
};
use x509_cert::{
    ext::{Extensions, pkix},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
};

use self::proof::Proof;
use crate::{
    Error, Unproven,
    algorithm::{self, nid, quoted},
    ber,
    cms::{Attribute, SetOf, Value},
    content::{Asn1, unlike},
    error::reasons,
    key_usage::KeyUsage,
    secret::Secret,
};

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

/// A received certification request (RFC 2986) with a signature that is not yet verified.
pub struct Csr {
    /// The request as received.
    pub der: Vec<u8>,
    /// The key to certify.
    pub public_key: PKey<Public>,
    /// The shared secret that authorises the request (RFC 8894 §2.4).
    pub challenge_password: Option<Secret>,
    /// The ASN.1 type of the challenge password with its article, such as `a PrintableString`, because servers accept only some types.
    pub challenge_type: Option<String>,
    /// The requested extensions, in order.
    pub extensions: Vec<Extension>,
    /// True if the challenge password is among the requested extensions, where it authorises nothing.
    pub challenge_among_extensions: bool,
    /// The number of attributes, of any kind.
    pub attribute_count: usize,
    /// True if the request is in DER, over which its signature is made.
    is_der: bool,
    version: String,
    attributes: Vec<ObjectIdentifier>,
    proof: Proof,
    request: X509Req,
}

// Not the encoded request, which contains the challenge password.
crate::named::debug_of!(Csr { public_key, challenge_password, extensions });

const WHAT: &str = "certification request";

impl Csr {
    /// Reads a request in DER.
    ///
    /// # Errors
    /// Fails if the bytes are no request, or its key or its attributes are unreadable.
    pub fn from_der(bytes: &[u8]) -> Result<Self, Error> {
        // Without its text, which may be a password.
        let is_request = |asn1: &Asn1| matches!(asn1, Asn1::CertificationRequest(_));
        let normalised = ber::normalise(bytes).map_err(|error| error.about(WHAT));
        let normalised = normalised.map_err(unlike(bytes, WHAT, is_request, false))?;
        let parts = Parts::of(&normalised).map_err(unlike(bytes, WHAT, is_request, false))?;
        let (version, public_key, proof) = (parts.version()?, parts.public_key()?, parts.proof()?);
        let attributes = parts.attributes()?;
        let challenge_password = challenge_password(&attributes)?;
        let extensions = extensions(&attributes)?;
        let without_set =
            attributes.iter().find_map(|one| Some((one.oid, one.values.as_ref().err()?)));
        if let Some((oid, reason)) = without_set {
            return Err(malformed(format!("its attribute `{oid}`: {reason}")));
        }
        // After the checks that say what is wrong, because OpenSSL only says that something is.
        let request = X509Req::from_der(bytes).map_err(|errors| {
            Error::malformed(WHAT)(format!("OpenSSL says: {}", reasons(&errors)))
        })?;
        let challenge_among_extensions =
            extensions.iter().any(|extension| extension.extn_id == PKCS_9_AT_CHALLENGE_PASSWORD);
        Ok(Self {
            der: bytes.to_vec(),
            challenge_password,
            challenge_type: challenge_type(&attributes),
            challenge_among_extensions,
            attribute_count: attributes.len(),
            attributes: attributes.iter().map(|attribute| attribute.oid).collect(),
            extensions,
            is_der: normalised == bytes,
            version,
            proof,
            public_key,
            request,
        })
    }

    /// The requested subject.
    pub fn subject(&self) -> &X509NameRef {
        self.request.subject_name()
    }

    /// The version as it is written in the request; PKCS#10 has only `0` (RFC 2986 §4.1).
    pub fn version(&self) -> &str {
        &self.version
    }

    /// The signature algorithm by its name and its object identifier.
    pub fn signature_algorithm(&self) -> String {
        quoted(&self.proof.algorithm)
    }

    /// The dotted object identifiers of the attributes, in order.
    pub fn attributes(&self) -> &[ObjectIdentifier] {
        &self.attributes
    }

    /// The requested key usage, by which NDES chooses a template.
    pub fn key_usage(&self) -> Option<KeyUsage> {
        let mut extensions = self.extensions.iter();
        let usage = extensions.find(|extension| extension.extn_id == pkix::KeyUsage::OID)?;
        KeyUsage::from_der(usage.extn_value.as_bytes())
    }

    /// Checks that the request has PKCS#10's only version, and is signed with the key to certify.
    ///
    /// # Errors
    /// Fails with the first of these that does not hold: version, signature algorithm, type of the key, signature.
    pub fn verify(&self) -> Result<(), Unproven> {
        if self.version != "0" {
            return Err(Unproven::Version(self.version.clone()));
        }
        self.verify_signature()
    }

    /// Checks that the request is signed with the key to certify, whatever its version: some clients write another, and some
    /// servers accept that.
    ///
    /// # Errors
    /// Fails with the first of these that does not hold: signature algorithm, type of the key, signature.
    pub fn verify_signature(&self) -> Result<(), Unproven> {
        match self.proof.check(&self.public_key, &self.request) {
            Err(Unproven::Signature) if !self.is_der => Err(Unproven::SignatureOfBer),
            checked => checked,
        }
    }
}

/// The parts of a certification request, each as it came.
struct Parts<'a> {
    /// The signed part.
    info: &'a [u8],
    /// Version, subject, key and perhaps attributes.
    values: Vec<Value>,
    algorithm: Value,
    signature: Value,
}

impl<'a> Parts<'a> {
    fn of(request: &'a [u8]) -> Result<Self, Error> {
        let [info, algorithm, signature] = in_sequence(request, "it")?[..] else {
            return Err(malformed(
                "it has not three parts: what is signed, algorithm and signature",
            ));
        };
        let values = in_sequence(info, "what is signed")?;
        let values: Vec<_> = values.into_iter().map(Value::read).collect::<Result<_, _>>()?;
        if !(3..=4).contains(&values.len()) {
            let reason = "what is signed is not version, subject, key and attributes";
            return Err(malformed(reason));
        }
        Ok(Self {
            info,
            values,
            algorithm: Value::read(algorithm)?,
            signature: Value::read(signature)?,
        })
    }

    fn version(&self) -> Result<String, Error> {
        let version = &self.values[0];
        let octets = version.integer();
        let octets = octets.ok_or_else(|| {
            malformed(format!("its version is {}, not an INTEGER", version.type_name()))
        })?;
        let [first, ..] = octets else {
            return Err(malformed("its version, an INTEGER, is empty"));
        };
        // The sign of an INTEGER is its first bit.
        let sign = if *first < 0x80 { 0 } else { -1 };
        Ok(match octets.len() {
            ..=8 => octets.iter().fold(sign, |it, octet| it << 8 | i64::from(*octet)).to_string(),
            length => format!("of {length} bytes"),
        })
    }

    fn public_key(&self) -> Result<PKey<Public>, Error> {
        X509Name::from_der(self.values[1].der()).map_err(|_| {
            malformed(format!("its subject, {}, is no name", self.values[1].type_name()))
        })?;
        let der = self.values[2].der();
        let info = SubjectPublicKeyInfoOwned::from_der(der)
            .map_err(|_| malformed("its key is no SubjectPublicKeyInfo"))?;
        if nid(&info.algorithm.oid).is_none() {
            return Err(algorithm::unsupported("key algorithm", &info.algorithm.oid));
        }
        // OpenSSL does not say what is wrong.
        PKey::public_key_from_der(der).map_err(|_| {
            let algorithm = quoted(&info.algorithm.oid);
            malformed(format!("its key is no key of the algorithm {algorithm}, or damaged"))
        })
    }

    fn attributes(&self) -> Result<Vec<Attribute>, Error> {
        let Some(attributes) = self.values.get(3) else { return Ok(Vec::new()) };
        let Some(set) = attributes.context_specific() else {
            let reason = format!(
                "its attributes are {}, not a set with the tag [0]",
                attributes.type_name()
            );
            return Err(malformed(reason));
        };
        ber::elements(set)?.into_iter().map(Attribute::read).collect()
    }

    fn proof(&self) -> Result<Proof, Error> {
        let algorithm = self.algorithm.decode::<AlgorithmIdentifierOwned>();
        let signature = self.signature.decode::<BitString>();
        Ok(Proof {
            signed: self.info.to_vec(),
            algorithm: algorithm
                .ok_or_else(|| malformed("its signature algorithm cannot be read"))?
                .oid,
            signature: signature
                .and_then(|bits| bits.as_bytes().map(<[u8]>::to_vec))
                .ok_or_else(|| malformed("its signature is no BIT STRING of whole octets"))?,
        })
    }
}

fn in_sequence<'a>(element: &'a [u8], what: &str) -> Result<Vec<&'a [u8]>, Error> {
    let (tag, content) = ber::split(&mut &*element)?;
    if tag != 0x30 {
        return Err(malformed(format!("{what} is no SEQUENCE")));
    }
    ber::elements(content)
}

fn malformed(reason: impl ToString) -> Error {
    Error::malformed(WHAT)(reason)
}

/// The values of the attributes with one of these object identifiers; the error names the attribute.
fn values<'a>(
    attributes: &'a [Attribute],
    wanted: &[ObjectIdentifier],
    what: &'static str,
) -> Result<Vec<&'a [Value]>, Error> {
    let asked = attributes.iter().filter(|attribute| wanted.contains(&attribute.oid));
    let values = asked.map(|attribute| match &attribute.values {
        Ok(values) => Ok(values.as_slice()),
        Err(reason) => Err(Error::malformed(what)(reason)),
    });
    values.collect()
}

/// The challenge password, in any string type, because clients differ: Windows writes UTF-16.
fn challenge_password(attributes: &[Attribute]) -> Result<Option<Secret>, Error> {
    const CHALLENGE_PASSWORD: &str = "challengePassword";
    let malformed = |reason: String| Error::malformed(CHALLENGE_PASSWORD)(reason);
    let values = values(attributes, &[PKCS_9_AT_CHALLENGE_PASSWORD], CHALLENGE_PASSWORD)?;
    match values[..] {
        [] => Ok(None),
        [[value]] => match value.text() {
            Some(text) => Ok(Some(Secret::new(text))),
            None => {
                Err(malformed(format!("its value is {}, not a readable string", value.type_name())))
            }
        },
        [values] => Err(malformed(format!("it has {} values, it must have one", values.len()))),
        _ => Err(malformed(format!("it occurs {} times, it must occur once", values.len()))),
    }
}

/// The type of the challenge password in words.
fn challenge_type(attributes: &[Attribute]) -> Option<String> {
    let is_challenge = |one: &&Attribute| one.oid == PKCS_9_AT_CHALLENGE_PASSWORD;
    let values = attributes.iter().find(is_challenge)?.values.as_ref().ok()?;
    values.first().map(Value::type_name)
}

fn extensions(attributes: &[Attribute]) -> Result<Extensions, Error> {
    const WHAT: &str = "requested extensions";
    let asked = [ID_EXTENSION_REQ, MICROSOFT_EXTENSION_REQUEST];
    let mut extensions = Vec::new();
    for value in values(attributes, &asked, WHAT)?.into_iter().flatten() {
        let list: Option<Extensions> = value.decode();
        let reason = || format!("{} that is no list of extensions", value.type_name());
        extensions.extend(list.ok_or_else(|| Error::malformed(WHAT)(reason()))?);
    }
    Ok(extensions)
}
