//! Checks that some device can reach each PKI. Only the routes of the lab file are known here.
//!
//! A device's own routes come from its configuration, so any host on one of its links may be its next hop.

use std::net::Ipv4Addr;

use crate::lab::topology::Topology;
use crate::lab::{Host, Lab, Runs};
use diagnostics::yaml::Problems;
use diagnostics::{Diagnostic, Located};

/// Reports every PKI that no device can reach, whatever its configuration.
pub(super) fn check(lab: &Lab, pkis: &[Located<String>], problems: &Problems) {
    // The links of a real device are unknown.
    if lab.devices.values().all(|device| device.ssh.is_some()) {
        return;
    }
    let topology = Topology::of(lab);
    let subnets = || lab.devices.values().flat_map(|device| device.interfaces.values());
    let links: Vec<usize> = subnets().filter_map(|subnet| topology.link_of(*subnet)).collect();
    for pki in pkis {
        let at = lab.hosts.iter().filter(|(name, host)| runs(name, host, &pki.value));
        let hosts: Vec<&str> = at.map(|(name, _)| name.as_str()).collect();
        let mut places = hosts.iter().filter_map(|host| topology.find(host));
        let answers = |host| links.iter().any(|link| answers(&topology, host, *link));
        // A PKI that no host runs is reported elsewhere.
        if hosts.is_empty() || places.any(answers) {
            continue;
        }
        let links = subnets().map(|subnet| format!("`{subnet}`")).collect::<Vec<_>>().join(", ");
        let message = format!("no device can reach the PKI `{}`", pki.value);
        let hosts = hosts.join("`, `");
        problems.add(
            Diagnostic::at(&pki.place, message)
                .note(format!("the devices are in {links}, the PKI runs at `{hosts}`"))
                .note(
                    "between the two, each host needs `forwards: true` and a route there and back",
                ),
        );
    }
}

/// True if the host runs the PKI that steps call `pki`.
fn runs(name: &str, host: &Host, pki: &str) -> bool {
    match &host.runs {
        Some(Runs::Pki(runs)) => runs == pki,
        Some(Runs::Program(_) | Runs::Image(_)) => name == pki,
        None => false,
    }
}

/// True if a device on `link` can reach the host, and the host that link.
fn answers(topology: &Topology, host: usize, link: usize) -> bool {
    let nodes = &topology.nodes;
    let there = |address: Ipv4Addr| {
        let is_there = |at: usize| nodes[at].owns(address);
        let mut gateways = topology.on_link(link);
        gateways.any(|at| {
            is_there(at) || nodes[at].forwards() && leads(topology, at, address, is_there)
        })
    };
    // The last router forwards the answer into the subnet.
    let is_back = |at: usize| nodes[at].is_on(link) && (at == host || nodes[at].forwards());
    nodes[host].addresses().any(there)
        && leads(topology, host, topology.links[link].network(), is_back)
}

/// True if packets from a node to `address` reach a node that `is_there`.
fn leads(
    topology: &Topology,
    from: usize,
    address: Ipv4Addr,
    is_there: impl Fn(usize) -> bool,
) -> bool {
    let mut at = from;
    // More hops than nodes mean a loop.
    for _ in &topology.nodes {
        if is_there(at) {
            return true;
        }
        let hop = topology.nodes[at]
            .route(address)
            .filter(|_| at == from || topology.nodes[at].forwards());
        let Some(next) = hop.and_then(|hop| topology.neighbour(at, hop)) else { return false };
        at = next;
    }
    false
}
