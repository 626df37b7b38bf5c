//! Keys to be certified. A name is the same key wherever the same store is used.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use parking_lot::Mutex;

type NamedKeys = BTreeMap<(String, KeyKind), PKey<Private>>;

/// Keys by name and kind, each generated when it is first asked for. Clones share them.
#[derive(Clone, Default)]
pub struct KeyStore {
    named: Arc<Mutex<NamedKeys>>,
    spare: Arc<Mutex<Option<PKey<Private>>>>,
}

/// Kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyKind {
    /// RSA with this number of bits.
    Rsa(u32),
    /// The elliptic curve P-256.
    P256,
}

impl KeyKind {
    /// Generates a key on a blocking thread, because that takes a tenth of a second or more.
    ///
    /// # Errors
    /// If OpenSSL fails.
    pub async fn generate(self) -> Result<PKey<Private>, ErrorStack> {
        let make = move || match self {
            Self::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits)?),
            Self::P256 => {
                let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
                PKey::from_ec_key(EcKey::generate(&group)?)
            }
        };
        match tokio::task::spawn_blocking(make).await {
            Ok(key) => key,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            // The runtime is being shut down, and this future with it.
            Err(_) => std::future::pending().await,
        }
    }
}

impl KeyStore {
    /// A store with other keys for all names, because a real PKI may refuse to certify a key twice; only the spare key is the same.
    #[must_use]
    pub fn with_new_names(&self) -> Self {
        Self { named: Arc::default(), spare: Arc::clone(&self.spare) }
    }

    /// The key of that name and kind.
    ///
    /// # Errors
    /// If OpenSSL cannot generate it.
    pub async fn key(&self, name: &str, kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
        let wanted = (name.to_owned(), kind);
        let known = self.named.lock().get(&wanted).cloned();
        if let Some(key) = known {
            return Ok(key);
        }
        let key = kind.generate().await?;
        // Another scenario may have inserted the key meanwhile.
        Ok(self.named.lock().entry(wanted).or_insert(key).clone())
    }

    /// A key for requests that must be refused. It is always the same, because generating one takes longer than an exchange.
    ///
    /// # Errors
    /// If OpenSSL cannot generate it.
    pub async fn spare(&self) -> Result<PKey<Private>, ErrorStack> {
        let known = self.spare.lock().clone();
        if let Some(key) = known {
            return Ok(key);
        }
        let key = KeyKind::Rsa(2048).generate().await?;
        Ok(self.spare.lock().get_or_insert(key).clone())
    }
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn name_is_the_same_key_in_one_store_and_another_key_in_another() {
        let store = KeyStore::default();
        let key = async |store: &KeyStore| store.key("first", KeyKind::P256).await.unwrap();
        let first = key(&store).await;
        assert!(first.public_eq(&*key(&store.clone()).await));
        assert!(!first.public_eq(&*key(&store.with_new_names()).await));
        assert!(!first.public_eq(&*key(&KeyStore::default()).await));
        let spare = store.spare().await.unwrap();
        assert!(spare.public_eq(&store.with_new_names().spare().await.unwrap()));
    }
}
