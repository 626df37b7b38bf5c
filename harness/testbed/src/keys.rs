//! Keys to be certified. A name is the same key wherever the same store is used.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use parking_lot::Mutex;
use scep::key::KeyKind;

type NamedKeys = BTreeMap<(String, KeyKind), PKey<Private>>;

/// Keys by name and kind, each generated when it is first asked for. Clones share them.
#[derive(Clone, Default)]
pub struct KeyStore {
    named: Arc<Mutex<NamedKeys>>,
    shared: Arc<Shared>,
}

/// Keys that all scenarios share.
#[derive(Default)]
struct Shared {
    spare: Place,
    stranger: Place,
}

/// A place for a key, which is locked while the key is generated: a second scenario that asks for it meanwhile waits for it.
type Place = Arc<Mutex<Option<PKey<Private>>>>;

/// Generates a key on a blocking thread, because that takes a tenth of a second or more.
///
/// # Errors
/// If OpenSSL fails.
pub async fn new_key(kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
    on_blocking_thread(move || kind.generate()).await
}

/// Does work that takes long, or waits for another lab: meanwhile the time of this lab stands still.
async fn on_blocking_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        // The runtime is being shut down, and this future with it.
        Err(_) => std::future::pending().await,
    }
}

impl KeyStore {
    /// A store with other keys for all names, because a real PKI may refuse to certify a key twice; only the keys without a name are
    /// the same.
    #[must_use]
    pub fn with_new_names(&self) -> Self {
        Self { named: Arc::default(), shared: Arc::clone(&self.shared) }
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
        let key = new_key(kind).await?;
        // Another scenario may have inserted the key meanwhile.
        Ok(self.named.lock().entry(wanted).or_insert(key).clone())
    }

    /// All keys that were asked for so far and are not being generated.
    pub fn known(&self) -> Vec<PKey<Private>> {
        let named = self.named.lock().values().cloned().collect::<Vec<_>>();
        let shared = [&self.shared.spare, &self.shared.stranger].into_iter();
        let shared = shared.filter_map(|place| place.try_lock()?.clone());
        named.into_iter().chain(shared).collect()
    }

    /// A key for requests that must be refused. It is the same until a PKI has taken it, because generating one takes longer than an
    /// exchange.
    ///
    /// # Errors
    /// If OpenSSL cannot generate it.
    pub async fn spare(&self) -> Result<PKey<Private>, ErrorStack> {
        known_or_new(&self.shared.spare).await
    }

    /// Reports that a PKI has granted a request for this key, or keeps the request. If it is the spare key, the next one is another:
    /// a PKI that certifies no key twice would refuse further requests for this reason.
    pub async fn taken(&self, key: &PKey<Private>) {
        let (spare, key) = (Arc::clone(&self.shared.spare), key.clone());
        let forget = move || {
            let mut spare = spare.lock();
            if spare.as_ref().is_some_and(|spare| spare.public_eq(&key)) {
                *spare = None;
            }
        };
        on_blocking_thread(forget).await;
    }

    /// A key that signs in another's place, and for which no certificate is requested. It is always the same.
    ///
    /// # Errors
    /// If OpenSSL cannot generate it.
    pub async fn stranger(&self) -> Result<PKey<Private>, ErrorStack> {
        known_or_new(&self.shared.stranger).await
    }
}

async fn known_or_new(place: &Place) -> Result<PKey<Private>, ErrorStack> {
    let place = Arc::clone(place);
    let known_or_new = move || {
        let mut place = place.lock();
        if let Some(known) = &*place {
            return Ok(known.clone());
        }
        let key = KeyKind::default().generate()?;
        Ok(place.insert(key).clone())
    };
    on_blocking_thread(known_or_new).await
}

impl fmt::Debug for KeyStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyStore").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::sleep;

    use super::*;
    use crate::lab_time;

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

    #[tokio::test]
    async fn spare_key_is_the_same_until_it_is_taken() {
        let store = KeyStore::default();
        let other = store.with_new_names();
        let (spare, same) = tokio::join!(store.spare(), other.spare());
        let (spare, same) = (spare.unwrap(), same.unwrap());
        assert!(spare.public_eq(&same));
        store.taken(&store.stranger().await.unwrap()).await;
        assert!(spare.public_eq(&store.spare().await.unwrap()));
        store.taken(&spare).await;
        let next = other.spare().await.unwrap();
        assert!(!spare.public_eq(&next));
        // A late report about the first one.
        store.taken(&spare).await;
        assert!(next.public_eq(&store.spare().await.unwrap()));
    }

    #[tokio::test]
    async fn stranger_has_a_key_of_its_own_which_is_always_the_same() {
        let store = KeyStore::default();
        let stranger = store.stranger().await.unwrap();
        assert!(stranger.public_eq(&store.with_new_names().stranger().await.unwrap()));
        assert!(!stranger.public_eq(&store.spare().await.unwrap()));
    }

    #[tokio::test]
    async fn time_of_a_lab_stands_still_while_another_generates_the_key() {
        let store = KeyStore::default();
        let (asks, asked) = std::sync::mpsc::channel();
        let spare = Arc::clone(&store.shared.spare);
        let (locked, is_locked) = std::sync::mpsc::channel();
        let other = std::thread::spawn(move || {
            let _generating = spare.lock();
            locked.send(()).unwrap();
            asked.recv().unwrap();
            // Time for the lab to wait; if it does not wait, the test proves nothing, but does not fail.
            std::thread::sleep(Duration::from_millis(50));
        });
        is_locked.recv().unwrap();
        let has_key = lab_time::run(move || async move {
            asks.send(()).unwrap();
            tokio::select! {
                key = store.spare() => key.is_ok(),
                () = sleep(Duration::from_secs(1)) => false,
            }
        });
        assert!(has_key.await);
        other.join().unwrap();
    }
}
