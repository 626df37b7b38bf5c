//! Turns the tree of a lab file into a draft.

mod faults;
mod hierarchy;
mod pki;
mod policy;
mod tls;

use ipnet::Ipv4Net;
use scep::clock::Clock;

use super::draft::{Draft, DraftDevice, DraftHost, DraftRoute};
use super::values::{name, secret};
use super::{by_url, clock, program, recorded, ssh};
use diagnostics::yaml::{Entry, Fields, Keys, Node, Problems, names};
use diagnostics::{Diagnostic, Located};

/// The fields of a lab.
pub const FIELDS: [&str; 6] = ["title", "stands-in-for", "clock", "devices", "hosts", "pki"];

const SUBNET: &str = "a subnet such as `10.0.0.0/24`";
const ADDRESS: &str = "an address with its prefix length, such as `10.0.0.1/24`";

/// Reads as much as possible, and reports the rest as problems.
pub(super) fn decode(node: &Node, problems: &Problems) -> Draft {
    let Some(fields) = Fields::of(node, "a lab", Keys::of_file(&FIELDS), problems) else {
        return Draft::default();
    };
    let text = |key| fields.optional_as(key, Node::text);
    let pkis = fields.names("pki", "a map of PKIs");
    let mut draft = Draft {
        title: text("title"),
        stands_in_for: fields.optional_as("stands-in-for", file_name),
        start: fields.optional_as("clock", clock::start),
        devices: fields
            .names("devices", "a map of devices")
            .iter()
            .filter_map(|entry| device(entry, problems))
            .collect(),
        hosts: fields
            .names("hosts", "a map of hosts")
            .iter()
            .filter_map(|entry| host(entry, problems))
            .collect(),
        by_url: pkis
            .iter()
            .filter(|entry| by_url::is_by_url(&entry.value))
            .filter_map(|entry| by_url::pki(entry, &pki::SIMULATED, problems))
            .collect(),
        recorded: pkis
            .iter()
            .filter(|entry| is_recorded(&entry.value))
            .filter_map(|entry| recorded::pki(entry, &pki::SIMULATED, problems))
            .collect(),
        ..Draft::default()
    };
    let is_other = |node: &Node| by_url::is_by_url(node) || is_recorded(node);
    let simulated = pkis.iter().filter(|entry| !is_other(&entry.value));
    let start = draft.start.as_ref().map_or_else(|| Clock::system().now(), |start| start.value);
    for (name, pki, ahead) in simulated.filter_map(|entry| pki::pki(entry, start, problems)) {
        draft.pkis.push((name, pki));
        draft.pki_clocks.extend(ahead);
    }
    draft
}

/// True if the PKI is described by its recording, and not by a URL besides.
fn is_recorded(node: &Node) -> bool {
    recorded::is_recorded(node) && !by_url::is_by_url(node)
}

/// The name of a lab file in the same folder.
fn file_name(node: &Node, problems: &Problems) -> Option<String> {
    let name = node.text(problems)?;
    if name.is_empty() || name.contains(['/', '\\']) {
        node.expected(
            "the name of a lab file in the same folder, such as `linux-pki.yaml`",
            problems,
        );
        return None;
    }
    Some(name)
}

fn device(entry: &Entry, problems: &Problems) -> Option<DraftDevice> {
    let known = [&["interfaces", "keyring", "clock", "ssh"], &ssh::OPTIONS[..]].concat();
    let fields = Fields::of(&entry.value, "a device", &known, problems)?;
    if let Some(node) = fields.optional("ssh") {
        let target = ssh::target(node, &fields, problems)?;
        let name = name(entry, "device", problems)?;
        return Some(DraftDevice { ssh: Some(Box::new(target)), ..DraftDevice::bare(name) });
    }
    ssh::refuse_options(&fields, problems);
    let interfaces = fields
        .required("interfaces")
        .map(|node| names(node, "a map from interfaces to subnets", problems))
        .unwrap_or_default();
    let keyring = fields.names("keyring", "a map from sealed to clear values");
    Some(DraftDevice {
        ssh: None,
        clock_ahead_ms: fields.optional_as("clock", clock::ahead),
        name: name(entry, "device", problems)?,
        interfaces: interfaces.iter().filter_map(|entry| interface(entry, problems)).collect(),
        keyring: keyring
            .iter()
            .filter_map(|entry| Some((entry.key.clone(), secret(&entry.value, problems)?)))
            .collect(),
    })
}

fn interface(entry: &Entry, problems: &Problems) -> Option<(String, Located<Ipv4Net>)> {
    let subnet: Ipv4Net = entry.value.parsed(SUBNET, problems)?;
    if subnet != subnet.trunc() {
        let message = format!("`{subnet}` is an address; an interface is plugged into a subnet");
        let label = format!("the subnet is `{}`", subnet.trunc());
        problems.add(Diagnostic::at(&entry.value.place, message).label(label));
    }
    Some((entry.key.clone(), Located { value: subnet.trunc(), place: entry.value.place.clone() }))
}

fn host(entry: &Entry, problems: &Problems) -> Option<DraftHost> {
    let known = ["addresses", "forwards", "routes", "ttl", "runs"];
    let fields = Fields::of(&entry.value, "a host", &known, problems)?;
    let addresses = fields.required("addresses").map(|node| node.items(problems));
    let addresses = addresses.unwrap_or_default().iter();
    let addresses: Vec<_> = addresses.filter_map(|node| address(node, problems)).collect();
    let first = addresses.first().map(|address| address.value.addr());
    let routes = fields.names("routes", "a map from destinations to next hops");
    Some(DraftHost {
        name: name(entry, "host", problems)?,
        addresses,
        forwards: fields.optional_as("forwards", Node::boolean).unwrap_or_default(),
        routes: routes.iter().filter_map(|entry| route(entry, problems)).collect(),
        ttl: fields.optional_as("ttl", ttl),
        runs: fields.optional("runs").and_then(|node| program::runs(node, first, problems)),
    })
}

fn address(node: &Node, problems: &Problems) -> Option<Located<Ipv4Net>> {
    let address: Ipv4Net = node.parsed(ADDRESS, problems)?;
    let reserved = address.prefix_len() < 31
        && (address.addr() == address.network() || address.addr() == address.broadcast());
    if reserved {
        let message = format!("`{address}` is the subnet's own or its broadcast address");
        problems.add(Diagnostic::at(&node.place, message));
    }
    Some(Located { value: address, place: node.place.clone() })
}

fn route(entry: &Entry, problems: &Problems) -> Option<DraftRoute> {
    let destination = match entry.key.as_str() {
        "default" => Some(Ipv4Net::default()),
        text => text.parse().ok(),
    };
    if destination.is_none() {
        let message = format!("expected {SUBNET} or `default`, found `{}`", entry.key);
        problems.add(Diagnostic::at(&entry.key_place, message));
    }
    let next_hop = entry.value.parsed("the address of the next hop, as `10.0.0.1`", problems)?;
    Some(DraftRoute {
        destination: destination?.trunc(),
        written: Located { value: destination?, place: entry.key_place.clone() },
        next_hop,
        place: entry.value.place.clone(),
    })
}

fn ttl(node: &Node, problems: &Problems) -> Option<u8> {
    let ttl: std::num::NonZeroU8 = node.parsed("a TTL from 1 to 255", problems)?;
    Some(ttl.get())
}
