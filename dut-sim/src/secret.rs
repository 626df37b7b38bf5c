//! Secrets of a device, stored sealed in the OpenSSL salted format.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::pkcs5::{KeyIvPair, bytes_to_key};
use openssl::rand::rand_bytes;
use openssl::symm::{Cipher, decrypt, encrypt};
use scep::secret::Secret;

/// The mask that the device shows instead of a secret, as OSDx does.
pub(crate) const MASK: &str = "****************";

/// Beginning of the OpenSSL salted format; the salt follows.
const MAGIC: &[u8; 8] = b"Salted__";
const SALT_LENGTH: usize = 8;
const BLOCK_LENGTH: usize = 16;

/// A sealed secret: base64 of the OpenSSL salted format, exactly as it was entered.
///
/// Only the configuration shows it, as OSDx does, because it can be entered again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed(Secret);

impl Sealed {
    /// Parses `text` if it has the format of a sealed secret, even if this device cannot open it.
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

/// Opens a device's sealed secrets, with its own key or with the keyring of values that were sealed under other keys.
pub(crate) struct SecretStore {
    key: Option<Secret>,
    keyring: BTreeMap<String, Secret>,
}

impl SecretStore {
    /// `keyring` maps sealed values, in base64, to their clear texts; without a key nothing can be sealed.
    pub(crate) fn new(key: Option<Secret>, keyring: BTreeMap<String, Secret>) -> Self {
        Self { key, keyring }
    }

    /// Seals `secret` under the device's own key with a fresh salt.
    pub(crate) fn seal(&self, secret: &Secret) -> Result<Sealed, SealError> {
        let mut salt = [0; SALT_LENGTH];
        rand_bytes(&mut salt)?;
        Ok(seal_with_salt(secret, self.key.as_ref().ok_or(SealError::NoKey)?, salt)?)
    }

    /// Opens `sealed`. The keyring comes first, because the format has no checksum that would detect a wrong key.
    pub(crate) fn open(&self, sealed: &Sealed) -> Option<Secret> {
        let from_keyring = self.keyring.get(sealed.expose()).cloned();
        from_keyring.or_else(|| open_with(sealed, self.key.as_ref()?))
    }
}

/// Why a secret was not sealed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SealError {
    #[error("the device has no key of its own")]
    NoKey,
    #[error(transparent)]
    Cryptography(#[from] ErrorStack),
}

/// A random key, for a device that is given none.
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

/// Opens `sealed` with `key`. A wrong key gives valid padding once in 256 times; the result must then be printable text.
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
    /// `hello` sealed with `-md md5`, with `-pbkdf2`, and with `-aes-128-cbc`.
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
    fn sealed_value_is_that_of_openssl() {
        let sealed =
            seal_with_salt(&Secret::new("hello"), &Secret::new("secret"), [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(sealed.unwrap().expose(), HELLO);
    }

    #[test]
    fn only_values_sealed_with_the_own_key_are_opened() {
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
    fn documented_value_is_opened_by_the_keyring() {
        let documented = "U2FsdGVkX19P8MYjQLXrIvBEOMDHUJ1TWkNFRAs31/g=";
        let sealed = Sealed::parse(documented).unwrap();
        assert_eq!(store(&[]).open(&sealed), None);
        let store = store(&[(documented, "challenge")]);
        assert_eq!(store.open(&sealed), Some(Secret::new("challenge")));
    }

    #[test]
    fn invalid_sealed_values_are_refused() {
        let no_ciphertext = BASE64.encode(b"Salted__12345678");
        let odd_length = BASE64.encode(b"Salted__12345678short");
        for text in ["", "hunter2", "U2FsdGVkX18=", &no_ciphertext, &odd_length] {
            assert_eq!(Sealed::parse(text), None, "`{text}`");
        }
    }

    #[test]
    fn secrets_are_masked_in_display_and_debug() {
        let secret = Secret::new("hunter2");
        let sealed = Sealed::parse(HELLO).unwrap();
        assert_eq!(format!("{secret} {secret:?} {sealed:?}"), "**** **** Sealed(****)");
    }
}
