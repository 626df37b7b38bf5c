//! Keys to be certified: by name the same within a scenario, fresh from one to the next.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use openssl::ec::{EcGroup, EcKey};
use openssl::error::ErrorStack;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use parking_lot::Mutex;
use testbed::KeySupply;

type Named = BTreeMap<(String, Kind), PKey<Private>>;

/// The keys of a scenario.
#[derive(Default)]
pub(super) struct Keys {
    supply: KeySupply,
    own: Named,
}

/// What kind of key it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// RSA, with so many bits.
    Rsa(u32),
    /// The elliptic curve P-256.
    P256,
}

impl Keys {
    pub(super) fn new(supply: KeySupply) -> Self {
        Self { supply, own: Named::new() }
    }

    /// The key of that name and kind; it is made when it is first asked for.
    pub(super) async fn key(
        &mut self,
        name: &str,
        kind: Kind,
    ) -> Result<PKey<Private>, ErrorStack> {
        static SHARED: Mutex<Named> = Mutex::new(Named::new());
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
            // Somebody else may have been faster.
            KeySupply::Shared => Ok(shared().entry(wanted).or_insert(key).clone()),
        }
    }
}

/// A key that nothing is to be issued to: the same all the time, for making one takes longer than an exchange.
pub(super) async fn throw_away() -> Result<PKey<Private>, ErrorStack> {
    static KEY: OnceLock<PKey<Private>> = OnceLock::new();
    if let Some(key) = KEY.get() {
        return Ok(key.clone());
    }
    let key = generate(Kind::Rsa(2048)).await?;
    Ok(KEY.get_or_init(|| key).clone())
}

/// Making a key takes a tenth of a second or more, and is kept off the threads that wait for the network.
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
