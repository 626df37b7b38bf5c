//! Building a certification request, and the self-signed certificate of a client that has no other.

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use super::{CertificationRequest, CertificationRequestInfo, Extension};
use crate::{
    Error,
    algorithm::Digest,
    attribute::TransactionId,
    clock::asn1_time,
    cms::{SetOf, attribute},
    identity::Identity,
    secret::Secret,
    signature::{self, RsaPadding},
};
use der::{
    Decode, Encode, Tag, Tagged,
    asn1::{Any, BitString, BmpString, Ia5StringRef, PrintableStringRef, Utf8StringRef},
    oid::db::{rfc2985::PKCS_9_AT_CHALLENGE_PASSWORD, rfc5912::ID_EXTENSION_REQ},
};
use openssl::{
    asn1::Asn1Integer,
    bn::BigNum,
    error::ErrorStack,
    pkey::{Id, PKey, PKeyRef, Private},
    x509::{X509Builder, X509NameRef, extension::KeyUsage},
};

/// A certification request before it is signed (RFC 2986, RFC 8894 §3.3.1).
///
/// # Examples
/// ```
/// use openssl::{pkey::PKey, rsa::Rsa};
/// use scep::{
///     algorithm::Digest,
///     name,
///     request::{ChallengeString, Csr, CsrBuilder, dns_names},
/// };
///
/// let key = PKey::from_rsa(Rsa::generate(2048)?)?;
/// let builder = CsrBuilder {
///     subject: &*name::parse("CN=device")?,
///     key: &key,
///     challenge_password: None,
///     challenge_string: ChallengeString::default(),
///     extensions: &[dns_names(&["device.example.com"])?],
///     digest: Digest::Sha256,
/// };
/// assert!(Csr::from_der(&builder.encode()?)?.verify().is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct CsrBuilder<'a> {
    /// The subject to ask for.
    pub subject: &'a X509NameRef,
    /// The key to certify; it signs the request.
    pub key: &'a PKeyRef<Private>,
    /// The shared secret that authorises the request (RFC 8894 §2.4).
    pub challenge_password: Option<&'a Secret>,
    /// The ASN.1 string type of the challenge password.
    pub challenge_string: ChallengeString,
    /// The extensions to ask for.
    pub extensions: &'a [Extension],
    /// The digest to sign with.
    pub digest: Digest,
}

crate::named::debug_of!(CsrBuilder<'_> { challenge_password, extensions, digest });

/// The ASN.1 string type of a challenge password. RFC 2985 §5.4.1 says `DirectoryString`, and servers accept only some of its types.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ChallengeString {
    /// `PrintableString` if the password allows it, because older NDES servers read nothing else, or else `UTF8String`.
    #[default]
    PrintableOrUtf8,
    /// `PrintableString`; a password with other characters cannot be encoded.
    Printable,
    /// `UTF8String`.
    Utf8,
    /// `IA5String`, which some clients send although it is no `DirectoryString`.
    Ia5,
    /// `BMPString`: UTF-16, as Windows writes it.
    Bmp,
}

impl CsrBuilder<'_> {
    /// Signs and encodes the request, in DER.
    ///
    /// # Errors
    /// Fails if a value cannot be encoded or OpenSSL cannot sign.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let info = self.info()?;
        let padding = RsaPadding::default();
        let signature = signature::sign(&info.to_der()?, self.key, self.digest, padding)?;
        let request = CertificationRequest {
            info,
            signature_algorithm: signature::combined(self.key, self.digest, padding)?,
            signature: BitString::from_bytes(&signature)?,
        };
        Ok(request.to_der()?)
    }

    fn info(&self) -> Result<CertificationRequestInfo, Error> {
        let mut attributes = Vec::new();
        if let Some(password) = self.challenge_password {
            let value = self.challenge_string.value(password.expose())?;
            attributes.push(attribute(PKCS_9_AT_CHALLENGE_PASSWORD, value)?);
        }
        if !self.extensions.is_empty() {
            let list = Any::encode_from(&self.extensions.to_vec())?;
            attributes.push(attribute(ID_EXTENSION_REQ, list)?);
        }
        Ok(CertificationRequestInfo {
            version: 0,
            subject: Any::from_der(&self.subject.to_der()?)?,
            public_key: Any::from_der(&self.key.public_key_to_der()?)?,
            attributes: Some(SetOf::sorted(attributes)),
        })
    }
}

impl fmt::Display for ChallengeString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PrintableOrUtf8 => "PrintableString or UTF8String",
            Self::Printable => "PrintableString",
            Self::Utf8 => "UTF8String",
            Self::Ia5 => "IA5String",
            Self::Bmp => "BMPString",
        })
    }
}

impl ChallengeString {
    /// True if this type can hold the password.
    pub fn can_hold(self, password: &Secret) -> bool {
        self.type_of(password).is_some()
    }

    /// The name of the type that this password gets, such as `UTF8String`; `None` if the password has characters that the type lacks.
    pub fn type_of(self, password: &Secret) -> Option<&'static str> {
        Some(match self.value(password.expose()).ok()?.tag() {
            Tag::PrintableString => "PrintableString",
            Tag::Ia5String => "IA5String",
            Tag::BmpString => "BMPString",
            _ => "UTF8String",
        })
    }

    fn value(self, password: &str) -> der::Result<Any> {
        match (self, PrintableStringRef::new(password)) {
            (Self::PrintableOrUtf8, Ok(printable)) => Any::encode_from(&printable),
            (Self::Printable, printable) => Any::encode_from(&printable?),
            (Self::PrintableOrUtf8 | Self::Utf8, _) => {
                Any::encode_from(&Utf8StringRef::new(password)?)
            }
            (Self::Ia5, _) => Any::encode_from(&Ia5StringRef::new(password)?),
            (Self::Bmp, _) => Any::encode_from(&BmpString::from_utf8(password)?),
        }
    }
}

/// The validity of a self-signed certificate: long enough for a transaction that stays pending.
const VALIDITY: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// Makes a self-signed certificate to sign a request with, if the client has no other (RFC 8894 §2.3).
///
/// The certificate has the subject and the key of the request, the key usages `digitalSignature` and, if the key is one of RSA,
/// `keyEncipherment`, because it signs the request and receives the reply, and the transaction id of the key as its serial number, as strongSwan does.
///
/// # Errors
/// Fails if `now` is out of range or OpenSSL cannot sign.
pub fn self_signed(
    subject: &X509NameRef,
    key: &PKey<Private>,
    digest: Digest,
    now: SystemTime,
) -> Result<Identity, Error> {
    let mut builder = X509Builder::new()?;
    builder.set_version(2)?;
    builder.set_subject_name(subject)?;
    builder.set_issuer_name(subject)?;
    builder.set_pubkey(key)?;
    let serial = serial(key)?;
    builder.set_serial_number(&serial)?;
    builder.set_not_before(asn1_time(now)?.as_ref())?;
    builder.set_not_after(asn1_time(now + VALIDITY)?.as_ref())?;
    let mut usage = KeyUsage::new();
    usage.critical().digital_signature();
    if key.id() == Id::RSA {
        usage.key_encipherment();
    }
    builder.append_extension(usage.build()?)?;
    builder.sign(key, signature::certificate_digest(key, digest))?;
    Ok(Identity { certificate: builder.build(), key: key.clone() })
}

fn serial(key: &PKey<Private>) -> Result<Asn1Integer, ErrorStack> {
    let id = TransactionId::from_public_key(key)?;
    let mut number = BigNum::from_hex_str(id.as_str())?;
    // A serial number of 20 octets must not have its highest bit set (RFC 5280 §4.1.2.2).
    if number.is_bit_set(159) {
        number.clear_bit(159)?;
    }
    number.to_asn1_integer()
}

#[cfg(test)]
mod tests {
    use openssl::{
        ec::{EcGroup, EcKey},
        nid::Nid,
        pkey::PKey,
    };

    use super::*;
    use crate::{name, request::Csr};

    #[test]
    fn string_types_hold_only_their_characters() {
        use ChallengeString::{Bmp, Ia5, Printable, PrintableOrUtf8, Utf8};
        for (password, unfit) in [
            ("Simple-1", vec![]),
            ("under_score", vec![Printable]),
            ("größe", vec![Printable, Ia5]),
        ] {
            let can = |string: &ChallengeString| !string.can_hold(&Secret::new(password));
            let all = [PrintableOrUtf8, Printable, Utf8, Ia5, Bmp];
            assert_eq!(all.into_iter().filter(can).collect::<Vec<_>>(), unfit, "{password}");
        }
    }

    #[test]
    fn elliptic_curve_key_signs_a_csr_with_ecdsa() {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        let subject = name::parse("CN=a").unwrap();
        let build = |digest| {
            let builder = CsrBuilder {
                subject: &subject,
                key: &key,
                challenge_password: None,
                challenge_string: ChallengeString::default(),
                extensions: &[],
                digest,
            };
            builder.encode()
        };
        for digest in [Digest::Sha1, Digest::Sha224, Digest::Sha256, Digest::Sha384, Digest::Sha512]
        {
            let csr = Csr::from_der(&build(digest).unwrap()).unwrap();
            assert_eq!(csr.verify(), Ok(()), "{digest}");
        }
        assert!(matches!(build(Digest::Md5), Err(Error::Misuse(_))));
    }
}
