//! What a lab file says: devices, hosts and PKIs. The driver says how they are built.

mod check;
mod decode;
mod draft;
mod secret;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use ipnet::Ipv4Net;

pub use self::secret::{MASK, Secret};
use crate::diagnostic::{Diagnostic, Source};
use crate::mask::{Masker, by_shape};
use crate::yaml::{self, Node, Problems};

/// The TTL that a host's packets start with where the lab file names none.
pub const DEFAULT_TTL: u8 = 64;

/// A lab: what exists in it, by name. Addresses in one subnet are on one link.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lab {
    /// The devices under test.
    pub devices: BTreeMap<String, Device>,
    /// Everything else that has addresses: routers, servers.
    pub hosts: BTreeMap<String, Host>,
    /// The PKIs; each is reached at the hosts that run it.
    pub pkis: BTreeMap<String, Pki>,
}

/// A device; its interfaces have no addresses before its configuration gives them some.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// The subnet that each interface is plugged into.
    pub interfaces: BTreeMap<String, Ipv4Net>,
    /// What a sealed value opens to, by the sealed value as it stands in the configuration.
    pub keyring: BTreeMap<String, Secret>,
}

/// A host; its name is also what it is reached by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// The addresses, each with the length of its subnet's prefix.
    pub addresses: Vec<Ipv4Net>,
    /// Whether it passes on packets that are not for itself.
    pub forwards: bool,
    /// Routes beyond its own subnets; `default` is 0.0.0.0/0.
    pub routes: Vec<Route>,
    /// The TTL that its packets start with.
    pub ttl: u8,
    /// The name of the PKI that listens at its addresses.
    pub runs: Option<String>,
}

/// A static route of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// Where to.
    pub destination: Ipv4Net,
    /// By way of whom: an address on one of the host's links.
    pub next_hop: Ipv4Addr,
}

/// A PKI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pki {
    /// Whom it behaves like.
    pub personality: Personality,
    /// The CA's name, as in `DC=com, DC=scep, CN=x`; where it is left out, the personality's own.
    pub subject: Option<String>,
    /// What a client must present.
    pub challenge: Challenge,
    /// Who decides about a request.
    pub approval: Approval,
    /// The TCP port it listens on; where it is left out, the personality's own.
    pub port: Option<u16>,
    /// Who may read the administrator's page; where it is left out, anybody.
    pub admin: Option<Admin>,
    /// Whether a second certificate may be issued to a subject that has one; left out, the personality decides.
    pub allow_duplicate_names: Option<bool>,
}

/// Whom a PKI behaves like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Personality {
    /// As micromdm's scepserver.
    Linux,
    /// As the Network Device Enrollment Service of Windows Server.
    Ndes,
}

/// What a client must present to be enrolled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Challenge {
    /// Nothing.
    None,
    /// One password for all.
    Static(Secret),
    /// Passwords that serve once each.
    OneTime(Vec<Secret>),
}

/// Who decides about a request that is otherwise in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Approval {
    /// The CA, at once.
    Automatic,
    /// The scenario, by its `approve` and `deny` steps; the client is told to wait.
    Manual,
}

/// The administrator of a PKI.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admin {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
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
        let node = yaml::parse(source).map_err(|error| vec![by_shape(error)])?;
        let problems = Problems::default();
        let lab = Self::decode(&node, &problems);
        if problems.is_empty() { Ok(lab) } else { Err(problems.masked(&Masker::of_file(&node))) }
    }

    /// Reads a lab that is part of a file.
    pub(crate) fn decode(node: &Node, problems: &Problems) -> Self {
        let before = problems.count();
        let draft = decode::decode(node, problems);
        check::check(&draft, problems.count() == before, problems);
        draft.into_lab()
    }
}

#[cfg(test)]
mod tests;
