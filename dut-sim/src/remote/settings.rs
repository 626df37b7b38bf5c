//! What a device in a process of its own is started with.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};

use crate::enrolment::ScepClient;
use scep::secret::Secret;

/// What a device in a process of its own is started with; the keyring is why it goes over no command line.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// The name in the prompt until one is configured.
    pub hostname: String,
    /// The names of its Ethernet interfaces, such as `eth0`.
    pub interfaces: Vec<String>,
    /// What sealed values open to whose key is not the device's, by their base64 text.
    pub keyring: BTreeMap<String, Secret>,
    /// The addresses of the hosts that it knows by name.
    pub names: BTreeMap<String, Ipv4Addr>,
    /// The SCEP client that it enrols with.
    pub client: ScepClient,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("hostname", &self.hostname)
            .field("interfaces", &self.interfaces)
            .field("names", &self.names)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}
