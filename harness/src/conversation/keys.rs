//! Keys to be certified: by name the same within a scenario, fresh from one to the next.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;

/// The keys of a scenario.
#[derive(Default)]
pub(super) struct Keys(BTreeMap<(String, u32), PKey<Private>>);

impl Keys {
    /// The key of that name and length; it is made when it is first asked for.
    pub(super) async fn key(&mut self, name: &str, bits: u32) -> Result<PKey<Private>, ErrorStack> {
        if let Some(key) = self.0.get(&(name.to_owned(), bits)) {
            return Ok(key.clone());
        }
        let key = generate(bits).await?;
        self.0.insert((name.to_owned(), bits), key.clone());
        Ok(key)
    }
}

/// A key that nothing is to be issued to: the same all the time, for making one takes longer than an exchange.
pub(super) async fn throw_away() -> Result<PKey<Private>, ErrorStack> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key.clone());
    }
    let key = generate(2048).await?;
    Ok(KEY.get_or_init(|| key).clone())
}

/// Making a key takes a tenth of a second or more, and is kept off the threads that wait for the network.
async fn generate(bits: u32) -> Result<PKey<Private>, ErrorStack> {
    match tokio::task::spawn_blocking(move || PKey::from_rsa(Rsa::generate(bits)?)).await {
        Ok(key) => key,
        Err(stopped) if stopped.is_panic() => std::panic::resume_unwind(stopped.into_panic()),
        // The runtime is being shut down, and this future with it.
        Err(_) => std::future::pending().await,
    }
}
