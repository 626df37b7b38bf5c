//! The content of a lab file: devices, hosts and PKIs. Drivers decide how to build them.

mod by_url;
mod check;
mod clock;
mod decode;
mod draft;
mod password;
mod program;
mod recorded;
mod secrets;
mod ssh;
mod texts;
mod tls;
pub mod topology;
mod values;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ipnet::Ipv4Net;
use mock_ca::{
    AdminCredentials, Approval, ChallengePolicy, CrlSettings, FaultRule, Hierarchy, LaterDecision,
    PersonalityName, RenewalWindow,
};
use scep::capabilities::Capability;
use scep::clock::Clock;
pub use scep::secret::{MASK, Secret};
use serde::{Deserialize, Serialize};

pub use self::by_url::{AdminPage, ChallengeSource, PkiByUrl};
pub use self::decode::FIELDS;
pub use self::password::{
    FileFault, PasswordError, PasswordSource, password_of, passwords_in, shown,
};
pub use self::program::{Image, Program, Ready};
pub use self::recorded::RecordedPki;
pub(crate) use self::secrets::possible_secrets;
pub use self::ssh::{Prompts, SshTarget};
pub use self::texts::placeholders;
pub use self::tls::{Tls, TlsFiles};
use diagnostics::yaml::{self, Node, Problems};
use diagnostics::{Diagnostic, Source};

/// Initial TTL of a host's packets if the lab file gives none.
pub const DEFAULT_TTL: u8 = 64;

/// A lab: its devices, hosts and PKIs by name. Addresses in one subnet are on one link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// Title in tables of several labs; its file's name if absent.
    #[serde(default)]
    pub title: Option<String>,
    /// The lab file in the same folder that this lab can replace: same addresses, another PKI.
    #[serde(default)]
    pub stands_in_for: Option<String>,
    /// The time that its clock shows at the beginning; that of the system if absent.
    #[serde(default)]
    pub start: Option<SystemTime>,
    /// The time by which its clock is ahead of that of the system, in milliseconds, if the clock has begun to go on as that does.
    #[serde(default)]
    pub ahead_ms: Option<i64>,
    /// True if the scenario moves its clock.
    #[serde(default)]
    pub is_moved: bool,
    /// The devices under test.
    pub devices: BTreeMap<String, Device>,
    /// Everything else that has addresses: routers, servers.
    pub hosts: BTreeMap<String, Host>,
    /// The simulated PKIs. Each is reached at the hosts that run it.
    pub pkis: BTreeMap<String, Pki>,
    /// The real PKIs, which only the driver `live` reaches.
    #[serde(default)]
    pub by_url: BTreeMap<String, PkiByUrl>,
    /// The recorded servers that answer again.
    #[serde(default)]
    pub recorded: BTreeMap<String, RecordedPki>,
}

/// A device. Its interfaces have no addresses until its configuration assigns them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// Subnet of each interface.
    pub interfaces: BTreeMap<String, Ipv4Net>,
    /// Clear texts of sealed values, by the sealed value in the configuration.
    pub keyring: BTreeMap<String, Secret>,
    /// The time by which its clock is ahead of that of the lab, in milliseconds; negative if it is behind.
    #[serde(default)]
    pub clock_ahead_ms: i64,
    /// Login of a real device, which has its own interfaces.
    #[serde(default)]
    pub ssh: Option<Box<SshTarget>>,
}

/// A host, which is reached by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// Addresses, each with its prefix length.
    pub addresses: Vec<Ipv4Net>,
    /// True if it forwards packets for others.
    pub forwards: bool,
    /// Routes beyond its own subnets; `default` is 0.0.0.0/0.
    pub routes: Vec<Route>,
    /// Initial TTL of the host's packets.
    pub ttl: u8,
    /// The service at its addresses.
    pub runs: Option<Runs>,
}

/// The service that a host runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runs {
    /// The PKI with this name.
    Pki(String),
    /// A server program as its PKI; steps use the host's name for it.
    Program(Box<Program>),
    /// A container of an image as its PKI; steps use the host's name for it.
    Image(Box<Image>),
}

/// A static route of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Destination subnet.
    pub destination: Ipv4Net,
    /// Next hop: an address on one of the host's links.
    pub next_hop: Ipv4Addr,
}

/// A simulated PKI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pki {
    /// The server that it imitates.
    pub personality: PersonalityName,
    /// Subject of the CA, as in `DC=com, DC=scep, CN=x`; the personality's own if absent.
    pub subject: Option<String>,
    /// Certificates of the CA itself: those above it, and those that follow.
    #[serde(default)]
    pub hierarchy: Hierarchy,
    /// Validity of issued certificates; the personality's own if absent.
    #[serde(default)]
    pub valid_for: Option<Duration>,
    /// The time before the end of a certificate in which it may be renewed; the personality decides if absent.
    #[serde(default)]
    pub renewal_window: Option<RenewalWindow>,
    /// Revocation lists.
    #[serde(default)]
    pub crl: CrlSettings,
    /// Keywords in the answer to GetCACaps; the personality's own if absent.
    #[serde(default)]
    pub capabilities: Option<Vec<Capability>>,
    /// Challenge password that a client must present.
    pub challenge: ChallengePolicy,
    /// Approval by the CA itself or by a person.
    pub approval: Approval,
    /// The decision that the CA takes by itself if nobody does before.
    #[serde(default)]
    pub later_decision: Option<LaterDecision>,
    /// TCP port; the personality's own if absent.
    pub port: Option<u16>,
    /// TLS; plain HTTP if absent.
    #[serde(default)]
    pub tls: Option<Tls>,
    /// Credentials for the administrator's page; the page is open if absent.
    pub admin: Option<AdminCredentials>,
    /// True if a subject that has a certificate may get another; the personality decides if absent.
    pub allow_duplicate_names: Option<bool>,
    /// True if requests in single DES or signed with MD5 are accepted, whatever the personality.
    #[serde(default)]
    pub obsolete_algorithms: bool,
    /// True if replies are in DER, even if those of the personality are in BER.
    #[serde(default)]
    pub der_replies: bool,
    /// The time by which its clock is ahead of that of the lab, in milliseconds; negative if it is behind.
    #[serde(default)]
    pub clock_ahead_ms: i64,
    /// Deliberate errors.
    #[serde(default)]
    pub faults: Vec<FaultRule>,
}

impl Lab {
    /// Reads a lab file.
    ///
    /// # Errors
    /// All mistakes in the lab file.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a lab file.
    ///
    /// # Errors
    /// All mistakes in the lab file.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        yaml::decoded(source, Self::decode)
    }

    /// The time by which its clock is ahead of that of the system now, in milliseconds, if it goes on as that does.
    pub fn ahead_of_system_ms(&self) -> i64 {
        if let Some(begun) = self.ahead_ms {
            return begun;
        }
        let Some(start) = self.start else { return 0 };
        let milliseconds = |it: Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
        match start.duration_since(Clock::system().now()) {
            Ok(ahead) => milliseconds(ahead),
            Err(behind) => -milliseconds(behind.duration()),
        }
    }

    /// The same lab with a clock that begins now. All parts that are made for it show the same time, however late they are made.
    #[must_use]
    pub fn begun(&self) -> Self {
        Self { ahead_ms: Some(self.ahead_of_system_ms()), ..self.clone() }
    }

    /// True if any of its clocks shows another time than that of the system.
    pub fn has_own_clocks(&self) -> bool {
        let devices = self.devices.values().map(|device| device.clock_ahead_ms);
        let mut ahead = devices.chain(self.pkis.values().map(|pki| pki.clock_ahead_ms));
        self.start.is_some() || ahead.any(|ahead| ahead != 0)
    }

    /// True if any of its clocks shows another time than that of the system, now or later.
    pub fn has_own_time(&self) -> bool {
        self.is_moved || self.has_own_clocks()
    }

    /// True if its own clock shows another time than that of the system, now or later.
    pub fn leaves_system_time(&self) -> bool {
        self.is_moved || self.start.is_some()
    }

    /// The clock of a lab whose time goes on as that of the system does.
    pub fn clock(&self) -> Clock {
        Clock::system().ahead_by(self.ahead_of_system_ms())
    }

    /// True if it has hosts or devices; a lab of PKIs alone needs no network.
    pub fn is_networked(&self) -> bool {
        !(self.hosts.is_empty() && self.devices.is_empty())
    }

    /// The names of the hosts that run the PKI `pki`.
    pub fn hosts_that_run<'a>(&'a self, pki: &'a str) -> impl Iterator<Item = &'a String> {
        let runs = move |host: &Host| matches!(&host.runs, Some(Runs::Pki(name)) if name == pki);
        self.hosts.iter().filter(move |(_, host)| runs(host)).map(|(name, _)| name)
    }

    /// The names of PKIs in steps: those in the lab file, and those of hosts that run a program or an image.
    pub fn pki_names(&self) -> Vec<&str> {
        let programs = self.programs().map(|(name, _)| name);
        let images = self.images().map(|(name, _)| name);
        let own = self.pkis.keys().chain(self.by_url.keys()).chain(self.recorded.keys());
        own.map(String::as_str).chain(programs).chain(images).collect()
    }

    /// True if it has a real device or PKI, which only the driver `live` reaches.
    pub fn is_live(&self) -> bool {
        !self.by_url.is_empty() || self.devices.values().any(|device| device.ssh.is_some())
    }

    /// The server programs, by the names of their hosts.
    pub fn programs(&self) -> impl Iterator<Item = (&str, &Program)> {
        self.hosts.iter().filter_map(|(name, host)| match &host.runs {
            Some(Runs::Program(program)) => Some((name.as_str(), program.as_ref())),
            _ => None,
        })
    }

    /// The images, by the names of the hosts that run them.
    pub fn images(&self) -> impl Iterator<Item = (&str, &Image)> {
        self.hosts.iter().filter_map(|(name, host)| match &host.runs {
            Some(Runs::Image(image)) => Some((name.as_str(), image.as_ref())),
            _ => None,
        })
    }

    /// Reads a lab that is part of another file.
    pub fn decode(node: &Node, problems: &Problems) -> Self {
        let before = problems.count();
        let draft = decode::decode(node, problems);
        let lab = check::check(draft, problems.count() == before, problems);
        lab.refuse_many_secrets(node, problems);
        lab
    }
}

#[cfg(test)]
mod tests;
