//! What of the network a run will use, told before it does.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;

use super::Targets;
use crate::ssh_device::Route;
use model::lab::{ChallengeSource, Lab, SshTarget};
use model::scep_url::{ScepUrl, resolve};

/// Something on the network that a run will use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Used {
    /// What it is to the lab: `pki linux-pki`.
    pub what: String,
    /// Where it is, as the lab file says it.
    pub place: String,
    /// What that stands for here; the error is why it stands for nothing.
    pub addresses: Result<Vec<String>, String>,
}

/// All that scenarios in these labs will use, each once; names are looked up where that is wanted, and else stand for
/// nothing yet.
pub async fn used<'a>(
    labs: impl IntoIterator<Item = &'a Lab>,
    targets: &Targets,
    look_up: bool,
) -> Vec<Used> {
    let mut found: BTreeMap<(String, String), Place> = BTreeMap::new();
    let mut note = |what: String, place: Place| found.insert((what, place.to_string()), place);
    for lab in labs {
        for (name, pki) in &lab.by_url {
            note(format!("pki {name}"), Place::Url(pki.url.clone()));
            if let Some(url) = &pki.control {
                note(format!("control of {name}"), Place::Url(url.clone()));
            }
            if let Some(ChallengeSource::Ndes(page)) = targets.source(pki) {
                note(format!("mscep_admin of {name}"), Place::Url(page.url));
            }
        }
        for (name, device) in &lab.devices {
            if let Some(target) = &device.ssh {
                note(format!("device {name}"), Place::Ssh((**target).clone()));
            }
        }
        let is_simulated = lab.devices.values().any(|device| device.ssh.is_none());
        for (name, host) in lab.hosts.iter().filter(|_| is_simulated) {
            let addresses: Vec<String> =
                host.addresses.iter().map(|address| address.addr().to_string()).collect();
            note(format!("host {name}"), Place::Addresses(addresses));
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
            // Names behind a jump host are that one's to look up.
            Self::Ssh(target) => match Route::of(&target).await? {
                Route { host, through: Some(way) } => Ok(vec![format!("{host} through {way}")]),
                Route { host, through: None } => resolved(&host, target.port).await,
            },
            Self::Url(url) => resolved(url.host(), url.port()).await,
            Self::Addresses(addresses) => Ok(addresses),
        }
    }
}

/// The addresses that a name stands for here, each once.
async fn resolved(host: &str, port: u16) -> Result<Vec<String>, String> {
    let addresses: BTreeSet<_> = resolve(host, port).await?.iter().map(SocketAddr::ip).collect();
    Ok(addresses.iter().map(ToString::to_string).collect())
}
