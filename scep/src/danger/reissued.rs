//! Certificates made again: with the fields of another one, mistakes included, for another key or by another issuer.

use std::time::{Duration, SystemTime};

use der::{
    Decode, Encode, Sequence,
    asn1::{Any, BitString, Int, OctetString},
    oid::AssociatedOid,
};
use openssl::{
    hash::{MessageDigest, hash},
    pkey::{HasPublic, Id, PKeyRef, Private},
    sign::Signer,
    x509::{X509, X509NameRef, X509Ref},
};
use x509_cert::{
    ext::{Extension, pkix},
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

use crate::{Entropy, Error, algorithm::Digest, clock::within_range};

/// A certificate that is to be made again. What is not changed stays as it was.
pub struct Reissued {
    fields: TbsCertificate,
}

crate::named::debug_of!(Reissued {});

/// ```text
/// TBSCertificate ::= SEQUENCE {
///   version         [0] EXPLICIT Version DEFAULT v1,
///   serialNumber         CertificateSerialNumber,
///   signature            AlgorithmIdentifier,
///   issuer               Name,
///   validity             Validity,
///   subject              Name,
///   subjectPublicKeyInfo SubjectPublicKeyInfo,
///   issuerUniqueID  [1] IMPLICIT UniqueIdentifier OPTIONAL,
///   subjectUniqueID [2] IMPLICIT UniqueIdentifier OPTIONAL,
///   extensions      [3] EXPLICIT Extensions OPTIONAL }
/// ```
///
/// (RFC 5280 §4.1). That of `x509-cert` cannot be changed.
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    version: Option<Any>,
    serial_number: Any,
    signature: AlgorithmIdentifierOwned,
    issuer: Any,
    validity: Validity,
    subject: Any,
    public_key: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    issuer_unique_id: Option<BitString>,
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT", optional = "true")]
    subject_unique_id: Option<BitString>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    extensions: Option<Vec<Extension>>,
}

#[derive(Sequence)]
struct Certificate {
    fields: TbsCertificate,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitString,
}

impl Reissued {
    /// The fields of a certificate.
    ///
    /// # Errors
    /// Fails if OpenSSL reads it and this reader does not.
    pub fn of(certificate: &X509Ref) -> Result<Self, Error> {
        let read = Certificate::from_der(&certificate.to_der()?);
        let Certificate { fields, .. } = read.map_err(Error::malformed("certificate"))?;
        Ok(Self { fields })
    }

    /// Gives it this key; the identifier of the key stays as it was.
    ///
    /// # Errors
    /// Fails if the key cannot be encoded.
    pub fn set_key<T: HasPublic>(&mut self, key: &PKeyRef<T>) -> Result<(), Error> {
        self.fields.public_key = SubjectPublicKeyInfoOwned::from_der(&key.public_key_to_der()?)?;
        Ok(())
    }

    /// Gives it this key. If its subject key identifier was computed from the old key, it is computed from the new one in the same way.
    ///
    /// # Errors
    /// Fails if the key cannot be encoded.
    pub fn set_identified_key<T: HasPublic>(&mut self, key: &PKeyRef<T>) -> Result<(), Error> {
        let old = identifiers(&self.fields.public_key)?;
        self.set_key(key)?;
        let new = identifiers(&self.fields.public_key)?;
        for extension in self.fields.extensions.iter_mut().flatten() {
            let way = old.iter().position(|old| *old == extension.extn_value.as_bytes());
            if extension.extn_id == pkix::SubjectKeyIdentifier::OID
                && let Some(way) = way
            {
                extension.extn_value = OctetString::new(new[way].as_slice())?;
            }
        }
        Ok(())
    }

    /// Gives it this subject.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot encode the name.
    pub fn set_subject(&mut self, subject: &X509NameRef) -> Result<(), Error> {
        self.fields.subject = Any::from_der(&subject.to_der()?)?;
        Ok(())
    }

    /// Gives it this issuer.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot encode the name.
    pub fn set_issuer(&mut self, issuer: &X509NameRef) -> Result<(), Error> {
        self.fields.issuer = Any::from_der(&issuer.to_der()?)?;
        Ok(())
    }

    /// Gives it another serial number of the same length.
    ///
    /// # Errors
    /// Fails if `entropy` fails.
    pub fn renumber(&mut self, entropy: Entropy<'_>) -> Result<(), Error> {
        // So that two certificates of an issuer differ even if the serial numbers of the other server were short.
        const LEAST: usize = 8;
        const MOST: usize = 20;
        let mut octets = vec![0; self.fields.serial_number.value().len().clamp(LEAST, MOST)];
        entropy(&mut octets)?;
        // Positive, and in no more octets than it needs.
        octets[0] = octets[0] & 0x3f | 0x40;
        self.fields.serial_number = Any::encode_from(&Int::new(&octets)?)?;
        Ok(())
    }

    /// Moves its validity by so many seconds, as far as certificates have dates.
    ///
    /// # Errors
    /// Fails if a date cannot be encoded.
    pub fn move_dates(&mut self, seconds: i64) -> Result<(), Error> {
        let Validity { not_before, not_after, .. } = self.fields.validity;
        self.fields.validity =
            Validity::new(moved(not_before, seconds)?, moved(not_after, seconds)?);
        Ok(())
    }

    /// Gives it these dates.
    ///
    /// # Errors
    /// Fails if a date cannot be encoded.
    pub fn set_dates(&mut self, from: SystemTime, until: SystemTime) -> Result<(), Error> {
        let date = |date| Time::try_from(within_range(date));
        self.fields.validity = Validity::new(date(from)?, date(until)?);
        Ok(())
    }

    /// The value of an extension.
    pub fn extension<T: AssociatedOid>(&self) -> Option<&[u8]> {
        let mut all = self.fields.extensions.iter().flatten();
        all.find(|one| one.extn_id == T::OID).map(|one| one.extn_value.as_bytes())
    }

    /// The alternative names of the subject, as they are encoded (RFC 5280 §4.2.1.6).
    pub fn alternative_names(&self) -> Option<&[u8]> {
        self.extension::<pkix::SubjectAltName>()
    }

    /// Replaces the alternative names, if it has some.
    ///
    /// # Errors
    /// Fails if they are too long for DER.
    pub fn set_alternative_names(&mut self, names: &[u8]) -> Result<(), Error> {
        for extension in self.fields.extensions.iter_mut().flatten() {
            if extension.extn_id == pkix::SubjectAltName::OID {
                extension.extn_value = OctetString::new(names)?;
            }
        }
        Ok(())
    }

    /// Gives it these extensions in place of its own.
    pub fn set_extensions(&mut self, extensions: Vec<Extension>) {
        self.fields.extensions = Some(extensions).filter(|list| !list.is_empty());
    }

    /// The certificate, signed with this key: with the digest that it had, if that is known here, or else SHA-256.
    ///
    /// # Errors
    /// Fails if OpenSSL cannot sign, or cannot read the result.
    pub fn sign(mut self, key: &PKeyRef<Private>) -> Result<X509, Error> {
        let old = self.fields.signature.oid;
        let of_rsa = |digest: &&Digest| digest.rsa_signature_oid() == old;
        let of_ecdsa = |digest: &&Digest| digest.ecdsa_signature_oid() == Some(old);
        let is_ecdsa = key.id() == Id::EC;
        let known = Digest::ALL.iter().find(|digest| of_rsa(digest) || of_ecdsa(digest)).copied();
        let digest = known.filter(|it| !is_ecdsa || *it != Digest::Md5).unwrap_or(Digest::Sha256);
        let algorithm = match digest.ecdsa_signature_oid().filter(|_| is_ecdsa) {
            Some(oid) => AlgorithmIdentifierOwned { oid, parameters: None },
            None => AlgorithmIdentifierOwned {
                oid: digest.rsa_signature_oid(),
                parameters: Some(Any::null()),
            },
        };
        // As it was encoded, if it is the same.
        if self.fields.signature.oid != algorithm.oid {
            self.fields.signature = algorithm;
        }
        let mut signer = Signer::new(digest.openssl(), key)?;
        let signature = signer.sign_oneshot_to_vec(&self.fields.to_der()?)?;
        let certificate = Certificate {
            algorithm: self.fields.signature.clone(),
            signature: BitString::from_bytes(&signature)?,
            fields: self.fields,
        };
        Ok(X509::from_der(&certificate.to_der()?)?)
    }
}

/// The values of the subject key identifier that are computed from a key: by SHA-1 of its bits (RFC 5280 §4.2.1.2), by the first 160 bits of
/// SHA-256 of them (RFC 7093 §2), and by SHA-1 of the whole structure.
fn identifiers(key: &SubjectPublicKeyInfoOwned) -> Result<[Vec<u8>; 3], Error> {
    let bits = key.subject_public_key.raw_bytes();
    let all = [
        hash(MessageDigest::sha1(), bits)?.to_vec(),
        hash(MessageDigest::sha256(), bits)?[..20].to_vec(),
        hash(MessageDigest::sha1(), &key.to_der()?)?.to_vec(),
    ];
    let value = |octets: Vec<u8>| OctetString::new(octets).and_then(|it| it.to_der());
    let [first, second, third] = all;
    Ok([value(first)?, value(second)?, value(third)?])
}

/// A date so many seconds later, or earlier if they are negative; as it was if there is no such date.
pub(super) fn moved(date: Time, seconds: i64) -> der::Result<Time> {
    let by = Duration::from_secs(seconds.unsigned_abs());
    let from = date.to_system_time();
    let to = if seconds < 0 { from.checked_sub(by) } else { from.checked_add(by) };
    to.map_or(Ok(date), |to| Time::try_from(within_range(to)))
}

#[cfg(test)]
mod tests {
    use openssl::{pkey::PKey, rsa::Rsa};

    use super::*;
    use crate::{
        certificate::serial_number,
        clock::{moment, system_time},
        name,
        request::self_signed,
    };

    fn key() -> PKey<Private> {
        PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
    }

    #[test]
    fn unchanged_fields_stay_as_they_were() {
        let (key, subject) = (key(), name::parse("CN=holder").unwrap());
        let old =
            self_signed(&subject, &key, Digest::Sha512, moment("2026-05-05T02:00:55Z").unwrap());
        let old = old.unwrap().certificate;
        let same = Reissued::of(&old).unwrap().sign(&key).unwrap();
        assert_eq!(same.to_der().unwrap(), old.to_der().unwrap());
    }

    #[test]
    fn changed_fields_are_those_that_were_asked_for() {
        let (first, second) = (key(), key());
        let now = moment("2026-05-05T02:00:55Z").unwrap();
        let old = self_signed(&name::parse("CN=a").unwrap(), &first, Digest::Sha1, now).unwrap();
        let mut again = Reissued::of(&old.certificate).unwrap();
        again.set_key(&second).unwrap();
        again.set_subject(&name::parse("CN=b").unwrap()).unwrap();
        again.renumber(&mut openssl::rand::rand_bytes).unwrap();
        again.move_dates(-60).unwrap();
        let again = again.sign(&first).unwrap();
        assert!(again.verify(&first).unwrap());
        assert!(again.public_key().unwrap().public_eq(&second));
        assert_eq!(name::to_text(again.subject_name()), "CN = b");
        assert_eq!(name::to_text(again.issuer_name()), "CN = a");
        assert_eq!(again.signature_algorithm().object().to_string(), "sha1WithRSAEncryption");
        assert_ne!(serial_number(&again).unwrap(), serial_number(&old.certificate).unwrap());
        assert_eq!(system_time(again.not_before()).unwrap(), now - Duration::from_secs(60));
    }
}
