//! Checks that each route has a valid destination and a usable next hop.

use std::collections::HashMap;

use super::super::draft::{Draft, DraftHost, DraftRoute};
use diagnostics::Diagnostic;
use diagnostics::yaml::Problems;

/// Reports routes with an invalid destination or an unusable next hop, and duplicates.
pub(super) fn check(draft: &Draft, problems: &Problems) {
    for host in &draft.hosts {
        let mut lines = HashMap::new();
        for route in &host.routes {
            if let Some(line) = lines.insert(route.destination, route.place.line()) {
                let message = format!("there is a route to `{}` already", route.destination);
                let label = format!("in line {line}");
                problems.add(Diagnostic::at(&route.place, message).label(label));
            }
            destination_is_elsewhere(route, host, problems);
            if let Some(reason) = leads_nowhere(route, host, draft) {
                let message = format!("next hop `{}` {reason}", route.next_hop);
                problems.add(Diagnostic::at(&route.place, message));
            }
        }
    }
}

/// Reports a route to an address instead of a subnet, and a route to a subnet that the host is connected to, because the kernel
/// accepts neither.
fn destination_is_elsewhere(route: &DraftRoute, host: &DraftHost, problems: &Problems) {
    let (destination, written) = (route.destination, &route.written);
    if written.value != destination {
        let message = format!("`{}` is an address; a route leads to a subnet", written.value);
        let label = format!("the subnet is `{destination}`");
        problems.add(Diagnostic::at(&written.place, message).label(label));
    }
    if host.addresses.iter().any(|own| own.value.trunc() == destination) {
        let message = format!("the host is in `{destination}` itself");
        let note = "a route leads to a subnet in which the host has no address";
        problems.add(Diagnostic::at(&written.place, message).note(note));
    }
}

fn leads_nowhere(route: &DraftRoute, host: &DraftHost, draft: &Draft) -> Option<String> {
    if host.owns(route.next_hop) {
        return Some("is an address of the host itself".to_owned());
    }
    if !host.is_near(route.next_hop) {
        return Some("is on none of the host's links".to_owned());
    }
    if is_network_or_broadcast(route, host) {
        return Some("is the subnet's own or its broadcast address".to_owned());
    }
    match draft.hosts.iter().find(|other| other.owns(route.next_hop)) {
        Some(other) => {
            // A host that does not forward can still be the destination, except of a default route.
            let arrives = route.destination.prefix_len() > 0
                && other.addresses.iter().any(|own| route.destination.contains(&own.value.addr()));
            let reason = format!("is host `{}`, which does not forward", other.name.value);
            (!other.forwards && !arrives).then_some(reason)
        }
        // A device gets its address from its configuration.
        None if is_near_a_device(route, draft) => None,
        None => Some("is no host's address".to_owned()),
    }
}

/// True if the next hop is the first or the last address of a link, which belong to no host.
fn is_network_or_broadcast(route: &DraftRoute, host: &DraftHost) -> bool {
    let hop = route.next_hop;
    let links = host.addresses.iter().map(|own| own.value);
    let mut long = links.filter(|link| link.contains(&hop) && link.prefix_len() < 31);
    long.any(|link| hop == link.network() || hop == link.broadcast())
}

fn is_near_a_device(route: &DraftRoute, draft: &Draft) -> bool {
    let mut subnets = draft.devices.iter().flat_map(|device| &device.interfaces);
    subnets.any(|(_, subnet)| subnet.value.contains(&route.next_hop))
}
