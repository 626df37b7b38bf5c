//! The keys to be certified.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use parking_lot::Mutex;
use scep::key::KeyKind;

/// Source of the keys to be certified.
#[derive(Clone, Debug, Default)]
pub enum KeySource {
    /// Each enrolment generates a fresh RSA key, as a device does.
    #[default]
    Generate,
    /// Prepared keys, so that a benchmark does not measure key generation; enrolments use them in turn. A key of another kind than
    /// RSA with 2048 bits is generated.
    Prepared {
        /// The keys; after the last one the first is used again.
        keys: Arc<[PKey<Private>]>,
        /// Number of keys used so far.
        taken: Arc<AtomicUsize>,
    },
}

impl KeySource {
    /// Prepared keys; if there are none, every enrolment generates its own.
    pub fn prepared(keys: Vec<PKey<Private>>) -> Self {
        Self::Prepared { keys: keys.into(), taken: Arc::default() }
    }

    /// The next key of this kind. Generating one runs on a blocking thread, because it takes a tenth of a second or more.
    async fn key(&self, kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
        if let Self::Prepared { keys, taken } = self
            && kind == KeyKind::default()
            && let Some(next) = taken.fetch_add(1, Ordering::Relaxed).checked_rem(keys.len())
        {
            return Ok(keys[next].clone());
        }
        match tokio::task::spawn_blocking(move || kind.generate()).await {
            Ok(key) => key,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            // The runtime is being shut down, and this future with it.
            Err(_) => std::future::pending().await,
        }
    }
}

/// The keys of one device: its source, and the newest of those that it has taken from it.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    source: KeySource,
    taken: Mutex<VecDeque<PKey<Private>>>,
}

/// Number of keys that a device remembers.
const REMEMBERED: usize = 32;

impl Keys {
    /// The keys of a device with this source.
    pub(crate) fn of(source: KeySource) -> Self {
        Self { source, taken: Mutex::default() }
    }

    /// The next key of this kind.
    pub(crate) async fn next(&self, kind: KeyKind) -> Result<PKey<Private>, ErrorStack> {
        let key = self.source.key(kind).await?;
        let mut taken = self.taken.lock();
        if taken.len() == REMEMBERED {
            taken.pop_front();
        }
        taken.push_back(key.clone());
        Ok(key)
    }

    /// The newest keys, oldest first.
    pub(crate) fn taken(&self) -> Vec<PKey<Private>> {
        self.taken.lock().iter().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn generated_keys_are_fresh_and_have_the_size() {
        let source = KeySource::Generate;
        let (usual, short) = (KeyKind::default(), KeyKind::rsa(1024));
        let (one, other) = (source.key(usual).await.unwrap(), source.key(short).await.unwrap());
        assert_eq!((one.bits(), other.bits()), (2048, 1024));
        assert!(!one.public_eq(&other));
    }

    #[tokio::test]
    async fn prepared_keys_are_used_in_turn() {
        let keys =
            vec![KeyKind::default().generate().unwrap(), KeyKind::default().generate().unwrap()];
        let source = KeySource::prepared(keys.clone());
        for expected in keys.iter().cycle().take(5) {
            assert!(source.key(KeyKind::default()).await.unwrap().public_eq(expected));
        }
        assert_eq!(source.key(KeyKind::rsa(1024)).await.unwrap().bits(), 1024);
        let shown = "Prepared { keys: [PKey { algorithm: \"RSA\" }, PKey { algorithm: \"RSA\" }], taken: 5 }";
        assert_eq!(format!("{source:?}"), shown);
    }

    #[tokio::test]
    async fn keys_are_generated_if_none_is_prepared() {
        let source = KeySource::prepared(Vec::new());
        assert_eq!(source.key(KeyKind::default()).await.unwrap().bits(), 2048);
    }
}
