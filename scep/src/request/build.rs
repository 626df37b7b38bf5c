//! Building a certification request.

use der::{
    Decode, Encode,
    asn1::{
        Any, BitString, BmpString, Ia5StringRef, ObjectIdentifier, OctetString, PrintableString,
        SetOfVec,
    },
};
use openssl::{
    pkey::{Id, PKeyRef, Private},
    sign::Signer,
    x509::X509NameRef,
};
use x509_cert::{attr::Attribute, ext::Extension, spki::AlgorithmIdentifierOwned};

use super::{
    CHALLENGE_PASSWORD, CertificationRequest, CertificationRequestInfo, EXTENSION_REQUEST,
    RequestedExtension,
};
use crate::{Error, algorithm::Digest, cms::SetOf, secret::Secret};

/// A certification request to be built (RFC 2986, RFC 8894 §3.3.1).
pub struct CsrBuilder<'a> {
    /// The subject the certificate is to have.
    pub subject: &'a X509NameRef,
    /// The RSA key to be certified; it signs the request.
    pub key: &'a PKeyRef<Private>,
    /// The shared secret that authorises the request (RFC 8894 §2.4).
    pub challenge_password: Option<&'a Secret>,
    /// As which string it travels.
    pub challenge_string: ChallengeString,
    /// The extensions to ask for.
    pub extensions: &'a [RequestedExtension],
    /// The digest to sign with.
    pub digest: Digest,
}

/// As which ASN.1 string a challenge password travels: a `DirectoryString` by RFC 2985 §5.4.1, of which servers take some.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ChallengeString {
    /// `PrintableString` where the password fits, for older NDES servers read nothing else; else `UTF8String`.
    #[default]
    PrintableOrUtf8,
    /// `UTF8String`.
    Utf8,
    /// `IA5String`, which is no `DirectoryString`, and sent all the same.
    Ia5,
    /// `BMPString`: UTF-16, as Windows has it.
    Bmp,
}

impl CsrBuilder<'_> {
    /// Signs and encodes the request, in DER.
    ///
    /// # Errors
    /// When a value cannot be encoded or OpenSSL cannot sign.
    pub fn encode(&self) -> Result<Vec<u8>, Error> {
        let malformed = Error::malformed("certification request");
        let info = self.info()?;
        let signed = info.to_der().map_err(&malformed)?;
        let signature =
            Signer::new(self.digest.openssl(), self.key)?.sign_oneshot_to_vec(&signed)?;
        let request = CertificationRequest {
            info,
            signature_algorithm: self.signature_algorithm()?,
            signature: BitString::from_bytes(&signature).map_err(&malformed)?,
        };
        request.to_der().map_err(malformed)
    }

    /// An ECDSA signature has no parameters (RFC 5758 §3.2).
    fn signature_algorithm(&self) -> Result<AlgorithmIdentifierOwned, Error> {
        let (oid, parameters) = if self.key.id() == Id::EC {
            let oid = self.digest.ecdsa_signature_oid();
            (oid.ok_or(Error::Misuse("no request is signed with ECDSA and MD5"))?, None)
        } else {
            (self.digest.rsa_signature_oid(), Some(Any::null()))
        };
        Ok(AlgorithmIdentifierOwned { oid, parameters })
    }

    fn info(&self) -> Result<CertificationRequestInfo, Error> {
        let (subject, public_key) = (self.subject.to_der()?, self.key.public_key_to_der()?);
        let info = || -> der::Result<CertificationRequestInfo> {
            let attributes = [self.challenge_attribute()?, self.extension_attribute()?];
            Ok(CertificationRequestInfo {
                version: 0,
                subject: Any::from_der(&subject)?,
                public_key: Any::from_der(&public_key)?,
                attributes: Some(SetOf::sorted(attributes.into_iter().flatten().collect())),
            })
        };
        info().map_err(Error::malformed("certification request"))
    }

    fn challenge_attribute(&self) -> der::Result<Option<Vec<u8>>> {
        let Some(password) = self.challenge_password else { return Ok(None) };
        let text = password.expose();
        let value = match (self.challenge_string, PrintableString::new(text)) {
            (ChallengeString::PrintableOrUtf8, Ok(printable)) => printable.to_der()?,
            (ChallengeString::PrintableOrUtf8 | ChallengeString::Utf8, _) => {
                text.to_owned().to_der()?
            }
            (ChallengeString::Ia5, _) => Ia5StringRef::new(text)?.to_der()?,
            (ChallengeString::Bmp, _) => BmpString::from_utf8(text)?.to_der()?,
        };
        attribute(CHALLENGE_PASSWORD, &value).map(Some)
    }

    fn extension_attribute(&self) -> der::Result<Option<Vec<u8>>> {
        if self.extensions.is_empty() {
            return Ok(None);
        }
        let extensions: der::Result<Vec<Extension>> =
            self.extensions.iter().map(RequestedExtension::to_extension).collect();
        attribute(EXTENSION_REQUEST, &extensions?.to_der()?).map(Some)
    }
}

impl RequestedExtension {
    fn to_extension(&self) -> der::Result<Extension> {
        Ok(Extension {
            extn_id: ObjectIdentifier::new(&self.oid)
                .map_err(|_| der::Error::from(der::ErrorKind::OidMalformed))?,
            critical: self.critical,
            extn_value: OctetString::new(self.value.as_slice())?,
        })
    }
}

fn attribute(oid: ObjectIdentifier, value: &[u8]) -> der::Result<Vec<u8>> {
    Attribute { oid, values: SetOfVec::try_from(vec![Any::from_der(value)?])? }.to_der()
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
    fn a_key_on_an_elliptic_curve_signs_with_ecdsa() {
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
            assert!(csr.verify(), "{digest}");
        }
        assert!(matches!(build(Digest::Md5), Err(Error::Misuse(_))));
    }
}
