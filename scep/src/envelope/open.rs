//! Opening an envelope, with the key of a recipient or with a password.

use der::{
    Tag, TagNumber, Tagged,
    asn1::Any,
    oid::db::rfc5911::{ID_DATA, ID_ENVELOPED_DATA},
};
use openssl::{
    pkey::{Id, PKeyRef, Private},
    symm,
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{
    KeyManagement, MAX_RECIPIENTS, Opened, WHAT, agreement,
    parameters::{initialization_vector, supported},
    password, read, transport,
};
use crate::{
    Error, PeerMisbehaved,
    algorithm::{Cipher, KeyTransport},
    ber,
    cms::{ContentInfo, EncryptedContentInfo, EnvelopedData, KeyTransRecipientInfo, Value},
    identity::Identity,
    secret::Secret,
};

/// Decrypts an envelope with the key of one of its recipients.
///
/// # Errors
/// Fails if the bytes are no envelope, `recipient` is not named in it, an algorithm is not supported, or decryption fails. The
/// error does not say which step of the decryption failed, because that would help an attacker.
pub fn open(bytes: &[u8], recipient: &Identity) -> Result<Opened, Error> {
    open_reply(bytes, recipient, None)
}

/// Decrypts the envelope of a reply: with the recipient's key, or with the challenge password of the request, if the envelope is for that
/// (RFC 8894 §3.1).
///
/// # Errors
/// Fails as [`open`] does, and if the envelope is encrypted with a password and there is none.
pub fn open_reply(
    bytes: &[u8],
    recipient: &Identity,
    password: Option<&Secret>,
) -> Result<Opened, Error> {
    let enveloped = read(bytes)?;
    let elements = enveloped.recipient_infos.at_most(MAX_RECIPIENTS, "recipient infos")?;
    let infos = transport::recipient_infos(&enveloped.recipient_infos)?;
    if let Some(info) = infos.iter().find(|info| info.rid.names(&recipient.certificate)) {
        return with_transported_key(&enveloped, info, &recipient.key);
    }
    let sealed = || Sealed::of(&enveloped.encrypted_content_info);
    let names_own = |one: &&[u8]| agreement::names(one, &recipient.certificate);
    if recipient.key.id() == Id::EC && elements.iter().any(names_own) {
        let content = agreement::open(bytes, recipient).ok_or(PeerMisbehaved::CannotDecrypt)?;
        return Ok(sealed()?.opened(content, KeyManagement::Agreement));
    }
    match (elements.iter().find(|one| password::is_one(one)), password) {
        (Some(info), Some(password)) => {
            let sealed = sealed()?;
            let content_key = password::content_key(info, password, sealed.key_bytes()?)?;
            let content = content_key.and_then(|content_key| sealed.decrypt(&content_key));
            let content = content.ok_or(PeerMisbehaved::OtherPassword)?;
            Ok(sealed.opened(content, KeyManagement::Password))
        }
        (Some(_), None) => Err(PeerMisbehaved::PasswordRecipient.into()),
        (None, _) => {
            Err(transport::not_a_recipient(&infos, elements.is_empty(), &recipient.certificate)?)
        }
    }
}

fn with_transported_key(
    enveloped: &EnvelopedData,
    info: &KeyTransRecipientInfo,
    key: &PKeyRef<Private>,
) -> Result<Opened, Error> {
    let algorithm = &enveloped.encrypted_content_info.algorithm;
    supported(Cipher::from_oid(&algorithm.oid), algorithm)?;
    let key_transport = supported(KeyTransport::from_oid(&info.algorithm.oid), &info.algorithm)?;
    check_oaep_parameters(key_transport, &info.algorithm)?;
    let sealed = Sealed::of(&enveloped.encrypted_content_info)?;
    sealed.expect_length()?;
    let content_key = transport::content_key(sealed.key_bytes()?, key_transport, key, info);
    let content = content_key.and_then(|content_key| sealed.decrypt(&content_key));
    let content = content.ok_or(PeerMisbehaved::CannotDecrypt)?;
    Ok(sealed.opened(content, KeyManagement::Transport(key_transport)))
}

/// Decrypts an envelope with a key that is perhaps that of one of its recipients, whose certificate is not known.
///
/// A wrong key may give any bytes, so that a content is one of ASN.1 alone, as every content of SCEP is.
///
/// # Errors
/// Fails if the bytes are no envelope, an algorithm is not supported, or the key opens it for none of its recipients.
pub fn open_with_key(bytes: &[u8], key: &PKeyRef<Private>) -> Result<Opened, Error> {
    let enveloped = read(bytes)?;
    let sealed = Sealed::of(&enveloped.encrypted_content_info)?;
    for info in transport::recipient_infos(&enveloped.recipient_infos)? {
        let Some(key_transport) = KeyTransport::from_oid(&info.algorithm.oid) else { continue };
        if info.encrypted_key.as_bytes().len() != key.size() {
            continue;
        }
        let content_key = transport::content_key(sealed.key_bytes()?, key_transport, key, &info);
        let content = content_key.and_then(|content_key| sealed.decrypt(&content_key));
        if let Some(content) = content.filter(|content| ber::normalise(content).is_ok()) {
            return Ok(sealed.opened(content, KeyManagement::Transport(key_transport)));
        }
    }
    Err(PeerMisbehaved::CannotDecrypt.into())
}

/// The encrypted content, with its cipher.
struct Sealed {
    cipher: Cipher,
    iv: Vec<u8>,
    encrypted: Vec<u8>,
    is_data: bool,
}

impl Sealed {
    fn of(info: &EncryptedContentInfo) -> Result<Self, Error> {
        Ok(Self {
            cipher: supported(Cipher::from_oid(&info.algorithm.oid), &info.algorithm)?,
            iv: initialization_vector(&info.algorithm)?,
            encrypted: in_one_piece(info.encrypted_content.as_ref())?,
            is_data: info.content_type == ID_DATA,
        })
    }

    fn key_bytes(&self) -> Result<usize, Error> {
        Ok(self.cipher.openssl()?.key_len())
    }

    fn expect_length(&self) -> Result<(), Error> {
        let (length, block) = (self.encrypted.len(), self.cipher.openssl()?.block_size());
        if length == 0 || !length.is_multiple_of(block) {
            return Err(PeerMisbehaved::EncryptedLength { length, block }.into());
        }
        Ok(())
    }

    /// The content, if this is its key.
    fn decrypt(&self, key: &[u8]) -> Option<Vec<u8>> {
        let algorithm = self.cipher.openssl().ok()?;
        // symm::decrypt asserts on lengths.
        if key.len() != algorithm.key_len() || Some(self.iv.len()) != algorithm.iv_len() {
            return None;
        }
        symm::decrypt(algorithm, key, Some(&self.iv), &self.encrypted).ok()
    }

    fn opened(&self, content: Vec<u8>, key_management: KeyManagement) -> Opened {
        Opened { content, cipher: self.cipher, key_management, is_data: self.is_data }
    }
}

/// True if the envelope is DER: all lengths are definite and minimal, and every string is in one piece, the encrypted content as well.
pub fn is_der(bytes: &[u8]) -> bool {
    let is_normal = ber::normalise(bytes).is_ok_and(|normal| normal == bytes);
    let opened = ContentInfo::open(bytes, ID_ENVELOPED_DATA, "pkcsPKIEnvelope");
    let has_pieces = |enveloped: EnvelopedData| {
        let content = enveloped.encrypted_content_info.encrypted_content;
        content.is_some_and(|content| content.tag().is_constructed())
    };
    is_normal && opened.is_ok_and(|enveloped| !has_pieces(enveloped))
}

/// Only the default OAEP parameters are read: SHA-1, MGF1 with SHA-1, no label.
fn check_oaep_parameters(
    transport: KeyTransport,
    algorithm: &AlgorithmIdentifierOwned,
) -> Result<(), Error> {
    let is_default = algorithm.parameters.as_ref().is_none_or(|given| given.value().is_empty());
    if transport == KeyTransport::Oaep && !is_default {
        return Err(Error::unsupported("RSA-OAEP parameters", "other than SHA-1 with MGF1-SHA-1"));
    }
    Ok(())
}

/// The encrypted content, which scepserver and streaming encoders send as octet strings in a constructed `[0]`.
pub(super) fn in_one_piece(content: Option<&Any>) -> Result<Vec<u8>, Error> {
    let malformed = Error::malformed(WHAT);
    let content = content.ok_or_else(|| malformed("no encrypted content".to_owned()))?;
    match content.tag() {
        Tag::ContextSpecific { constructed: false, number: TagNumber(0) } => {
            Ok(content.value().to_vec())
        }
        Tag::ContextSpecific { constructed: true, number: TagNumber(0) } => join(content.value()),
        tag => Err(malformed(format!("encrypted content with tag {tag}"))),
    }
}

fn join(pieces: &[u8]) -> Result<Vec<u8>, Error> {
    let mut joined = Vec::with_capacity(pieces.len());
    for piece in ber::elements(pieces)? {
        let piece = Value::read(piece)?;
        let octets = piece.octets().ok_or_else(|| {
            let reason = format!("one is {}, not an OCTET STRING", piece.type_name());
            Error::malformed("encrypted content in pieces")(reason)
        })?;
        joined.extend_from_slice(octets);
    }
    Ok(joined)
}
