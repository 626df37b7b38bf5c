//! A lab file as written: the lab, with the place of each part.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::SystemTime;

use ipnet::Ipv4Net;

use super::{
    DEFAULT_TTL, Device, Host, Lab, Pki, PkiByUrl, RecordedPki, Route, Runs, Secret, SshTarget, tls,
};
use diagnostics::{Located, Place};

/// A lab with unchecked references.
#[derive(Debug, Default)]
pub(super) struct Draft {
    pub(super) title: Option<String>,
    pub(super) stands_in_for: Option<String>,
    pub(super) start: Option<Located<SystemTime>>,
    pub(super) devices: Vec<DraftDevice>,
    pub(super) hosts: Vec<DraftHost>,
    pub(super) pkis: Vec<(Located<String>, Pki)>,
    /// The time by which the clock of each PKI is ahead of that of the lab, in milliseconds.
    pub(super) pki_clocks: Vec<Located<i64>>,
    /// PKIs by URL; no value if it is wrong, because its name is still known.
    pub(super) by_url: Vec<(Located<String>, Option<PkiByUrl>)>,
    /// Recorded PKIs, likewise.
    pub(super) recorded: Vec<(Located<String>, Option<RecordedPki>)>,
}

#[derive(Debug)]
pub(super) struct DraftDevice {
    pub(super) name: Located<String>,
    pub(super) interfaces: Vec<(String, Located<Ipv4Net>)>,
    pub(super) keyring: BTreeMap<String, Secret>,
    pub(super) ssh: Option<Box<SshTarget>>,
    pub(super) clock_ahead_ms: Option<Located<i64>>,
}

#[derive(Debug)]
pub(super) struct DraftHost {
    pub(super) name: Located<String>,
    pub(super) addresses: Vec<Located<Ipv4Net>>,
    pub(super) forwards: bool,
    pub(super) routes: Vec<DraftRoute>,
    pub(super) ttl: Option<u8>,
    pub(super) runs: Option<Located<Runs>>,
}

#[derive(Debug)]
pub(super) struct DraftRoute {
    pub(super) destination: Ipv4Net,
    /// The destination as written, which may be an address in the subnet.
    pub(super) written: Located<Ipv4Net>,
    pub(super) next_hop: Ipv4Addr,
    pub(super) place: Place,
}

impl Draft {
    /// True if it has a real device or PKI.
    pub(super) fn is_live(&self) -> bool {
        !self.by_url.is_empty() || self.devices.iter().any(|device| device.ssh.is_some())
    }

    /// The names that steps use for the PKIs that hosts run.
    pub(super) fn pki_names(&self) -> Vec<Located<String>> {
        let hosts = self.hosts.iter().filter(|host| {
            host.runs.as_ref().is_some_and(|runs| !matches!(runs.value, Runs::Pki(_)))
        });
        self.pkis_of_hosts().chain(hosts.map(|host| &host.name)).cloned().collect()
    }

    /// The names of the PKIs that hosts run by these names.
    pub(super) fn pkis_of_hosts(&self) -> impl Iterator<Item = &Located<String>> {
        let simulated = self.pkis.iter().map(|(name, _)| name);
        simulated.chain(self.recorded.iter().map(|(name, _)| name))
    }

    /// The lab without places.
    pub(super) fn into_lab(self) -> Lab {
        let mut lab = Lab {
            title: self.title,
            stands_in_for: self.stands_in_for,
            start: self.start.map(|start| start.value),
            ahead_ms: None,
            is_moved: false,
            devices: self.devices.into_iter().map(DraftDevice::into_device).collect(),
            hosts: self.hosts.into_iter().map(DraftHost::into_host).collect(),
            pkis: self.pkis.into_iter().map(|(name, pki)| (name.value, pki)).collect(),
            by_url: self
                .by_url
                .into_iter()
                .filter_map(|(name, pki)| Some((name.value, pki?)))
                .collect(),
            recorded: self
                .recorded
                .into_iter()
                .filter_map(|(name, pki)| Some((name.value, pki?)))
                .collect(),
        };
        tls::name_servers(&mut lab);
        lab
    }
}

impl DraftDevice {
    /// A device with nothing but a name.
    pub(super) fn bare(name: Located<String>) -> Self {
        Self {
            name,
            interfaces: Vec::new(),
            keyring: BTreeMap::new(),
            ssh: None,
            clock_ahead_ms: None,
        }
    }

    fn into_device(self) -> (String, Device) {
        let interfaces =
            self.interfaces.into_iter().map(|(name, subnet)| (name, subnet.value)).collect();
        let clock_ahead_ms = self.clock_ahead_ms.map_or(0, |ahead| ahead.value);
        let Self { keyring, ssh, .. } = self;
        (self.name.value, Device { interfaces, keyring, clock_ahead_ms, ssh })
    }
}

impl DraftHost {
    pub(super) fn runs_pki(&self, pki: &str) -> bool {
        self.runs.as_ref().is_some_and(|runs| matches!(&runs.value, Runs::Pki(it) if it == pki))
    }

    pub(super) fn owns(&self, address: Ipv4Addr) -> bool {
        self.addresses.iter().any(|own| own.value.addr() == address)
    }

    /// True if the address is on one of the host's links.
    pub(super) fn is_near(&self, address: Ipv4Addr) -> bool {
        self.addresses.iter().any(|own| own.value.contains(&address))
    }

    fn into_host(self) -> (String, Host) {
        let route =
            |route: DraftRoute| Route { destination: route.destination, next_hop: route.next_hop };
        let host = Host {
            addresses: self.addresses.into_iter().map(|address| address.value).collect(),
            forwards: self.forwards,
            routes: self.routes.into_iter().map(route).collect(),
            ttl: self.ttl.unwrap_or(DEFAULT_TTL),
            runs: self.runs.map(|runs| runs.value),
        };
        (self.name.value, host)
    }
}
