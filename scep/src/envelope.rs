//! The pkcsPKIEnvelope: a CMS `EnvelopedData` (RFC 8894 §3.2.2).

use der::{
    Decode, Encode, Tag, TagNumber, Tagged,
    asn1::{Any, OctetString, OctetStringRef},
    oid::db::rfc5911::{ID_DATA, ID_ENVELOPED_DATA},
};
use openssl::{
    pkey::{Id, PKey, PKeyRef, Private, Public},
    pkey_ctx::PkeyCtx,
    rsa::Padding,
    symm,
    x509::{X509, X509Ref},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{
    Entropy, Error, PeerMisbehaved,
    addressee::{self, Addressee},
    algorithm::{self, Cipher, KeyTransport},
    ber,
    certificate::serial_number,
    cms::{
        CertificateIdentifier, ContentInfo, EncryptedContentInfo, EnvelopedData,
        KeyTransRecipientInfo, SetOf, Value,
    },
    content::{Asn1, unlike},
    identity::Identity,
    name,
};

/// The most recipients that an envelope may have; scepclient names all certificates of GetCACert.
const MAX_RECIPIENTS: usize = 32;

/// The contents of an envelope, and its algorithms.
#[non_exhaustive]
pub struct Opened {
    /// The content.
    pub content: Vec<u8>,
    /// The cipher of the content.
    pub cipher: Cipher,
    /// The encryption of the content encryption key.
    pub key_transport: KeyTransport,
    /// True if the content has the type data, as RFC 8894 §3.2.2 demands.
    pub is_data: bool,
}

// Not the content, which may have a challenge password.
crate::named::debug_of!(Opened { cipher, key_transport });

/// Encrypts `content` for the holders of these RSA certificates.
///
/// # Examples
/// ```
/// use std::time::SystemTime;
///
/// use openssl::{pkey::PKey, rand::rand_bytes, rsa::Rsa};
/// use scep::{
///     algorithm::{Cipher, Digest, KeyTransport},
///     envelope, name,
///     request::self_signed,
/// };
///
/// let key = PKey::from_rsa(Rsa::generate(2048)?)?;
/// let ca = self_signed(&*name::parse("CN=CA")?, &key, Digest::Sha256, SystemTime::now())?;
/// let (cipher, transport) = (Cipher::Aes128, KeyTransport::Pkcs1v15);
/// let sealed = envelope::seal(b"text", &[&ca.certificate], cipher, transport, &mut rand_bytes)?;
/// assert_eq!(envelope::open(&sealed, &ca)?.content, b"text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Fails if there is no recipient, a recipient has no RSA key, or `entropy` fails.
pub fn seal(
    content: &[u8],
    recipients: &[&X509Ref],
    cipher: Cipher,
    key_transport: KeyTransport,
    entropy: Entropy<'_>,
) -> Result<Vec<u8>, Error> {
    if recipients.is_empty() {
        return Err(Error::Misuse("an envelope needs a recipient"));
    }
    let algorithm = cipher.openssl()?;
    let mut key = vec![0; algorithm.key_len()];
    entropy(&mut key)?;
    let mut iv = vec![0; algorithm.iv_len().unwrap_or_default()];
    entropy(&mut iv)?;
    let encrypted = symm::encrypt(algorithm, &key, Some(&iv), content)?;
    let recipient_infos: Result<Vec<_>, _> =
        recipients.iter().map(|recipient| recipient_info(recipient, &key, key_transport)).collect();
    let tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
    let enveloped = EnvelopedData {
        version: 0,
        originator_info: None,
        recipient_infos: SetOf::sorted(recipient_infos?),
        encrypted_content_info: EncryptedContentInfo {
            content_type: ID_DATA,
            algorithm: AlgorithmIdentifierOwned {
                oid: cipher.oid(),
                parameters: Some(Any::new(Tag::OctetString, iv)?),
            },
            encrypted_content: Some(Any::new(tag, encrypted)?),
        },
        unprotected_attrs: None,
    };
    ContentInfo::wrap(ID_ENVELOPED_DATA, &enveloped)
}

/// Refuses a certificate if its holder cannot receive an envelope with this cipher.
///
/// # Errors
/// Fails if the certificate's key is not an RSA key, or too short for the cipher's key.
pub fn expect_recipient(
    recipient: &X509Ref,
    cipher: Cipher,
    key_transport: KeyTransport,
) -> Result<(), Error> {
    public_key(recipient, cipher.openssl()?.key_len(), key_transport).map(drop)
}

/// The key of a recipient, if a key of so many bytes can be enciphered to it.
fn public_key(
    recipient: &X509Ref,
    key_bytes: usize,
    transport: KeyTransport,
) -> Result<PKey<Public>, Error> {
    let public_key = recipient.public_key()?;
    if public_key.id() != Id::RSA {
        return Err(Error::Misuse("only a certificate with an RSA key can receive an envelope"));
    }
    // RFC 8017 §7.2.1, and §7.1.1 with SHA-1.
    let padding_bytes = match transport {
        KeyTransport::Pkcs1v15 => 11,
        KeyTransport::Oaep => 42,
    };
    if key_bytes + padding_bytes > public_key.size() {
        return Err(Error::Misuse("the RSA key is too short for the cipher's key"));
    }
    Ok(public_key)
}

fn recipient_info(
    recipient: &X509Ref,
    key: &[u8],
    transport: KeyTransport,
) -> Result<Vec<u8>, Error> {
    let public_key = public_key(recipient, key.len(), transport)?;
    // `PKey::rsa` would copy the key into a form that OpenSSL 3 must prepare anew.
    let mut context = PkeyCtx::new(&public_key)?;
    context.encrypt_init()?;
    context.set_rsa_padding(padding(transport))?;
    let mut encrypted = Vec::new();
    context.encrypt_to_vec(key, &mut encrypted)?;
    let parameters = match transport {
        KeyTransport::Pkcs1v15 => Any::null(),
        KeyTransport::Oaep => Any::new(Tag::Sequence, [])?,
    };
    let info = KeyTransRecipientInfo {
        version: 0,
        rid: CertificateIdentifier::of(recipient)?,
        algorithm: AlgorithmIdentifierOwned { oid: transport.oid(), parameters: Some(parameters) },
        encrypted_key: OctetString::new(encrypted)?,
    };
    Ok(info.to_der()?)
}

/// Decrypts an envelope with the key of one of its recipients.
///
/// # Errors
/// Fails if the bytes are no envelope, `recipient` is not named in it, an algorithm is not supported, or decryption fails. The
/// error does not say which step of the decryption failed, because that would help an attacker.
pub fn open(bytes: &[u8], recipient: &Identity) -> Result<Opened, Error> {
    let enveloped = read(bytes)?;
    let content_info = enveloped.encrypted_content_info;
    let cipher = supported(Cipher::from_oid(&content_info.algorithm.oid), &content_info.algorithm)?;
    let info = our_recipient_info(&enveloped.recipient_infos, &recipient.certificate)?;
    let key_transport = supported(KeyTransport::from_oid(&info.algorithm.oid), &info.algorithm)?;
    check_oaep_parameters(key_transport, &info.algorithm)?;
    let iv = initialization_vector(&content_info.algorithm)?;
    let encrypted = in_one_piece(content_info.encrypted_content.as_ref())?;
    let (length, block) = (encrypted.len(), cipher.openssl()?.block_size());
    if length == 0 || !length.is_multiple_of(block) {
        return Err(PeerMisbehaved::EncryptedLength { length, block }.into());
    }
    let content = decrypt(cipher.openssl()?, key_transport, &recipient.key, &info, &iv, &encrypted)
        .ok_or(PeerMisbehaved::CannotDecrypt)?;
    let is_data = content_info.content_type == ID_DATA;
    Ok(Opened { content, cipher, key_transport, is_data })
}

/// Decrypts an envelope with a key that is perhaps that of one of its recipients, whose certificate is not known.
///
/// A wrong key may give any bytes, so that a content is one of ASN.1 alone, as every content of SCEP is.
///
/// # Errors
/// Fails if the bytes are no envelope, an algorithm is not supported, or the key opens it for none of its recipients.
pub fn open_with_key(bytes: &[u8], key: &PKeyRef<Private>) -> Result<Opened, Error> {
    let enveloped = read(bytes)?;
    let content_info = enveloped.encrypted_content_info;
    let cipher = supported(Cipher::from_oid(&content_info.algorithm.oid), &content_info.algorithm)?;
    let iv = initialization_vector(&content_info.algorithm)?;
    let encrypted = in_one_piece(content_info.encrypted_content.as_ref())?;
    for info in recipient_infos(&enveloped.recipient_infos)? {
        let Some(key_transport) = KeyTransport::from_oid(&info.algorithm.oid) else { continue };
        if info.encrypted_key.as_bytes().len() != key.size() {
            continue;
        }
        let content = decrypt(cipher.openssl()?, key_transport, key, &info, &iv, &encrypted);
        if let Some(content) = content.filter(|content| ber::normalise(content).is_ok()) {
            let is_data = content_info.content_type == ID_DATA;
            return Ok(Opened { content, cipher, key_transport, is_data });
        }
    }
    Err(PeerMisbehaved::CannotDecrypt.into())
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

fn read(bytes: &[u8]) -> Result<EnvelopedData, Error> {
    // A client that does not encipher may put its password here.
    let unlike = unlike(bytes, WHAT, |asn1| *asn1 == Asn1::Enveloped, false);
    ContentInfo::open(bytes, ID_ENVELOPED_DATA, WHAT).map_err(unlike)
}

const WHAT: &str = "pkcsPKIEnvelope";

/// What an envelope says in the clear: its algorithms and recipients.
#[non_exhaustive]
pub struct Outside {
    /// The cipher of the content, if it is known.
    pub cipher: Option<Cipher>,
    /// The encryption of the key for the first recipient, if it is known.
    pub key_transport: Option<KeyTransport>,
    /// The name of the content encryption algorithm with its object identifier, whether it is known here or not.
    pub content_algorithm: String,
    /// The name of the key encryption algorithm of each recipient with an RSA key, in order.
    pub key_algorithms: Vec<String>,
    /// The number of recipients of other kinds than an RSA key, such as those by key agreement or by a password.
    pub other_recipients: usize,
    /// True if the content has the type data, as RFC 8894 §3.2.2 demands.
    pub is_data: bool,
    /// The length of the enciphered content in bytes; `None` if there is none, or its pieces cannot be joined.
    pub encrypted_bytes: Option<usize>,
    recipients: Vec<CertificateIdentifier>,
}

crate::named::debug_of!(Outside { cipher, key_transport });

impl Outside {
    /// Reads an envelope without opening it.
    ///
    /// # Errors
    /// Fails if the bytes are no envelope.
    pub fn of(bytes: &[u8]) -> Result<Self, Error> {
        let enveloped = read(bytes)?;
        let infos = recipient_infos(&enveloped.recipient_infos)?;
        let content_info = &enveloped.encrypted_content_info;
        let all = enveloped.recipient_infos.elements()?.len();
        let transport = infos.first().and_then(|info| KeyTransport::from_oid(&info.algorithm.oid));
        Ok(Self {
            cipher: Cipher::from_oid(&content_info.algorithm.oid),
            key_transport: transport,
            content_algorithm: algorithm::quoted(&content_info.algorithm.oid),
            key_algorithms: infos.iter().map(|it| algorithm::quoted(&it.algorithm.oid)).collect(),
            other_recipients: all - infos.len(),
            is_data: content_info.content_type == ID_DATA,
            encrypted_bytes: in_one_piece(content_info.encrypted_content.as_ref())
                .ok()
                .map(|encrypted| encrypted.len()),
            recipients: infos.into_iter().map(|info| info.rid).collect(),
        })
    }

    /// The certificates of the recipients with an RSA key, in order.
    pub fn recipients(&self) -> Vec<Addressee> {
        self.recipients.iter().map(Addressee::of).collect()
    }

    /// True if the envelope is addressed to this certificate.
    pub fn is_addressed_to(&self, certificate: &X509Ref) -> bool {
        self.recipients.iter().any(|recipient| recipient.names(certificate))
    }
}

fn supported<T>(known: Option<T>, algorithm: &AlgorithmIdentifierOwned) -> Result<T, Error> {
    known.ok_or_else(|| algorithm::unsupported("encryption algorithm", &algorithm.oid))
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

/// The recipients with an RSA key; one of another kind, such as a password recipient, cannot be this one.
fn recipient_infos(infos: &SetOf) -> Result<Vec<KeyTransRecipientInfo>, Error> {
    let elements = infos.at_most(MAX_RECIPIENTS, "recipient infos")?;
    Ok(elements.into_iter().filter_map(|one| KeyTransRecipientInfo::from_ber(one).ok()).collect())
}

fn our_recipient_info(set: &SetOf, own: &X509) -> Result<KeyTransRecipientInfo, Error> {
    let mut infos = recipient_infos(set)?;
    match infos.iter().position(|info| info.rid.names(own)) {
        Some(place) => Ok(infos.swap_remove(place)),
        None => Err(not_a_recipient(&infos, set.elements()?.is_empty(), own)?),
    }
}

fn not_a_recipient(
    infos: &[KeyTransRecipientInfo],
    has_none: bool,
    own: &X509,
) -> Result<Error, Error> {
    const NAMED: usize = 4;
    let mut addressed: Vec<_> =
        infos.iter().take(NAMED).map(|info| addressee::words(&info.rid)).collect();
    if infos.len() > NAMED {
        addressed.push(format!("{} others", infos.len() - NAMED));
    }
    if addressed.is_empty() {
        let nobody = if has_none { "nobody" } else { "recipients of other kinds than an RSA key" };
        addressed.push(nobody.to_owned());
    }
    let own = format!("{} `{}`", serial_number(own)?, name::to_text(own.subject_name()));
    Ok(PeerMisbehaved::NotARecipient { addressed_to: addressed.join(" and "), own }.into())
}

fn initialization_vector(algorithm: &AlgorithmIdentifierOwned) -> Result<Vec<u8>, Error> {
    algorithm
        .parameters
        .as_ref()
        .and_then(|parameters| parameters.decode_as::<&OctetStringRef>().ok())
        .map(|iv| iv.as_bytes().to_vec())
        .ok_or_else(|| Error::malformed(WHAT)("no initialization vector"))
}

/// The encrypted content, which scepserver and streaming encoders send as octet strings in a constructed `[0]`.
fn in_one_piece(content: Option<&Any>) -> Result<Vec<u8>, Error> {
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

fn decrypt(
    algorithm: symm::Cipher,
    transport: KeyTransport,
    key: &PKeyRef<Private>,
    info: &KeyTransRecipientInfo,
    iv: &[u8],
    encrypted: &[u8],
) -> Option<Vec<u8>> {
    let rsa = key.rsa().ok()?;
    let mut content_key = vec![0; rsa.size() as usize];
    let transported = info.encrypted_key.as_bytes();
    let length = rsa.private_decrypt(transported, &mut content_key, padding(transport)).ok()?;
    content_key.truncate(length);
    // With a wrong key newer OpenSSL yields random bytes of a random length, and symm::decrypt asserts on lengths.
    if content_key.len() != algorithm.key_len() || Some(iv.len()) != algorithm.iv_len() {
        return None;
    }
    symm::decrypt(algorithm, &content_key, Some(iv), encrypted).ok()
}

fn padding(transport: KeyTransport) -> Padding {
    match transport {
        KeyTransport::Pkcs1v15 => Padding::PKCS1,
        KeyTransport::Oaep => Padding::PKCS1_OAEP,
    }
}

#[cfg(test)]
mod tests {
    use openssl::{rand::rand_bytes, rsa::Rsa};

    use super::*;
    use crate::{algorithm::Digest, name, request::self_signed};

    #[test]
    fn recipient_is_refused_if_openssl_cannot_encipher_to_its_key() {
        for bits in [512, 768] {
            let key = PKey::from_rsa(Rsa::generate(bits).unwrap()).unwrap();
            let subject = name::parse("CN=short").unwrap();
            let now = std::time::SystemTime::UNIX_EPOCH;
            let holder = self_signed(&subject, &key, Digest::Sha1, now).unwrap().certificate;
            for (cipher, key_bytes) in [(Cipher::Aes128, 16), (Cipher::Aes256, 32)] {
                for transport in [KeyTransport::Pkcs1v15, KeyTransport::Oaep] {
                    let mut context = PkeyCtx::new(&key).unwrap();
                    context.encrypt_init().unwrap();
                    context.set_rsa_padding(padding(transport)).unwrap();
                    let possible =
                        context.encrypt_to_vec(&vec![7; key_bytes], &mut Vec::new()).is_ok();
                    let checked = expect_recipient(&holder, cipher, transport);
                    assert_eq!(checked.is_ok(), possible, "{bits} {cipher} {transport}");
                    let sealed = seal(&[], &[&holder], cipher, transport, &mut rand_bytes);
                    assert_eq!(sealed.is_ok(), possible, "{bits} {cipher} {transport}");
                }
            }
        }
    }
}
