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
    /// Keys made beforehand, so that a benchmark measures something else; all enrolments that share them take turns.
    Prepared {
        /// The keys, which are used in turn, and from the first again after the last.
        keys: Arc<[PKey<Private>]>,
        /// How many were taken.
        taken: Arc<AtomicUsize>,
    },
}

impl KeySource {
    /// Keys made beforehand; without any, every enrolment makes its own.
    pub fn prepared(keys: Vec<PKey<Private>>) -> Self {
        Self::Prepared { keys: keys.into(), taken: Arc::default() }
    }

    /// A key; making one takes a tenth of a second or more and is kept off the threads that wait for the network.
    pub(crate) async fn key(&self) -> Result<PKey<Private>, ErrorStack> {
        if let Self::Prepared { keys, taken } = self
            && let Some(next) = taken.fetch_add(1, Ordering::Relaxed).checked_rem(keys.len())
        {
            return Ok(keys[next].clone());
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
        let source = KeySource::prepared(keys.clone());
        for expected in keys.iter().cycle().take(5) {
            assert!(source.key().await.unwrap().public_eq(expected));
        }
        let shown = "Prepared { keys: [PKey { algorithm: \"RSA\" }, PKey { algorithm: \"RSA\" }], taken: 5 }";
        assert_eq!(format!("{source:?}"), shown);
    }

    #[tokio::test]
    async fn an_empty_pool_is_no_pool() {
        let source = KeySource::prepared(Vec::new());
        assert_eq!(source.key().await.unwrap().bits(), KEY_BITS);
    }
}
