//! What a lab file says: devices, hosts and PKIs. The driver says how they are built.

mod by_url;
mod check;
mod decode;
mod draft;
mod password;
mod program;
mod ssh;
mod texts;
pub mod topology;
mod values;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use ipnet::Ipv4Net;
use mock_ca::{AdminCredentials, Approval, ChallengePolicy, FaultRule, PersonalityName};
use scep::capabilities::Capability;
pub use scep::secret::{MASK, Secret};
use serde::{Deserialize, Serialize};

pub use self::by_url::{AdminPage, ChallengeSource, PkiByUrl};
pub use self::password::{PasswordSource, password_of, passwords_in, shown};
pub use self::program::{Image, Program, Ready};
pub use self::ssh::{Prompts, SshTarget};
pub use self::texts::placeholders;
use diagnostics::yaml::{self, Node, Problems};
use diagnostics::{Diagnostic, Source};

/// The TTL that a host's packets start with where the lab file names none.
pub const DEFAULT_TTL: u8 = 64;

/// A lab: what exists in it, by name. Addresses in one subnet are on one link.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lab {
    /// What it is called where several labs are told apart; where it is left out, its file's name is.
    #[serde(default)]
    pub title: Option<String>,
    /// The lab file in the same folder whose scenarios can be run here too: same addresses, another PKI.
    #[serde(default)]
    pub stands_in_for: Option<String>,
    /// The devices under test.
    pub devices: BTreeMap<String, Device>,
    /// Everything else that has addresses: routers, servers.
    pub hosts: BTreeMap<String, Host>,
    /// The PKIs; each is reached at the hosts that run it.
    pub pkis: BTreeMap<String, Pki>,
    /// The PKIs that are there already, which the driver `live` reaches.
    #[serde(default)]
    pub by_url: BTreeMap<String, PkiByUrl>,
}

/// A device; its interfaces have no addresses before its configuration gives them some.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The subnet that each interface is plugged into.
    pub interfaces: BTreeMap<String, Ipv4Net>,
    /// What a sealed value opens to, by the sealed value as it stands in the configuration.
    pub keyring: BTreeMap<String, Secret>,
    /// How it is reached, where it is real; it has interfaces of its own then.
    #[serde(default)]
    pub ssh: Option<Box<SshTarget>>,
}

/// A host; its name is also what it is reached by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The addresses, each with the length of its subnet's prefix.
    pub addresses: Vec<Ipv4Net>,
    /// Whether it passes on packets that are not for itself.
    pub forwards: bool,
    /// Routes beyond its own subnets; `default` is 0.0.0.0/0.
    pub routes: Vec<Route>,
    /// The TTL that its packets start with.
    pub ttl: u8,
    /// What listens at its addresses.
    pub runs: Option<Runs>,
}

/// What a host runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Runs {
    /// The PKI of that name.
    Pki(String),
    /// A server program as its PKI, known by the host's name.
    Program(Box<Program>),
    /// A container of an image as its PKI, known by the host's name.
    Image(Box<Image>),
}

/// A static route of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Route {
    /// Where to.
    pub destination: Ipv4Net,
    /// By way of whom: an address on one of the host's links.
    pub next_hop: Ipv4Addr,
}

/// A PKI.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pki {
    /// The server that it imitates.
    pub personality: PersonalityName,
    /// The CA's name, as in `DC=com, DC=scep, CN=x`; where it is left out, the personality's own.
    pub subject: Option<String>,
    /// The keywords that `GetCACaps` names; where they are left out, the personality's own.
    #[serde(default)]
    pub capabilities: Option<Vec<Capability>>,
    /// What a client must present.
    pub challenge: ChallengePolicy,
    /// Who decides about a request.
    pub approval: Approval,
    /// The TCP port it listens on; where it is left out, the personality's own.
    pub port: Option<u16>,
    /// Who may read the administrator's page; where it is left out, anybody.
    pub admin: Option<AdminCredentials>,
    /// Whether a second certificate may be issued to a subject that has one; left out, the personality decides.
    pub allow_duplicate_names: Option<bool>,
    /// Whether requests in single DES or signed with MD5 are taken, whatever the personality.
    #[serde(default)]
    pub obsolete_algorithms: bool,
    /// What it does wrong on purpose.
    #[serde(default)]
    pub faults: Vec<FaultRule>,
}

impl Lab {
    /// Reads a lab file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a lab file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        yaml::decoded(source, Self::decode)
    }

    /// Whether anything in it has an address: without hosts and devices it needs no network.
    pub fn is_networked(&self) -> bool {
        !(self.hosts.is_empty() && self.devices.is_empty())
    }

    /// The names of the hosts that run the PKI `pki`.
    pub fn hosts_that_run<'a>(&'a self, pki: &'a str) -> impl Iterator<Item = &'a String> {
        let runs = move |host: &Host| matches!(&host.runs, Some(Runs::Pki(name)) if name == pki);
        self.hosts.iter().filter(move |(_, host)| runs(host)).map(|(name, _)| name)
    }

    /// The names that steps know PKIs by: those of the lab file, and of the hosts that run a program or an image as theirs.
    pub fn pki_names(&self) -> Vec<&str> {
        let programs = self.programs().map(|(name, _)| name);
        let images = self.images().map(|(name, _)| name);
        let own = self.pkis.keys().chain(self.by_url.keys()).map(String::as_str);
        own.chain(programs).chain(images).collect()
    }

    /// Whether it has what is there already, and the driver `live` alone can reach.
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

    /// All that must not be shown of it.
    pub fn secrets(&self) -> Vec<Secret> {
        let keyrings = self.devices.values().flat_map(|device| device.keyring.values());
        let mut secrets: Vec<Secret> = keyrings.cloned().collect();
        for pki in self.pkis.values() {
            match &pki.challenge {
                ChallengePolicy::None => {}
                ChallengePolicy::Static(secret) => secrets.push(secret.clone()),
                ChallengePolicy::OneTime { preset, .. } => secrets.extend(preset.iter().cloned()),
            }
            secrets.extend(pki.admin.iter().map(|admin| admin.password.clone()));
        }
        for pki in self.by_url.values() {
            match &pki.challenge {
                Some(ChallengeSource::Static(secret)) => secrets.push(secret.clone()),
                Some(ChallengeSource::OneTime(list)) => secrets.extend(list.iter().cloned()),
                Some(ChallengeSource::Ndes(page)) => {
                    if let PasswordSource::Given(secret) = &page.password {
                        secrets.push(secret.clone());
                    }
                }
                _ => {}
            }
        }
        let programs = self.programs().map(|(_, program)| &program.secrets);
        for given in programs.chain(self.images().map(|(_, image)| &image.secrets)) {
            // A program tells line by line what it was given.
            let clear = given.values().map(Secret::expose);
            secrets.extend(clear.flat_map(|clear| clear.lines().chain([clear])).map(Secret::new));
        }
        secrets
    }

    /// Reads a lab that is part of a file.
    pub fn decode(node: &Node, problems: &Problems) -> Self {
        let before = problems.count();
        let draft = decode::decode(node, problems);
        check::check(draft, problems.count() == before, problems)
    }
}

#[cfg(test)]
mod tests;
