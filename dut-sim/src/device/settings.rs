//! What a device is made with.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::enrolment::{GrowingPause, KeySource, ScepClient};
use crate::network::Network;
use scep::secret::Secret;
use serde::{Deserialize, Serialize};

/// What a device is by itself, whatever process it is in: a device in another one is sent this to be started with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name in the prompt until one is configured.
    pub hostname: String,
    /// The names of its Ethernet interfaces, such as `eth0`.
    pub interfaces: Vec<String>,
    /// What sealed values open to whose key is not the device's, by their base64 text.
    pub keyring: BTreeMap<String, Secret>,
    /// The addresses of the hosts that its network knows by name.
    pub names: BTreeMap<String, Ipv4Addr>,
    /// The SCEP client that it enrols with; another than its own needs a network that is the operating system's.
    pub client: ScepClient,
}

/// What a device is made with; [`DeviceSettings::new`] has good defaults.
#[derive(Clone)]
pub struct DeviceSettings {
    /// What it is by itself.
    pub own: Settings,
    /// The pass phrase that the device seals with; without one it makes its own, which dies with it.
    pub device_key: Option<Secret>,
    /// The network that it stands in.
    pub network: Arc<dyn Network>,
    /// Where the programs of its SCEP client are looked for, as in the variable `PATH`, which is the default.
    pub program_path: Option<OsString>,
    /// How long such a program may take, unless the CA keeps it pending; by default 15 s, for whoever
    /// waits for a certificate gives up after 20 s.
    pub program_limit: Duration,
    /// Where the keys to be certified come from.
    pub key_source: KeySource,
    /// Between tries to reach a server that does not serve; by default from 1 s to 60 s.
    pub retry_pause: GrowingPause,
    /// How long a restart takes; by default 1 s.
    pub start_time: Duration,
    /// The commit, from 1, in whose middle the device restarts, with its network changed and nothing else.
    pub restarts_in_commit: Option<u64>,
    /// Between polls of a pending request; by default from 0.5 s, so that a lab need not wait, to the customary 60 s.
    pub poll_pause: GrowingPause,
}

impl DeviceSettings {
    /// A device named `osdx` with the interface `eth0`, which generates its keys.
    pub fn new(network: Arc<dyn Network>) -> Self {
        let longest = Duration::from_secs(60);
        Self {
            own: Settings {
                hostname: "osdx".to_owned(),
                interfaces: vec!["eth0".to_owned()],
                ..Settings::default()
            },
            device_key: None,
            network,
            program_path: env::var_os("PATH"),
            program_limit: Duration::from_secs(15),
            key_source: KeySource::Generate,
            retry_pause: GrowingPause { first: Duration::from_secs(1), longest },
            start_time: Duration::from_secs(1),
            restarts_in_commit: None,
            poll_pause: GrowingPause { first: Duration::from_millis(500), longest },
        }
    }
}
