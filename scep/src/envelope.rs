//! The pkcsPKIEnvelope: a CMS `EnvelopedData` (RFC 8894 §3.2.2).

mod agreement;
mod open;
mod outside;
mod parameters;
mod password;
mod transport;

pub use agreement::seal_by_agreement;
pub use open::{is_der, open, open_reply, open_with_key};
pub use outside::Outside;
pub use password::seal_with_password;
pub use transport::expect_recipient;

use std::fmt;

use der::{
    Tag, TagNumber,
    asn1::Any,
    oid::db::rfc5911::{ID_DATA, ID_ENVELOPED_DATA},
};
use openssl::{pkey::Id, symm, x509::X509Ref};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::{
    Entropy, Error,
    algorithm::{Cipher, KeyTransport},
    cms::{ContentInfo, EncryptedContentInfo, EnvelopedData, SetOf},
    content::{Asn1, unlike},
    secret::Secret,
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
    /// The way in which the content encryption key came.
    pub key_management: KeyManagement,
    /// True if the content has the type data, as RFC 8894 §3.2.2 demands.
    pub is_data: bool,
}

// Not the content, which may have a challenge password.
crate::named::debug_of!(Opened { cipher, key_management });

/// The way in which the content encryption key comes to a recipient (RFC 5652 §6.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyManagement {
    /// It is encrypted to an RSA key.
    Transport(KeyTransport),
    /// It is encrypted with a key that is agreed on with the recipient's key, by ECDH (RFC 5753), as NDES does.
    Agreement,
    /// It is encrypted with the challenge password (RFC 8894 §3.1).
    Password,
}

impl KeyManagement {
    /// The encryption to an RSA key, if it is one.
    pub fn transport(self) -> Option<KeyTransport> {
        match self {
            Self::Transport(transport) => Some(transport),
            Self::Agreement | Self::Password => None,
        }
    }
}

impl fmt::Display for KeyManagement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Transport(transport) => transport.fmt(f),
            Self::Agreement => f.write_str("key agreement"),
            Self::Password => f.write_str("password"),
        }
    }
}

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
    let (key, encrypted) = encrypt(content, cipher, entropy)?;
    let infos: Result<Vec<_>, _> =
        recipients.iter().map(|one| transport::recipient_info(one, &key, key_transport)).collect();
    wrap(0, infos?, encrypted)
}

/// Encrypts a reply as RFC 8894 §3.1 demands: for a signer with an RSA key to that key, for another one with the challenge password.
///
/// # Errors
/// Fails if the key cannot decrypt and there is no password, because the holder could not open the reply; and as [`seal`] does.
pub fn seal_reply(
    content: &[u8],
    recipient: &X509Ref,
    password: Option<&Secret>,
    cipher: Cipher,
    key_transport: KeyTransport,
    entropy: Entropy<'_>,
) -> Result<Vec<u8>, Error> {
    if recipient.public_key()?.id() == Id::RSA {
        return seal(content, &[recipient], cipher, key_transport, entropy);
    }
    match password.filter(|password| !password.expose().is_empty()) {
        Some(password) => seal_with_password(content, password, cipher, entropy),
        None => Err(Error::Misuse(NO_PASSWORD)),
    }
}

/// Refuses a recipient of [`seal_reply`] that could not open the reply.
///
/// # Errors
/// Fails as [`seal_reply`] does.
pub fn expect_reply_recipient(
    recipient: &X509Ref,
    password: Option<&Secret>,
    cipher: Cipher,
    key_transport: KeyTransport,
) -> Result<(), Error> {
    if recipient.public_key()?.id() == Id::RSA {
        return expect_recipient(recipient, cipher, key_transport);
    }
    match password.filter(|password| !password.expose().is_empty()) {
        Some(_) => Ok(()),
        None => Err(Error::Misuse(NO_PASSWORD)),
    }
}

const NO_PASSWORD: &str = "its key cannot decrypt, and without a challenge password the reply cannot be encrypted for it (RFC 8894 §3.1)";

/// A new key, and the content that is encrypted with it.
fn encrypt(
    content: &[u8],
    cipher: Cipher,
    entropy: Entropy<'_>,
) -> Result<(Vec<u8>, EncryptedContentInfo), Error> {
    let algorithm = cipher.openssl()?;
    let mut key = vec![0; algorithm.key_len()];
    entropy(&mut key)?;
    let mut iv = vec![0; algorithm.iv_len().unwrap_or_default()];
    entropy(&mut iv)?;
    let encrypted = symm::encrypt(algorithm, &key, Some(&iv), content)?;
    let tag = Tag::ContextSpecific { constructed: false, number: TagNumber(0) };
    let info = EncryptedContentInfo {
        content_type: ID_DATA,
        algorithm: with_iv(cipher, iv)?,
        encrypted_content: Some(Any::new(tag, encrypted)?),
    };
    Ok((key, info))
}

fn with_iv(cipher: Cipher, iv: Vec<u8>) -> Result<AlgorithmIdentifierOwned, Error> {
    let parameters = Some(Any::new(Tag::OctetString, iv)?);
    Ok(AlgorithmIdentifierOwned { oid: cipher.oid(), parameters })
}

/// An envelope of this version with these recipients.
fn wrap(
    version: u8,
    recipient_infos: Vec<Vec<u8>>,
    encrypted_content_info: EncryptedContentInfo,
) -> Result<Vec<u8>, Error> {
    let enveloped = EnvelopedData {
        version,
        originator_info: None,
        recipient_infos: SetOf::sorted(recipient_infos),
        encrypted_content_info,
        unprotected_attrs: None,
    };
    ContentInfo::wrap(ID_ENVELOPED_DATA, &enveloped)
}

fn read(bytes: &[u8]) -> Result<EnvelopedData, Error> {
    // A client that does not encipher may put its password here.
    let unlike = unlike(bytes, WHAT, |asn1| *asn1 == Asn1::Enveloped, false);
    ContentInfo::open(bytes, ID_ENVELOPED_DATA, WHAT).map_err(unlike)
}

const WHAT: &str = "pkcsPKIEnvelope";
