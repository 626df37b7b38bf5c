//! Where the keys to be certified come from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;

const KEY_BITS: u32 = 2048;

/// Where the keys to be certified come from.
#[derive(Clone, Debug, Default)]
pub enum KeySource {
    /// Each enrolment makes a fresh RSA key of 2048 bits, as a device does.
    #[default]
    Generate,
    /// Keys made beforehand, so that a benchmark measures something else.
    Prepared(KeyPool),
}

/// Keys made beforehand: they are used in turn, and from the first again after the last.
#[derive(Clone, Debug)]
pub struct KeyPool {
    keys: Arc<[PKey<Private>]>,
    next: Arc<AtomicUsize>,
}

impl KeyPool {
    /// A pool of these keys; an empty one leaves every enrolment to make its own.
    pub fn new(keys: Vec<PKey<Private>>) -> Self {
        Self { keys: keys.into(), next: Arc::default() }
    }

    fn take(&self) -> Option<PKey<Private>> {
        let next = self.next.fetch_add(1, Ordering::Relaxed);
        self.keys.get(next.checked_rem(self.keys.len())?).cloned()
    }
}

impl KeySource {
    /// A key; making one takes a tenth of a second or more and is kept off the threads that wait for the network.
    pub(crate) async fn key(&self) -> Result<PKey<Private>, ErrorStack> {
        if let Self::Prepared(pool) = self
            && let Some(key) = pool.take()
        {
            return Ok(key);
        }
        match tokio::task::spawn_blocking(generate).await {
            Ok(key) => key,
            Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
            // The runtime is being shut down, and this future with it.
            Err(_) => std::future::pending().await,
        }
    }
}

fn generate() -> Result<PKey<Private>, ErrorStack> {
    PKey::from_rsa(Rsa::generate(KEY_BITS)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn generated_keys_are_fresh() {
        let source = KeySource::Generate;
        let (one, other) = (source.key().await.unwrap(), source.key().await.unwrap());
        assert_eq!(one.bits(), KEY_BITS);
        assert!(!one.public_eq(&other));
    }

    #[tokio::test]
    async fn prepared_keys_are_used_in_turn() {
        let keys = vec![generate().unwrap(), generate().unwrap()];
        let source = KeySource::Prepared(KeyPool::new(keys.clone()));
        for expected in keys.iter().cycle().take(5) {
            assert!(source.key().await.unwrap().public_eq(expected));
        }
        let shown = "Prepared(KeyPool { keys: [PKey { algorithm: \"RSA\" }, PKey { algorithm: \"RSA\" }], next: 5 })";
        assert_eq!(format!("{source:?}"), shown);
    }

    #[tokio::test]
    async fn an_empty_pool_is_no_pool() {
        let source = KeySource::Prepared(KeyPool::new(Vec::new()));
        assert_eq!(source.key().await.unwrap().bits(), KEY_BITS);
    }
}
