//! Keys to be certified. A name is the same key within a scenario and another key in the next scenario.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use parking_lot::Mutex;
use testbed::KeySupply;

type NamedKeys = BTreeMap<(String, Kind), PKey<Private>>;

/// The keys of a scenario.
#[derive(Default)]
pub(super) struct Keys {
    supply: KeySupply,
    own: NamedKeys,
}

/// Kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// RSA with this number of bits.
    Rsa(u32),
    /// The elliptic curve P-256.
    P256,
}

impl Keys {
    pub(super) fn new(supply: KeySupply) -> Self {
        Self { supply, own: NamedKeys::new() }
    }

    /// The key of that name and kind, generated at the first call.
    pub(super) async fn key(
        &mut self,
        name: &str,
        kind: Kind,
    ) -> Result<PKey<Private>, ErrorStack> {
        static SHARED: Mutex<NamedKeys> = Mutex::new(NamedKeys::new());
        let wanted = (name.to_owned(), kind);
        let shared = || SHARED.lock();
        let known = match self.supply {
            KeySupply::Fresh => self.own.get(&wanted).cloned(),
            KeySupply::Shared => shared().get(&wanted).cloned(),
        };
        if let Some(key) = known {
            return Ok(key);
        }
        let key = generate(kind).await?;
        match self.supply {
            KeySupply::Fresh => {
                self.own.insert(wanted, key.clone());
                Ok(key)
            }
            // Another scenario may have inserted the key meanwhile.
            KeySupply::Shared => Ok(shared().entry(wanted).or_insert(key).clone()),
        }
    }
}

/// A key for requests that must be refused. It is always the same, because generating one takes longer than an exchange.
pub(super) async fn spare_key() -> Result<PKey<Private>, ErrorStack> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key.clone());
    }
    let key = generate(Kind::Rsa(2048)).await?;
    Ok(KEY.get_or_init(|| key).clone())
}

/// Generates a key on a blocking thread, because that takes a tenth of a second or more.
async fn generate(kind: Kind) -> Result<PKey<Private>, ErrorStack> {
    let make = move || match kind {
        Kind::Rsa(bits) => PKey::from_rsa(Rsa::generate(bits)?),
        Kind::P256 => {
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
