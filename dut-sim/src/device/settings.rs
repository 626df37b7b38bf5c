//! Settings to start a device with.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use crate::enrolment::{GrowingPause, KeySource, ScepClient, TlsRoots};
use crate::network::Network;
use scep::clock::Clock;
use scep::secret::Secret;
use serde::{Deserialize, Serialize};

/// Settings that do not depend on the process; they are sent to a device in another process to start it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Host name until one is configured.
    pub hostname: String,
    /// Names of the Ethernet interfaces, such as `eth0`.
    pub interfaces: Vec<String>,
    /// Clear texts of sealed values that the device's key does not open, by their base64 text.
    pub keyring: BTreeMap<String, Secret>,
    /// Addresses of the hosts that can be resolved by name.
    pub names: BTreeMap<String, Ipv4Addr>,
    /// The SCEP client for enrolments; clients other than the built-in one need the operating system's network.
    pub client: ScepClient,
    /// The time by which its clock is ahead of [`DeviceSettings::clock`], in milliseconds; negative if it is behind.
    #[serde(default)]
    pub clock_ahead_ms: i64,
    /// True if its clock will be moved, so that the client's program needs libfaketime from the beginning.
    #[serde(default)]
    pub programs_follow: bool,
    /// The certificates by which it recognises servers of HTTPS, unless its configuration says otherwise.
    #[serde(default)]
    pub tls_roots: TlsRoots,
}

/// All settings of a device; [`DeviceSettings::new`] has good defaults.
#[derive(Clone)]
pub struct DeviceSettings {
    /// Settings that do not depend on the process.
    pub own: Settings,
    /// Pass phrase to seal secrets with; by default random and lost with the device.
    pub device_key: Option<Secret>,
    /// The network that the device is connected to.
    pub network: Arc<dyn Network>,
    /// Folders to search for the SCEP client's programs, in the form of the variable `PATH`, which is the default.
    pub program_path: Option<OsString>,
    /// Time limit for such a program, unless the CA keeps it pending. The default is 15 s, because a scenario waits 20 s for a
    /// certificate.
    pub program_limit: Duration,
    /// The clock that the device's own is ahead of or behind; by default that of the system.
    pub clock: Clock,
    /// Source of the keys to be certified.
    pub key_source: KeySource,
    /// Pause between tries to reach a server that does not answer properly; by default from 1 s to 60 s.
    pub retry_pause: GrowingPause,
    /// Duration of a restart; by default 1 s.
    pub start_time: Duration,
    /// Number of the commit, from 1, that a restart interrupts after the network has changed and nothing else.
    pub restarts_in_commit: Option<u64>,
    /// Pause between polls of a pending request; by default from 0.5 s, so that labs are fast, to an hour, because administrators decide
    /// in days.
    pub poll_pause: GrowingPause,
    /// Pause between tries to renew a certificate that is due, to fetch a revocation list, and to ask for the next CA, of whatever kind the
    /// failure is; by default from a minute to a day.
    pub renewal_pause: GrowingPause,
    /// The time that a write to the flash takes, after which the device goes on; by default none. A power cut in the middle leaves what was
    /// there before.
    pub flash_write_time: Duration,
}

impl DeviceSettings {
    /// Settings of a device named `osdx` with the interface `eth0`, which generates its keys.
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
            clock: Clock::system(),
            key_source: KeySource::Generate,
            retry_pause: GrowingPause { first: Duration::from_secs(1), longest },
            start_time: Duration::from_secs(1),
            restarts_in_commit: None,
            poll_pause: GrowingPause {
                first: Duration::from_millis(500),
                longest: Duration::from_secs(3_600),
            },
            renewal_pause: GrowingPause { first: longest, longest: Duration::from_secs(86_400) },
            flash_write_time: Duration::ZERO,
        }
    }
}
