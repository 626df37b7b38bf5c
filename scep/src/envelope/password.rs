//! Recipients with a password: PBKDF2 and the key wrap of RFC 3211 (RFC 5652 §6.2.4, RFC 3370 §4.3, RFC 8894 §3.1).

use der::{
    Encode, Sequence, Tag, TagNumber,
    asn1::{Any, ObjectIdentifier, OctetString},
};
use openssl::{
    hash::MessageDigest,
    memcmp,
    pkcs5::pbkdf2_hmac,
    symm::{self, Crypter, Mode},
};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{
    encrypt,
    parameters::{initialization_vector, supported},
    with_iv, wrap,
};
use crate::{Entropy, Error, algorithm::Cipher, ber, secret::Secret};

const PBKDF2: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.5.12");
const PWRI_KEK: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.3.9");
const HMAC_SHA256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.2.9");

/// The iterations of PBKDF2 in envelopes that are made here.
const ITERATIONS: u32 = 10_000;
/// The most iterations that are carried out for a peer: about half a second of work.
const MAX_ITERATIONS: u32 = 1_000_000;
/// The most bytes of salt that a peer may demand.
const MAX_SALT_BYTES: usize = 1024;
/// The most bytes of a wrapped key: one of 255 bytes with its check bytes, in whole blocks.
const MAX_WRAPPED_BYTES: usize = 272;
const SALT_BYTES: usize = 16;
const WHAT: &str = "PasswordRecipientInfo";
/// The tag `[3]` of the recipient info.
const TAG: u8 = 0xa3;

/// ```text
/// PasswordRecipientInfo ::= SEQUENCE {
///   version CMSVersion,   -- always set to 0
///   keyDerivationAlgorithm [0] KeyDerivationAlgorithmIdentifier OPTIONAL,
///   keyEncryptionAlgorithm KeyEncryptionAlgorithmIdentifier,
///   encryptedKey EncryptedKey }
/// ```
#[derive(Sequence)]
struct PasswordRecipientInfo {
    version: u8,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    derivation: Option<AlgorithmIdentifierOwned>,
    algorithm: AlgorithmIdentifierOwned,
    encrypted_key: OctetString,
}

/// ```text
/// PBKDF2-params ::= SEQUENCE {
///   salt           CHOICE { specified OCTET STRING, otherSource AlgorithmIdentifier },
///   iterationCount INTEGER (1..MAX),
///   keyLength      INTEGER (1..MAX) OPTIONAL,
///   prf            AlgorithmIdentifier DEFAULT algid-hmacWithSHA1 }
/// ```
#[derive(Sequence)]
struct Pbkdf2Parameters {
    salt: OctetString,
    iterations: u64,
    #[asn1(optional = "true")]
    key_length: Option<u64>,
    #[asn1(optional = "true")]
    function: Option<AlgorithmIdentifierOwned>,
}

/// Encrypts `content` with a password, which is taken as UTF-8 (RFC 5652 §6.2.4).
///
/// # Examples
/// ```
/// use openssl::{pkey::PKey, rand::rand_bytes};
/// use scep::{
///     algorithm::{Cipher, Digest},
///     envelope, name,
///     request::self_signed,
///     secret::Secret,
/// };
///
/// let (password, now) = (Secret::new("8CE317021F690069"), std::time::SystemTime::now());
/// let sealed = envelope::seal_with_password(b"text", &password, Cipher::Aes128, &mut rand_bytes)?;
/// let key = PKey::generate_ed25519()?;
/// let client = self_signed(&*name::parse("CN=r1")?, &key, Digest::Sha512, now)?;
/// assert_eq!(envelope::open_reply(&sealed, &client, Some(&password))?.content, b"text");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Fails if `entropy` fails.
pub fn seal_with_password(
    content: &[u8],
    password: &Secret,
    cipher: Cipher,
    entropy: Entropy<'_>,
) -> Result<Vec<u8>, Error> {
    let (content_key, encrypted) = encrypt(content, cipher, &mut *entropy)?;
    let mut salt = vec![0; SALT_BYTES];
    entropy(&mut salt)?;
    let algorithm = cipher.openssl()?;
    let mut iv = vec![0; algorithm.iv_len().unwrap_or_default()];
    entropy(&mut iv)?;
    let mut key = vec![0; algorithm.key_len()];
    let (digest, iterations) = (MessageDigest::sha256(), ITERATIONS as usize);
    pbkdf2_hmac(password.expose().as_bytes(), &salt, iterations, digest, &mut key)?;
    let wrapped = wrap_key(&content_key, algorithm, &key, &iv, entropy)?;
    let info = PasswordRecipientInfo {
        version: 0,
        derivation: Some(derivation(&salt)?),
        algorithm: AlgorithmIdentifierOwned {
            oid: PWRI_KEK,
            parameters: Some(Any::encode_from(&with_iv(cipher, iv)?)?),
        },
        encrypted_key: OctetString::new(wrapped)?,
    };
    let content = Any::encode_from(&info)?;
    let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(3) };
    // Version 3, because a recipient is one with a password (RFC 5652 §6.1).
    wrap(3, vec![Any::new(tag, content.value())?.to_der()?], encrypted)
}

fn derivation(salt: &[u8]) -> Result<AlgorithmIdentifierOwned, Error> {
    let parameters = Pbkdf2Parameters {
        salt: OctetString::new(salt)?,
        iterations: ITERATIONS.into(),
        key_length: None,
        function: Some(AlgorithmIdentifierOwned {
            oid: HMAC_SHA256,
            parameters: Some(Any::null()),
        }),
    };
    let parameters = Some(Any::encode_from(&parameters)?);
    Ok(AlgorithmIdentifierOwned { oid: PBKDF2, parameters })
}

/// True for a recipient info with a password.
pub(super) fn is_one(info: &[u8]) -> bool {
    info.first() == Some(&TAG)
}

/// The content encryption key of this length; `None` if the password is another, or the wrapped key is damaged.
///
/// # Errors
/// Fails if the recipient info cannot be read, or demands another algorithm or more work than is done for a peer.
pub(super) fn content_key(
    info: &[u8],
    password: &Secret,
    key_bytes: usize,
) -> Result<Option<Vec<u8>>, Error> {
    let (_, content) = ber::split(&mut &*info)?;
    let info: PasswordRecipientInfo = Any::new(Tag::Sequence, content)
        .and_then(|fields| fields.decode_as())
        .map_err(|error| Error::malformed(WHAT)(format!("its fields cannot be read ({error})")))?;
    if info.algorithm.oid != PWRI_KEK {
        return Err(crate::algorithm::unsupported("key encryption algorithm", &info.algorithm.oid));
    }
    let parameters = info.algorithm.parameters.as_ref();
    let inner = parameters.and_then(|it| it.decode_as::<AlgorithmIdentifierOwned>().ok());
    let inner = inner.ok_or_else(|| Error::malformed(WHAT)("its key wrap names no cipher"))?;
    let cipher = supported(Cipher::from_oid(&inner.oid), &inner)?.openssl()?;
    let iv = initialization_vector(&inner)?;
    let key = derived(info.derivation.as_ref(), password, cipher.key_len())?;
    let wrapped = info.encrypted_key.as_bytes();
    let unwrapped = unwrap_key(wrapped, cipher, &key, &iv);
    Ok(unwrapped.filter(|content_key| content_key.len() == key_bytes))
}

/// The key that PBKDF2 derives from the password (RFC 8018 §5.2).
fn derived(
    algorithm: Option<&AlgorithmIdentifierOwned>,
    password: &Secret,
    key_bytes: usize,
) -> Result<Vec<u8>, Error> {
    let none = "it names no way to derive a key from the password";
    let algorithm = algorithm.ok_or_else(|| Error::malformed(WHAT)(none))?;
    if algorithm.oid != PBKDF2 {
        return Err(crate::algorithm::unsupported("key derivation", &algorithm.oid));
    }
    let parameters = algorithm.parameters.as_ref();
    let parameters = parameters.and_then(|it| it.decode_as::<Pbkdf2Parameters>().ok());
    let Pbkdf2Parameters { salt, iterations, key_length, function } = parameters
        .ok_or_else(|| Error::malformed(WHAT)("the parameters of PBKDF2 cannot be read"))?;
    let count = u32::try_from(iterations).ok().filter(|count| (1..=MAX_ITERATIONS).contains(count));
    let Some(count) = count else {
        let reason =
            format!("{iterations} iterations of PBKDF2, from 1 to {MAX_ITERATIONS} are done");
        return Err(Error::malformed(WHAT)(reason));
    };
    let salt = salt.as_bytes();
    if salt.len() > MAX_SALT_BYTES {
        let reason = format!("{} bytes of salt, at most {MAX_SALT_BYTES}", salt.len());
        return Err(Error::malformed(WHAT)(reason));
    }
    if key_length.is_some_and(|length| length != key_bytes as u64) {
        return Err(Error::malformed(WHAT)("the derived key has another length than its cipher's"));
    }
    let digest = digest_of(function.as_ref())?;
    let mut key = vec![0; key_bytes];
    pbkdf2_hmac(password.expose().as_bytes(), salt, count as usize, digest, &mut key)?;
    Ok(key)
}

/// The digest of the pseudorandom function; HMAC with SHA-1 if none is named (RFC 8018 appendix A.2).
fn digest_of(function: Option<&AlgorithmIdentifierOwned>) -> Result<MessageDigest, Error> {
    let Some(function) = function else { return Ok(MessageDigest::sha1()) };
    Ok(match function.oid.to_string().as_str() {
        "1.2.840.113549.2.7" => MessageDigest::sha1(),
        "1.2.840.113549.2.8" => MessageDigest::sha224(),
        "1.2.840.113549.2.9" => MessageDigest::sha256(),
        "1.2.840.113549.2.10" => MessageDigest::sha384(),
        "1.2.840.113549.2.11" => MessageDigest::sha512(),
        _ => return Err(crate::algorithm::unsupported("function of PBKDF2", &function.oid)),
    })
}

/// Wraps a key: its length, three check bytes, the key and padding, encrypted twice in one chain (RFC 3211 §2.3.1).
fn wrap_key(
    content_key: &[u8],
    cipher: symm::Cipher,
    key: &[u8],
    iv: &[u8],
    entropy: Entropy<'_>,
) -> Result<Vec<u8>, Error> {
    let block = cipher.block_size();
    let length = (content_key.len() + 4).next_multiple_of(block).max(2 * block);
    let mut plain = vec![0; length];
    entropy(&mut plain)?;
    plain[0] = u8::try_from(content_key.len()).map_err(|_| Error::Misuse("the key is too long"))?;
    for at in 0..3 {
        plain[1 + at] = !content_key[at];
    }
    plain[4..4 + content_key.len()].copy_from_slice(content_key);
    let once = in_chain(Mode::Encrypt, cipher, key, iv, &plain)?;
    in_chain(Mode::Encrypt, cipher, key, &once[length - block..], &once)
}

/// Unwraps a key; `None` if the check bytes do not fit (RFC 3211 §2.3.2).
fn unwrap_key(wrapped: &[u8], cipher: symm::Cipher, key: &[u8], iv: &[u8]) -> Option<Vec<u8>> {
    let (block, length) = (cipher.block_size(), wrapped.len());
    let is_whole = length.is_multiple_of(block) && length >= 2 * block;
    if !is_whole || length > MAX_WRAPPED_BYTES || iv.len() != block {
        return None;
    }
    // The last block of the first encryption is the initialization vector of the second one.
    let (before, last) = (&wrapped[length - 2 * block..length - block], &wrapped[length - block..]);
    let chain = in_chain(Mode::Decrypt, cipher, key, before, last).ok()?;
    let once = in_chain(Mode::Decrypt, cipher, key, &chain, wrapped).ok()?;
    let plain = in_chain(Mode::Decrypt, cipher, key, iv, &once).ok()?;
    let content_key = plain.get(4..4 + usize::from(plain[0]))?;
    let check: Vec<u8> = content_key.get(..3)?.iter().map(|byte| !byte).collect();
    memcmp::eq(&check, &plain[1..4]).then(|| content_key.to_vec())
}

/// Encrypts or decrypts whole blocks in CBC mode, without padding.
fn in_chain(
    mode: Mode,
    cipher: symm::Cipher,
    key: &[u8],
    iv: &[u8],
    blocks: &[u8],
) -> Result<Vec<u8>, Error> {
    let mut crypter = Crypter::new(cipher, mode, key, Some(iv))?;
    crypter.pad(false);
    let mut output = vec![0; blocks.len() + cipher.block_size()];
    let mut written = crypter.update(blocks, &mut output)?;
    written += crypter.finalize(&mut output[written..])?;
    output.truncate(written);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use openssl::{pkey::PKey, rand::rand_bytes};

    use super::*;
    use crate::{
        PeerMisbehaved,
        algorithm::Digest,
        envelope::{KeyManagement, open, open_reply},
        identity::Identity,
        name,
        request::self_signed,
    };

    fn client() -> Identity {
        let (key, subject) = (PKey::generate_ed25519().unwrap(), name::parse("CN=r1").unwrap());
        self_signed(&subject, &key, Digest::Sha512, SystemTime::UNIX_EPOCH).unwrap()
    }

    /// An envelope with the password `right`, and the text in it that matches replaced.
    fn changed(old: &[u8], new: &[u8]) -> Vec<u8> {
        let password = Secret::new("right");
        let mut sealed =
            seal_with_password(b"text", &password, Cipher::Aes128, &mut rand_bytes).unwrap();
        let at = sealed.windows(old.len()).position(|window| window == old).unwrap();
        sealed[at..at + old.len()].copy_from_slice(new);
        sealed
    }

    fn error(sealed: &[u8]) -> String {
        open_reply(sealed, &client(), Some(&Secret::new("right"))).unwrap_err().to_string()
    }

    #[test]
    fn envelope_opens_with_its_password_alone() {
        for cipher in [Cipher::TripleDes, Cipher::Aes128, Cipher::Aes192, Cipher::Aes256] {
            let password = Secret::new("right");
            let sealed = seal_with_password(b"text", &password, cipher, &mut rand_bytes).unwrap();
            let opened = open_reply(&sealed, &client(), Some(&password)).unwrap();
            assert_eq!((opened.content.as_slice(), opened.cipher), (&b"text"[..], cipher));
            assert_eq!(opened.key_management, KeyManagement::Password);
            let wrong = open_reply(&sealed, &client(), Some(&Secret::new("wrong"))).unwrap_err();
            assert!(matches!(wrong, Error::PeerMisbehaved(PeerMisbehaved::OtherPassword)));
            let none = open(&sealed, &client()).unwrap_err();
            assert!(matches!(none, Error::PeerMisbehaved(PeerMisbehaved::PasswordRecipient)));
        }
    }

    #[test]
    fn work_that_a_peer_demands_is_bounded() {
        let most = [0x02, 0x02, 0x27, 0x10];
        assert!(error(&changed(&most, &[0x02, 0x02, 0x00, 0x00])).contains("cannot be read"));
        assert!(error(&changed(&most, &[0x02, 0x02, 0x80, 0x00])).contains("cannot be read"));
        let salt = OctetString::new([0; MAX_SALT_BYTES + 1]).unwrap();
        for (salt, iterations, reason) in [
            (OctetString::new([1]).unwrap(), 1_000_001, "1000001 iterations of PBKDF2"),
            (OctetString::new([1]).unwrap(), 0, "0 iterations of PBKDF2"),
            (OctetString::new([1]).unwrap(), u64::MAX, "from 1 to 1000000 are done"),
            (salt, 1, "1025 bytes of salt, at most 1024"),
        ] {
            let parameters =
                Pbkdf2Parameters { salt, iterations, key_length: None, function: None };
            let parameters = Some(Any::encode_from(&parameters).unwrap());
            let algorithm = AlgorithmIdentifierOwned { oid: PBKDF2, parameters };
            let error = derived(Some(&algorithm), &Secret::new("x"), 16).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn key_of_another_length_or_with_damage_is_none() {
        let (cipher, key, iv) = (symm::Cipher::aes_128_cbc(), [1; 16], [2; 16]);
        let wrapped = wrap_key(&[7; 16], cipher, &key, &iv, &mut rand_bytes).unwrap();
        assert_eq!(unwrap_key(&wrapped, cipher, &key, &iv).unwrap(), [7; 16]);
        for bad in [&wrapped[..16], &wrapped[..31], &[][..], &[0; 288]] {
            assert_eq!(unwrap_key(bad, cipher, &key, &iv), None);
        }
        assert_eq!(unwrap_key(&wrapped, cipher, &key, &[2; 8]), None);
    }
}
