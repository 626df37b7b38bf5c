//! What a lab file refers to must be there, and its addresses must agree.

mod reach;
mod routes;

use std::collections::{BTreeMap, HashMap};
use std::net::Ipv4Addr;

use ipnet::Ipv4Net;

use super::draft::{Draft, DraftDevice, DraftHost};
use super::{Lab, Runs};
use diagnostics::yaml::Problems;
use diagnostics::{Diagnostic, Located};

/// The lab of a draft; notes every reference that leads nowhere and every contradiction.
///
/// Where the draft is not complete, what may be missing from it is not missed.
pub(super) fn check(draft: Draft, complete: bool, problems: &Problems) -> Lab {
    references(&draft, complete, problems);
    let pkis = draft.pki_names();
    let lab = draft.into_lab();
    if complete && !lab.is_live() {
        reach::check(&lab, &pkis, problems);
    }
    lab
}

fn references(draft: &Draft, complete: bool, problems: &Problems) {
    names_are_unique(draft, problems);
    names_are_free(draft, problems);
    addresses_are_for_hosts(draft, problems);
    addresses_are_unique(draft, problems);
    subnets_agree(draft, problems);
    for host in &draft.hosts {
        pki_exists(host, draft, problems);
        foreigner_is_no_pki_of_the_file(host, draft, problems);
    }
    if draft.is_live() {
        is_only_named(draft, problems);
    } else if complete {
        interfaces_lead_somewhere(draft, problems);
        routes::check(draft, problems);
        pkis_are_run(draft, problems);
    }
}

/// Host names have no case, and a device's is one as well.
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

/// Every host has a name for itself already, in whatever case.
fn names_are_free(draft: &Draft, problems: &Problems) {
    let devices = draft.devices.iter().map(|device| &device.name);
    for name in devices.chain(draft.hosts.iter().map(|host| &host.name)) {
        if name.value.eq_ignore_ascii_case("localhost") {
            let message = format!("`{}` is the name of every host for itself", name.value);
            problems.add(Diagnostic::at(&name.place, message));
        }
    }
}

/// Some addresses are no host's on any link (RFC 1122 §3.2.1.3).
fn addresses_are_for_hosts(draft: &Draft, problems: &Problems) {
    for located in subnets(draft) {
        let address = located.value;
        let what = match address.addr() {
            ip if ip.is_loopback() => "a loopback address, as all of `127.0.0.0/8` are",
            ip if ip.is_multicast() => "the address of a group, as all of `224.0.0.0/4` are",
            ip if ip.is_unspecified() || ip.is_broadcast() => "nobody's or everybody's address",
            _ => continue,
        };
        let message = format!("no host on a link has `{address}`");
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

/// Two subnets are the same or have nothing in common; anything else is a wrong prefix length.
fn subnets_agree(draft: &Draft, problems: &Problems) {
    let mut seen: BTreeMap<Ipv4Net, usize> = BTreeMap::new();
    for located in subnets(draft) {
        let subnet = located.value.trunc();
        let other = seen.iter().find(|(other, _)| {
            **other != subnet && (other.contains(&subnet) || subnet.contains(*other))
        });
        if let Some((other, line)) = other {
            let message = format!("subnet `{subnet}` overlaps with `{other}` but is another one");
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
            // The interface itself is one of those in the subnet.
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
        // It is where its URL says, whatever a host runs.
        return;
    }
    let names = || draft.pkis.iter().map(|(name, _)| name.value.as_str());
    if !names().any(|name| name == runs) {
        let unknown = Diagnostic::at(place, format!("unknown PKI `{runs}`"));
        problems.add(unknown.known(runs, "the lab's PKIs", names()));
    }
}

/// A program or an image is known by its host's name, and each PKI by one name.
fn foreigner_is_no_pki_of_the_file(host: &DraftHost, draft: &Draft, problems: &Problems) {
    let what = match host.runs.as_ref().map(|runs| &runs.value) {
        Some(Runs::Program(_)) => "a program",
        Some(Runs::Image(_)) => "an image",
        Some(Runs::Pki(_)) | None => return,
    };
    let simulated = draft.pkis.iter().map(|(name, _)| name);
    let mut names = simulated.chain(draft.by_url.iter().map(|(name, _)| name));
    if names.any(|name| name.value == host.name.value) {
        let name = &host.name.value;
        let message = format!("`{name}` runs {what}, and is the name of a PKI as well");
        let note = format!("{what} that a host runs is known as a PKI by the host's name");
        problems.add(Diagnostic::at(&host.name.place, message).note(note));
    }
}

/// Where there is nothing but PKIs, steps reach them by themselves; and nobody knows what a real device reaches.
fn pkis_are_run(draft: &Draft, problems: &Problems) {
    let is_real = |device: &DraftDevice| device.ssh.is_some();
    if draft.hosts.is_empty() && draft.devices.iter().all(is_real) {
        return;
    }
    for (Located { value: name, place }, _) in &draft.pkis {
        if !draft.hosts.iter().any(|host| host.runs_pki(name)) {
            let message = format!("no host runs the PKI `{name}`");
            let note = format!("give a host `runs: {name}`");
            problems.add(Diagnostic::at(place, message).note(note));
        }
    }
}

/// Notes what a lab cannot have that names what is there already: its network is what it is.
fn is_only_named(draft: &Draft, problems: &Problems) {
    for host in &draft.hosts {
        hosts_are_as_they_are(host, problems);
    }
    for (name, _) in &draft.pkis {
        let message = format!("the PKI `{}` is simulated, in a lab of real things", name.value);
        let note = "start it with `sceplab serve`, and give its `url` here";
        problems.add(Diagnostic::at(&name.place, message).note(note));
    }
}

fn hosts_are_as_they_are(host: &DraftHost, problems: &Problems) {
    let fields = [
        ("forwards", host.forwards),
        ("routes", !host.routes.is_empty()),
        ("ttl", host.ttl.is_some()),
        ("runs", host.runs.is_some()),
    ];
    for (field, _) in fields.into_iter().filter(|(_, given)| *given) {
        let message = format!("`{field}` of host `{}` changes nothing", host.name.value);
        let note = "what a lab has by SSH and by URL is there already: a host beside it has addresses alone";
        problems.add(Diagnostic::at(&host.name.place, message).note(note));
    }
}
