//! Checks that a lab's references lead to something and that its addresses agree.

mod reach;
mod routes;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::draft::{Draft, DraftDevice, DraftHost};
use super::{Lab, Runs, clock};
use diagnostics::yaml::Problems;
use diagnostics::{Diagnostic, Located};

/// Limit of the addresses, interfaces and routes of a lab, because each is compared with each.
const COMPARED: usize = 2000;

/// Makes the lab of a draft; reports dangling references and contradictions.
///
/// If the draft is incomplete, nothing is reported as missing.
pub(super) fn check(draft: Draft, complete: bool, problems: &Problems) -> Lab {
    let is_small = is_small(&draft, problems);
    if is_small {
        references(&draft, complete, problems);
    }
    clock::check(&draft, problems);
    let pkis = draft.pki_names();
    let lab = draft.into_lab();
    if is_small && complete && !lab.is_live() {
        reach::check(&lab, &pkis, problems);
    }
    lab
}

/// True unless the lab has more parts than can be compared, which is a problem.
fn is_small(draft: &Draft, problems: &Problems) -> bool {
    let routes = draft.hosts.iter().flat_map(|host| &host.routes).map(|route| &route.place);
    let mut places = subnets(draft).map(|subnet| &subnet.place).chain(routes);
    let first_beyond = places.nth(COMPARED);
    if let Some(place) = first_beyond {
        let message = format!("a lab has at most {COMPARED} addresses, interfaces and routes");
        problems.add(Diagnostic::at(place, message));
    }
    first_beyond.is_none()
}

fn references(draft: &Draft, complete: bool, problems: &Problems) {
    names_are_unique(draft, problems);
    names_are_free(draft, problems);
    addresses_are_for_hosts(draft, problems);
    addresses_are_unique(draft, problems);
    subnets_agree(draft, problems);
    for host in &draft.hosts {
        pki_exists(host, draft, problems);
        host_name_is_no_pki_name(host, draft, problems);
    }
    if draft.is_live() {
        has_nothing_to_build(draft, problems);
    } else if complete {
        interfaces_lead_somewhere(draft, problems);
        routes::check(draft, problems);
        pkis_are_run(draft, problems);
    }
}

/// Host names ignore case, and a device's name is a host name too.
fn names_are_unique(draft: &Draft, problems: &Problems) {
    let devices = draft.devices.iter().map(|device| ("device", &device.name));
    let hosts = draft.hosts.iter().map(|host| ("host", &host.name));
    let mut owners = HashMap::new();
    for (what, name) in devices.chain(hosts) {
        if let Some(owner) = owners.insert(name.value.to_lowercase(), what) {
            let message = format!("`{}` is the name of a {owner} already", name.value);
            problems.add(Diagnostic::at(&name.place, message));
        }
    }
}

/// Every host uses `localhost` for itself, in any case.
fn names_are_free(draft: &Draft, problems: &Problems) {
    let devices = draft.devices.iter().map(|device| &device.name);
    for name in devices.chain(draft.hosts.iter().map(|host| &host.name)) {
        if name.value.eq_ignore_ascii_case("localhost") {
            let message = format!("`{}` is reserved: it means the host itself", name.value);
            problems.add(Diagnostic::at(&name.place, message));
        }
    }
}

/// Some addresses cannot belong to a host on a link (RFC 1122 §3.2.1.3).
fn addresses_are_for_hosts(draft: &Draft, problems: &Problems) {
    for located in subnets(draft) {
        let address = located.value;
        let what = match address.addr() {
            ip if ip.is_loopback() => "a loopback address, as all of `127.0.0.0/8` are",
            ip if ip.is_multicast() => "the address of a group, as all of `224.0.0.0/4` are",
            ip if ip.is_unspecified() || ip.is_broadcast() => {
                "reserved: `0.0.0.0` means no host, `255.255.255.255` means all hosts"
            }
            _ => continue,
        };
        let message = format!("`{address}` cannot be the address of a host");
        problems.add(Diagnostic::at(&located.place, message).label(format!("it is {what}")));
    }
}

fn addresses_are_unique(draft: &Draft, problems: &Problems) {
    let mut owners: HashMap<Ipv4Addr, &str> = HashMap::new();
    for host in &draft.hosts {
        for address in &host.addresses {
            let ip = address.value.addr();
            if let Some(owner) = owners.insert(ip, &host.name.value) {
                let message = format!("`{ip}` is an address of host `{owner}` already");
                problems.add(Diagnostic::at(&address.place, message));
            }
        }
    }
}

/// Two subnets are equal or disjoint; anything else is a wrong prefix length.
fn subnets_agree(draft: &Draft, problems: &Problems) {
    let mut seen: BTreeMap<Ipv4Net, usize> = BTreeMap::new();
    for located in subnets(draft) {
        let subnet = located.value.trunc();
        let other = seen.iter().find(|(other, _)| {
            **other != subnet && (other.contains(&subnet) || subnet.contains(*other))
        });
        if let Some((other, line)) = other {
            let message = format!("subnet `{subnet}` overlaps with `{other}` but differs from it");
            let label = format!("`{other}` is in line {line}");
            problems.add(Diagnostic::at(&located.place, message).label(label));
        }
        seen.entry(subnet).or_insert(located.place.line());
    }
}

fn subnets(draft: &Draft) -> impl Iterator<Item = &Located<Ipv4Net>> {
    let interfaces =
        draft.devices.iter().flat_map(|device| device.interfaces.iter().map(|(_, subnet)| subnet));
    interfaces.chain(draft.hosts.iter().flat_map(|host| &host.addresses))
}

fn interfaces_lead_somewhere(draft: &Draft, problems: &Problems) {
    for device in &draft.devices {
        for (interface, subnet) in &device.interfaces {
            // The interface itself is one of them.
            let others = subnets(draft).filter(|other| other.value.trunc() == subnet.value).count();
            if others < 2 {
                let message = format!("interface `{interface}` is plugged into an empty subnet");
                let label = format!("no host has an address in `{}`", subnet.value);
                problems.add(Diagnostic::at(&subnet.place, message).label(label));
            }
        }
    }
}

fn pki_exists(host: &DraftHost, draft: &Draft, problems: &Problems) {
    let Some(Located { value: Runs::Pki(runs), place }) = &host.runs else { return };
    if draft.by_url.iter().any(|(name, _)| name.value == *runs) {
        // A real PKI is at its URL, whatever the host runs.
        return;
    }
    let names = || draft.pkis_of_hosts().map(|name| name.value.as_str());
    if !names().any(|name| name == runs) {
        problems.add_with(|| {
            let unknown = Diagnostic::at(place, format!("unknown PKI `{runs}`"));
            unknown.known(runs, "the lab's PKIs", names())
        });
    }
}

/// A program or an image has its host's name, and no two PKIs have the same name.
fn host_name_is_no_pki_name(host: &DraftHost, draft: &Draft, problems: &Problems) {
    let what = match host.runs.as_ref().map(|runs| &runs.value) {
        Some(Runs::Program(_)) => "a program",
        Some(Runs::Image(_)) => "an image",
        Some(Runs::Pki(_)) | None => return,
    };
    let mut names = draft.pkis_of_hosts().chain(draft.by_url.iter().map(|(name, _)| name));
    if names.any(|name| name.value == host.name.value) {
        let name = &host.name.value;
        let message = format!("`{name}` runs {what}, and is the name of a PKI as well");
        let note = format!("{what} that a host runs is known as a PKI by the host's name");
        problems.add(Diagnostic::at(&host.name.place, message).note(note));
    }
}

/// In a lab of PKIs alone, steps reach them without a host. What a real device reaches is unknown.
fn pkis_are_run(draft: &Draft, problems: &Problems) {
    let is_real = |device: &DraftDevice| device.ssh.is_some();
    if draft.hosts.is_empty() && draft.devices.iter().all(is_real) {
        return;
    }
    for Located { value: name, place } in draft.pkis_of_hosts() {
        if !draft.hosts.iter().any(|host| host.runs_pki(name)) {
            let message = format!("no host runs the PKI `{name}`");
            let note = format!("give a host `runs: {name}`");
            problems.add(Diagnostic::at(place, message).note(note));
        }
    }
}

/// Reports what a real lab cannot have, because nothing of it is built.
fn has_nothing_to_build(draft: &Draft, problems: &Problems) {
    for host in &draft.hosts {
        has_only_addresses(host, problems);
    }
    for (name, _) in &draft.recorded {
        let message = format!("the PKI `{}` is recorded, but the lab is real", name.value);
        let note = "start it with `sceplab replay BUNDLE --serve`, and give its `url` here";
        problems.add(Diagnostic::at(&name.place, message).note(note));
    }
    for (name, _) in &draft.pkis {
        let message = format!("the PKI `{}` is simulated, but the lab is real", name.value);
        let note = "start it with `sceplab serve`, and give its `url` here";
        problems.add(Diagnostic::at(&name.place, message).note(note));
    }
}

fn has_only_addresses(host: &DraftHost, problems: &Problems) {
    let fields = [
        ("forwards", host.forwards),
        ("routes", !host.routes.is_empty()),
        ("ttl", host.ttl.is_some()),
        ("runs", host.runs.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, given)| *given) {
        let message = format!("`{field}` of host `{}` has no effect", host.name.value);
        let note = "a lab with `ssh` or `url` exists already and is not built: its hosts have `addresses` only";
        problems.add(Diagnostic::at(&host.name.place, message).note(note));
    }
}
