//! A PKI must be reachable for a device, as far as a lab file tells.
//!
//! A device's own routes come from its configuration, so any host on one of its links may be its next hop.

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::super::draft::{Draft, DraftHost, DraftRuns};
use diagnostics::yaml::Problems;
use diagnostics::{Diagnostic, Place};

/// Notes every PKI that no device can reach whatever its configuration.
pub(super) fn check(draft: &Draft, problems: &Problems) {
    // What a real device is plugged into is not known.
    if draft.devices.iter().all(|device| device.ssh.is_some()) {
        return;
    }
    for pki in &draft.pkis {
        let runs = |host: &&DraftHost| host.runs_pki(&pki.name.value);
        let hosts: Vec<&DraftHost> = draft.hosts.iter().filter(runs).collect();
        one(&pki.name.value, &pki.name.place, &hosts, draft, problems);
    }
    for host in &draft.hosts {
        if let Some(DraftRuns::Program(_) | DraftRuns::Image(_)) = host.runs {
            one(&host.name.value, &host.name.place, &[host], draft, problems);
        }
    }
}

fn one(name: &str, place: &Place, hosts: &[&DraftHost], draft: &Draft, problems: &Problems) {
    let subnets: Vec<Ipv4Net> = draft
        .devices
        .iter()
        .flat_map(|device| device.interfaces.iter().map(|(_, subnet)| subnet.value))
        .collect();
    let reachable = |host: &&DraftHost| subnets.iter().any(|subnet| answers(host, *subnet, draft));
    // A PKI that no host runs is a mistake of another kind.
    if hosts.is_empty() || hosts.iter().any(reachable) {
        return;
    }
    let links = subnets.iter().map(|subnet| format!("`{subnet}`")).collect::<Vec<_>>().join(", ");
    let runs = hosts.iter().map(|host| format!("`{}`", host.name.value)).collect::<Vec<_>>();
    problems.add(
        Diagnostic::at(place, format!("no device can reach the PKI `{name}`"))
            .note(format!("the devices are in {links}, the PKI runs at {}", runs.join(", ")))
            .note("between the two, each host needs `forwards: true` and a route there and back"),
    );
}

/// Whether a device in `subnet` can reach `host`, and `host` the subnet.
fn answers(host: &DraftHost, subnet: Ipv4Net, draft: &Draft) -> bool {
    let is_in = |host: &DraftHost| host.addresses.iter().any(|own| own.value.trunc() == subnet);
    let gateways: Vec<&DraftHost> = draft.hosts.iter().filter(|host| is_in(host)).collect();
    let there = host.addresses.iter().any(|own| {
        let address = own.value.addr();
        let by_way = |gateway: &&DraftHost| {
            gateway.owns(address)
                || gateway.forwards && leads(gateway, address, draft, |at| at.owns(address))
        };
        subnet.contains(&address) || gateways.iter().any(by_way)
    });
    // The last router passes the answer on into the subnet.
    let is_back = |at: &DraftHost| is_in(at) && (at.forwards || std::ptr::eq(at, host));
    there && leads(host, subnet.network(), draft, is_back)
}

/// Whether packets of `host` to `address` get to a host that `is_there`.
fn leads(
    host: &DraftHost,
    address: Ipv4Addr,
    draft: &Draft,
    is_there: impl Fn(&DraftHost) -> bool,
) -> bool {
    let mut at = host;
    // More hops than hosts is a loop.
    for hop in 0..=draft.hosts.len() {
        if is_there(at) {
            return true;
        }
        let next =
            next_hop(at, address).and_then(|next| draft.hosts.iter().find(|it| it.owns(next)));
        let Some(next) = next else { return false };
        if hop > 0 && !at.forwards {
            return false;
        }
        at = next;
    }
    false
}

/// Where a host sends packets to `address`: to itself on a link, otherwise by the longest prefix.
fn next_hop(host: &DraftHost, address: Ipv4Addr) -> Option<Ipv4Addr> {
    if host.is_near(address) {
        return Some(address);
    }
    let routes = host.routes.iter().filter(|route| route.destination.contains(&address));
    routes.max_by_key(|route| route.destination.prefix_len()).map(|route| route.next_hop)
}
