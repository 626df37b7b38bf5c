//! Signatures on messages and certification requests, by the kind of the key.

use der::{
    Sequence,
    asn1::{Any, ObjectIdentifier},
    oid::db::rfc5912::RSA_ENCRYPTION,
};
use openssl::{
    hash::MessageDigest,
    pkey::{HasPrivate, HasPublic, Id, PKeyRef},
    rsa::Padding,
    sign::{RsaPssSaltlen, Signer, Verifier},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{Error, algorithm::Digest};

/// `id-Ed25519` (RFC 8410 §3).
pub(crate) const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");
/// `id-RSASSA-PSS` (RFC 8017 appendix C).
pub(crate) const RSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");
/// The arc of the ECDSA signatures (RFC 5758 §3.2).
const ECDSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4");
const MGF1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.8");

/// The only digest of a message that is signed with this key, if it leaves no choice: SHA-512 for Ed25519 (RFC 8419 §3.1).
pub fn only_digest<T: HasPublic>(key: &PKeyRef<T>) -> Option<Digest> {
    (key.id() == Id::ED25519).then_some(Digest::Sha512)
}

/// The padding of a signature with an RSA key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RsaPadding {
    /// That of PKCS#1 v1.5, which every peer reads.
    #[default]
    Pkcs1,
    /// RSASSA-PSS, with MGF1 of the same digest and a salt as long as the digest.
    Pss,
}

/// Signs bytes; a key for Ed25519 takes no digest.
pub(crate) fn sign<T: HasPrivate>(
    covered: &[u8],
    key: &PKeyRef<T>,
    digest: Digest,
    padding: RsaPadding,
) -> Result<Vec<u8>, Error> {
    if key.id() == Id::ED25519 {
        return Ok(Signer::new_without_digest(key)?.sign_oneshot_to_vec(covered)?);
    }
    let mut signer = Signer::new(digest.openssl(), key)?;
    if key.id() == Id::RSA && padding == RsaPadding::Pss {
        signer.set_rsa_padding(Padding::PKCS1_PSS)?;
        signer.set_rsa_mgf1_md(digest.openssl())?;
        signer.set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)?;
    }
    Ok(signer.sign_oneshot_to_vec(covered)?)
}

/// The digest for OpenSSL to sign a certificate with; none for Ed25519.
pub(crate) fn certificate_digest<T: HasPublic>(key: &PKeyRef<T>, digest: Digest) -> MessageDigest {
    if key.id() == Id::ED25519 { MessageDigest::null() } else { digest.openssl() }
}

/// The algorithm of a signature in the combined form, such as `sha256WithRSAEncryption`; `None` if the key decides nothing.
pub(crate) fn combined<T: HasPublic>(
    key: &PKeyRef<T>,
    digest: Digest,
    padding: RsaPadding,
) -> Result<AlgorithmIdentifierOwned, Error> {
    let (oid, parameters) = match key.id() {
        // Without parameters (RFC 5758 §3.2, RFC 8410 §3).
        Id::EC => {
            let oid = digest.ecdsa_signature_oid();
            (oid.ok_or(Error::Misuse("nothing is signed with ECDSA and MD5"))?, None)
        }
        Id::ED25519 => (ED25519, None),
        _ if padding == RsaPadding::Pss => (RSA_PSS, Some(PssParameters::of(digest)?)),
        _ => (digest.rsa_signature_oid(), Some(Any::null())),
    };
    Ok(AlgorithmIdentifierOwned { oid, parameters })
}

/// ```text
/// RSASSA-PSS-params ::= SEQUENCE {
///     hashAlgorithm    [0] HashAlgorithm    DEFAULT sha1,
///     maskGenAlgorithm [1] MaskGenAlgorithm DEFAULT mgf1SHA1,
///     saltLength       [2] INTEGER          DEFAULT 20,
///     trailerField     [3] TrailerField     DEFAULT trailerFieldBC }
/// ```
#[derive(Sequence)]
struct PssParameters {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    hash: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    mask: Option<AlgorithmIdentifierOwned>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT", optional = "true")]
    salt_length: Option<u16>,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT", optional = "true")]
    trailer: Option<u8>,
}

impl PssParameters {
    fn of(digest: Digest) -> Result<Any, Error> {
        let hash = AlgorithmIdentifierOwned { oid: digest.oid(), parameters: Some(Any::null()) };
        let mask =
            AlgorithmIdentifierOwned { oid: MGF1, parameters: Some(Any::encode_from(&hash)?) };
        let salt_length = u16::try_from(digest.openssl().size()).ok();
        let parameters = Self { hash: Some(hash), mask: Some(mask), salt_length, trailer: None };
        Ok(Any::encode_from(&parameters)?)
    }

    fn read(algorithm: &AlgorithmIdentifierOwned) -> Result<Self, Error> {
        let parameters = algorithm.parameters.as_ref().map(Any::decode_as::<Self>);
        match parameters {
            Some(Ok(parameters)) if parameters.trailer.is_none_or(|trailer| trailer == 1) => {
                Ok(parameters)
            }
            Some(_) => Err(Error::malformed("parameters of RSASSA-PSS")(
                "they are not those of RFC 8017 appendix A.2.3",
            )),
            None => Err(Error::malformed("parameters of RSASSA-PSS")("a signature must have them")),
        }
    }

    fn digest(&self) -> Option<Digest> {
        self.hash.as_ref().map_or(Some(Digest::Sha1), |hash| Digest::from_oid(&hash.oid))
    }

    fn mask_digest(&self) -> Option<Digest> {
        let Some(mask) = &self.mask else { return Some(Digest::Sha1) };
        let hash = mask.parameters.as_ref().filter(|_| mask.oid == MGF1)?;
        Digest::from_oid(&hash.decode_as::<AlgorithmIdentifierOwned>().ok()?.oid)
    }
}

/// A signature algorithm as a message names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Plain RSA, with the digest of the message or without one.
    Rsa,
    RsaPss,
    Ecdsa,
    Ed25519,
}

impl Named {
    /// The algorithm with this identifier, in a message with this digest.
    pub(crate) fn of(oid: &ObjectIdentifier, digest: Digest) -> Option<Self> {
        match *oid {
            RSA_ENCRYPTION => Some(Self::Rsa),
            RSA_PSS => Some(Self::RsaPss),
            ED25519 => Some(Self::Ed25519),
            oid if oid == digest.rsa_signature_oid() => Some(Self::Rsa),
            oid if oid.as_bytes().starts_with(ECDSA.as_bytes()) => Some(Self::Ecdsa),
            _ => None,
        }
    }

    /// True if the key is of the kind that this algorithm needs; some peers name another and sign well.
    pub(crate) fn fits(self, key: Id) -> bool {
        match self {
            Self::Rsa => key == Id::RSA,
            Self::RsaPss => matches!(key, Id::RSA | Id::RSA_PSS),
            Self::Ecdsa => key == Id::EC,
            Self::Ed25519 => key == Id::ED25519,
        }
    }
}

/// True if the signature over these bytes verifies with this key.
pub(crate) fn verifies<T: HasPublic>(
    covered: &[u8],
    signature: &[u8],
    algorithm: &AlgorithmIdentifierOwned,
    key: &PKeyRef<T>,
    digest: Digest,
) -> Result<bool, Error> {
    if key.id() == Id::ED25519 {
        let mut verifier = Verifier::new_without_digest(key)?;
        // OpenSSL puts details of a mismatch on its error queue; here they are all one error.
        return Ok(verifier.verify_oneshot(signature, covered).unwrap_or(false));
    }
    let pss = (algorithm.oid == RSA_PSS).then(|| PssParameters::read(algorithm)).transpose()?;
    let unsupported = || Error::unsupported("digest of RSASSA-PSS", "of another kind");
    let own = pss.as_ref().map(|pss| pss.digest().ok_or_else(unsupported)).transpose()?;
    let mut verifier = Verifier::new(own.unwrap_or(digest).openssl(), key)?;
    if let Some(pss) = pss.filter(|_| matches!(key.id(), Id::RSA | Id::RSA_PSS)) {
        let mask = pss.mask_digest().ok_or_else(unsupported)?;
        verifier.set_rsa_padding(Padding::PKCS1_PSS)?;
        verifier.set_rsa_mgf1_md(mask.openssl())?;
        let length = i32::from(pss.salt_length.unwrap_or(20));
        verifier.set_rsa_pss_saltlen(RsaPssSaltlen::custom(length))?;
    }
    Ok(verifier.verify_oneshot(signature, covered).unwrap_or(false))
}
