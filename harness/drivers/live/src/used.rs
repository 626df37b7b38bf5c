//! Lists the parts of the network that a run will use, before it starts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use super::Targets;
use crate::ssh_device::Route;
use model::lab::{ChallengeSource, Lab, SshTarget};
use model::scep_url::{ScepUrl, resolve};

/// A part of the network that a run will use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// The role of the part: `pki linux-pki`.
    pub what: String,
    /// The address of the part, as the lab file writes it.
    pub place: String,
    /// The addresses that the place is resolved to here; the error is why it cannot be resolved.
    pub addresses: Result<Vec<String>, String>,
}

/// Everything that scenarios in these labs will use, each part once. Names are resolved only if `look_up` is set; otherwise there
/// are no addresses.
pub async fn used<'a>(
    labs: impl IntoIterator<Item = &'a Lab>,
    targets: &Targets,
    look_up: bool,
) -> Vec<Used> {
    let mut found: BTreeMap<(String, String), Place> = BTreeMap::new();
    let mut add = |what: String, place: Place| found.insert((what, place.to_string()), place);
    for lab in labs {
        for (name, pki) in &lab.by_url {
            add(format!("pki {name}"), Place::Url(pki.url.clone()));
            if let Some(url) = &pki.control {
                add(format!("control of {name}"), Place::Url(url.clone()));
            }
            if let Some(ChallengeSource::Ndes(page)) = targets.source(pki) {
                add(format!("mscep_admin of {name}"), Place::Url(page.url));
            }
        }
        for (name, device) in &lab.devices {
            if let Some(target) = &device.ssh {
                add(format!("device {name}"), Place::Ssh((**target).clone()));
            }
        }
        let is_simulated = lab.devices.values().any(|device| device.ssh.is_none());
        for (name, host) in lab.hosts.iter().filter(|_| is_simulated) {
            let addresses: Vec<String> =
                host.addresses.iter().map(|address| address.addr().to_string()).collect();
            add(format!("host {name}"), Place::Addresses(addresses));
        }
    }
    let mut all = Vec::new();
    for ((what, place), found) in found {
        let addresses = if look_up { found.addresses().await } else { Ok(Vec::new()) };
        all.push(Used { what, place, addresses });
    }
    all
}

enum Place {
    Ssh(SshTarget),
    Url(ScepUrl),
    Addresses(Vec<String>),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ssh(target) => write!(f, "ssh {target}"),
            Self::Url(url) => url.fmt(f),
            Self::Addresses(addresses) => f.write_str(&addresses.join(", ")),
        }
    }
}

impl Place {
    async fn addresses(self) -> Result<Vec<String>, String> {
        match self {
            // Names behind a jump host are resolved there.
            Self::Ssh(target) => match Route::of(&target).await? {
                Route { host, through: Some(way) } => Ok(vec![format!("{host} through {way}")]),
                Route { host, through: None } => resolved(&host, target.port).await,
            },
            Self::Url(url) => resolved(url.host(), url.port()).await,
            Self::Addresses(addresses) => Ok(addresses),
        }
    }
}

/// The addresses of a name, each once.
async fn resolved(host: &str, port: u16) -> Result<Vec<String>, String> {
    let found = resolve(host, port).await.map_err(|error| error.to_string())?;
    let addresses: BTreeSet<_> = found.iter().map(SocketAddr::ip).collect();
    Ok(addresses.iter().map(ToString::to_string).collect())
}
