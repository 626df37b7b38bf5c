//! Recipients with a key on an elliptic curve, by ephemeral-static ECDH (RFC 5652 §6.2.2, RFC 5753 §3.1). RFC 8894 has no such
//! replies, but NDES sends them to clients with such keys.

use der::{
    Choice, Sequence, Tag,
    asn1::{Any, OctetString},
};
use openssl::{
    cms::{CMSOptions, CmsContentInfo},
    pkey::Id,
    stack::Stack,
    x509::{X509, X509Ref},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::MAX_RECIPIENTS;
use crate::{
    Error,
    algorithm::Cipher,
    ber,
    cms::{CertificateIdentifier, IssuerAndSerialNumber},
    identity::Identity,
};

/// ```text
/// KeyAgreeRecipientInfo ::= SEQUENCE {
///   version CMSVersion,  -- always set to 3
///   originator [0] EXPLICIT OriginatorIdentifierOrKey,
///   ukm [1] EXPLICIT UserKeyingMaterial OPTIONAL,
///   keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
///   recipientEncryptedKeys RecipientEncryptedKeys }
/// ```
#[derive(Sequence)]
struct KeyAgreeRecipientInfo {
    version: u8,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    originator: Any,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    keying_material: Option<Any>,
    algorithm: AlgorithmIdentifierOwned,
    keys: Vec<RecipientEncryptedKey>,
}

/// ```text
/// RecipientEncryptedKey ::= SEQUENCE {
///   rid KeyAgreeRecipientIdentifier,
///   encryptedKey EncryptedKey }
/// ```
#[derive(Sequence)]
struct RecipientEncryptedKey {
    rid: KeyAgreeRecipientIdentifier,
    encrypted_key: OctetString,
}

/// ```text
/// KeyAgreeRecipientIdentifier ::= CHOICE {
///   issuerAndSerialNumber IssuerAndSerialNumber,
///   rKeyId [0] IMPLICIT RecipientKeyIdentifier }
/// ```
#[derive(Choice)]
enum KeyAgreeRecipientIdentifier {
    IssuerAndSerialNumber(IssuerAndSerialNumber),
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true")]
    RecipientKeyIdentifier(RecipientKeyIdentifier),
}

/// ```text
/// RecipientKeyIdentifier ::= SEQUENCE {
///   subjectKeyIdentifier SubjectKeyIdentifier,
///   date GeneralizedTime OPTIONAL,
///   other OtherKeyAttribute OPTIONAL }
/// ```
#[derive(Sequence)]
struct RecipientKeyIdentifier {
    subject_key_identifier: OctetString,
    #[asn1(optional = "true")]
    date: Option<der::asn1::GeneralizedTime>,
    #[asn1(optional = "true")]
    other: Option<Any>,
}

/// True if this recipient info is one by key agreement that names the certificate.
pub(super) fn names(info: &[u8], certificate: &X509Ref) -> bool {
    const TAG: u8 = 0xa1;
    let Ok((TAG, content)) = ber::split(&mut &*info) else { return false };
    let fields = Any::new(Tag::Sequence, content);
    let info = fields.and_then(|fields| fields.decode_as::<KeyAgreeRecipientInfo>());
    info.is_ok_and(|info| {
        let keys = info.keys.into_iter().take(MAX_RECIPIENTS);
        keys.map(|key| identifier(key.rid)).any(|identifier| identifier.names(certificate))
    })
}

fn identifier(rid: KeyAgreeRecipientIdentifier) -> CertificateIdentifier {
    match rid {
        KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(both) => {
            CertificateIdentifier::IssuerAndSerialNumber(both)
        }
        KeyAgreeRecipientIdentifier::RecipientKeyIdentifier(key) => {
            CertificateIdentifier::SubjectKeyIdentifier(key.subject_key_identifier)
        }
    }
}

/// The content, decrypted by OpenSSL, which has the key derivation and the key wraps of RFC 5753.
pub(super) fn open(bytes: &[u8], recipient: &Identity) -> Option<Vec<u8>> {
    let message = CmsContentInfo::from_der(bytes).ok()?;
    message.decrypt(&recipient.key, &recipient.certificate).ok()
}

/// Encrypts `content` for the holder of this certificate with a key on an elliptic curve, as NDES does.
///
/// # Errors
/// Fails if the key is of another kind, or OpenSSL fails.
pub fn seal_by_agreement(
    content: &[u8],
    recipient: &X509Ref,
    cipher: Cipher,
) -> Result<Vec<u8>, Error> {
    if recipient.public_key()?.id() != Id::EC {
        return Err(Error::Misuse("only a key on an elliptic curve can agree on another key"));
    }
    let mut recipients: Stack<X509> = Stack::new()?;
    recipients.push(recipient.to_owned())?;
    let (cipher, options) = (cipher.openssl()?, CMSOptions::BINARY);
    Ok(CmsContentInfo::encrypt(&recipients, content, cipher, options)?.to_der()?)
}
