//! Secrets and how a device stores them: sealed in the OpenSSL salted format.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkcs5::{KeyIvPair, bytes_to_key};
use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt, encrypt};
use scep::secret::Secret;

/// What the device shows in place of a secret, as OSDx does.
pub(crate) const MASK: &str = "****************";

/// What every file in the OpenSSL salted format begins with; the salt follows.
const MAGIC: &[u8; 8] = b"Salted__";
const SALT_LENGTH: usize = 8;
const BLOCK_LENGTH: usize = 16;

/// A sealed secret: base64 of the OpenSSL salted format, kept to the letter as it was entered.
///
/// The configuration shows it, as OSDx does, for that can be entered again; nothing else does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed(Secret);

impl Sealed {
    /// Takes `text` if it can be a sealed secret; who can open it is another question.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64.decode(text).ok()?;
        let ciphertext = bytes.strip_prefix(MAGIC)?.get(SALT_LENGTH..)?;
        let whole_blocks = !ciphertext.is_empty() && ciphertext.len().is_multiple_of(BLOCK_LENGTH);
        whole_blocks.then(|| Self(Secret::new(text)))
    }

    /// The base64 text.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What opens a device's sealed secrets: its own key, and the keyring for values sealed under a key that is not public.
pub(crate) struct SecretStore {
    key: Option<Secret>,
    keyring: BTreeMap<String, Secret>,
}

impl SecretStore {
    /// `keyring` maps sealed values, in base64, to what they open to; without a key nothing is sealed.
    pub(crate) fn new(key: Option<Secret>, keyring: BTreeMap<String, Secret>) -> Self {
        Self { key, keyring }
    }

    /// Seals `secret` under the device's own key with a fresh salt.
    pub(crate) fn seal(&self, secret: &Secret) -> Result<Sealed, SealError> {
        let mut salt = [0; SALT_LENGTH];
        rand_bytes(&mut salt)?;
        Ok(seal_with_salt(secret, self.key.as_ref().ok_or(SealError::NoKey)?, salt)?)
    }

    /// Opens `sealed`, the keyring first: the format has no checksum, so a foreign value must not reach the own key.
    pub(crate) fn open(&self, sealed: &Sealed) -> Option<Secret> {
        let ringed = self.keyring.get(sealed.expose()).cloned();
        ringed.or_else(|| open_with(sealed, self.key.as_ref()?))
    }
}

/// Why a secret was not sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("the device has no key of its own")]
    NoKey,
    #[error("{0}")]
    Cryptography(#[from] ErrorStack),
}

/// A key for a device that is given none: it dies with the device.
pub(crate) fn random_key() -> Result<Secret, ErrorStack> {
    let mut bytes = [0; 32];
    rand_bytes(&mut bytes)?;
    Ok(Secret::new(BASE64.encode(bytes)))
}

fn seal_with_salt(
    secret: &Secret,
    key: &Secret,
    salt: [u8; SALT_LENGTH],
) -> Result<Sealed, ErrorStack> {
    let KeyIvPair { key, iv } = derive(key, &salt)?;
    let ciphertext =
        encrypt(Cipher::aes_256_cbc(), &key, iv.as_deref(), secret.expose().as_bytes())?;
    let sealed = BASE64.encode([MAGIC.as_slice(), &salt, &ciphertext].concat());
    Ok(Sealed(Secret::new(sealed)))
}

/// A wrong key passes the padding once in 256 times; that what comes out is printable text rules the rest out.
fn open_with(sealed: &Sealed, key: &Secret) -> Option<Secret> {
    let bytes = BASE64.decode(sealed.expose()).ok()?;
    let (salt, ciphertext) = bytes.strip_prefix(MAGIC)?.split_at_checked(SALT_LENGTH)?;
    let KeyIvPair { key, iv } = derive(key, salt).ok()?;
    let plain = decrypt(Cipher::aes_256_cbc(), &key, iv.as_deref(), ciphertext).ok()?;
    let text = String::from_utf8(plain).ok()?;
    let printable = !text.is_empty() && !text.chars().any(char::is_control);
    printable.then(|| Secret::new(text))
}

/// `EVP_BytesToKey` with SHA-256 and one round, the default of `openssl enc` since 1.1.0.
fn derive(key: &Secret, salt: &[u8]) -> Result<KeyIvPair, ErrorStack> {
    let digest = MessageDigest::sha256();
    bytes_to_key(Cipher::aes_256_cbc(), digest, key.expose().as_bytes(), Some(salt), 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `printf hello | openssl enc -aes-256-cbc -md sha256 -pass pass:secret` with the salt 0102030405060708.
    const HELLO: &str = "U2FsdGVkX18BAgMEBQYHCHdxCKNMPS/BxlVgkfXUQG4=";
    /// The same with `-md md5`, with `-pbkdf2`, and with `-aes-128-cbc`.
    const FOREIGN: [&str; 3] = [
        "U2FsdGVkX18BAgMEBQYHCN4vTQH4jGLp+Wak1VrMt48=",
        "U2FsdGVkX18BAgMEBQYHCAasjjrdVJoSaHOk81PBW6s=",
        "U2FsdGVkX18BAgMEBQYHCPNhqfi9a2dUw/nRMl26/wU=",
    ];

    fn store(keyring: &[(&str, &str)]) -> SecretStore {
        let keyring = keyring.iter().map(|(sealed, open)| ((*sealed).into(), Secret::new(*open)));
        SecretStore::new(Some(Secret::new("secret")), keyring.collect())
    }

    #[test]
    fn seals_as_openssl_does() {
        let sealed =
            seal_with_salt(&Secret::new("hello"), &Secret::new("secret"), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(sealed.unwrap().expose(), HELLO);
    }

    #[test]
    fn opens_what_its_key_sealed_and_nothing_else() {
        let store = store(&[]);
        let hello = Sealed::parse(HELLO).unwrap();
        assert_eq!(store.open(&hello).unwrap().expose(), "hello");
        for foreign in FOREIGN {
            assert_eq!(store.open(&Sealed::parse(foreign).unwrap()), None);
        }
    }

    #[test]
    fn every_seal_has_its_own_salt() {
        let store = store(&[]);
        let secret = Secret::new("8CE317021F6900691ED0DD50F7459D6E");
        let (first, second) = (store.seal(&secret).unwrap(), store.seal(&secret).unwrap());
        assert_ne!(first, second);
        assert_eq!(store.open(&first), Some(secret.clone()));
        assert_eq!(store.open(&second), Some(secret));
    }

    #[test]
    fn keyring_opens_documented_values() {
        let documented = "U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=";
        let sealed = Sealed::parse(documented).unwrap();
        assert_eq!(store(&[]).open(&sealed), None);
        let store = store(&[(documented, "challenge")]);
        assert_eq!(store.open(&sealed), Some(Secret::new("challenge")));
    }

    #[test]
    fn refuses_what_cannot_be_sealed() {
        let no_ciphertext = BASE64.encode(b"Salted__12345678");
        let odd_length = BASE64.encode(b"Salted__12345678short");
        for text in ["", "hunter2", "U2FsdGVkX18=", &no_ciphertext, &odd_length] {
            assert_eq!(Sealed::parse(text), None, "`{text}`");
        }
    }

    #[test]
    fn shows_nothing() {
        let secret = Secret::new("hunter2");
        let sealed = Sealed::parse(HELLO).unwrap();
        assert_eq!(format!("{secret} {secret:?} {sealed:?}"), "**** **** Sealed(****)");
    }
}
