//! Turns the tree of a lab file into a draft.

mod faults;

use ipnet::Ipv4Net;
use mock_ca::{AdminCredentials, Approval, ChallengePolicy, PersonalityName};
use scep::capabilities::Capability;

use super::draft::{Draft, DraftDevice, DraftHost, DraftRoute};
use super::values::{name, port, secret, secrets};
use super::{Pki, by_url, clock, program, ssh};
use diagnostics::yaml::{Entry, Fields, Keys, Node, Problems, Value, names};
use diagnostics::{Diagnostic, Located};

/// The fields of a lab.
pub const FIELDS: [&str; 6] = ["title", "stands-in-for", "clock", "devices", "hosts", "pki"];

/// The fields of a simulated PKI.
const SIMULATED: [&str; 12] = [
    "personality",
    "ca",
    "capabilities",
    "challenge",
    "approval",
    "port",
    "admin",
    "allow-duplicate-names",
    "obsolete-algorithms",
    "der-replies",
    "clock",
    "faults",
];

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
            .filter_map(|entry| by_url::pki(entry, &SIMULATED, problems))
            .collect(),
        ..Draft::default()
    };
    let simulated = pkis.iter().filter(|entry| !by_url::is_by_url(&entry.value));
    for (name, pki, ahead) in simulated.filter_map(|entry| pki(entry, problems)) {
        draft.pkis.push((name, pki));
        draft.pki_clocks.extend(ahead);
    }
    draft
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

/// A simulated PKI with its name, and the place of its clock if that differs from the lab's.
fn pki(entry: &Entry, problems: &Problems) -> Option<(Located<String>, Pki, Option<Located<i64>>)> {
    let fields = Fields::of(&entry.value, "a PKI", &SIMULATED, problems)?;
    let personality = fields
        .required("personality")
        .and_then(|node| node.one_of("personality", PersonalityName::NAMED, problems));
    // A missing personality is already reported; the rest is still read, for its own mistakes.
    let personality = personality.unwrap_or(PersonalityName::Linux);
    let ahead = fields.optional_as("clock", clock::ahead);
    let pki = Pki {
        personality,
        clock_ahead_ms: ahead.as_ref().map_or(0, |ahead| ahead.value),
        subject: fields.optional_as("ca", subject),
        capabilities: fields
            .optional("capabilities")
            .map(|node| node.items(problems).iter())
            .map(|items| items.filter_map(|it| capability(it, personality, problems)).collect()),
        challenge: fields.optional_as("challenge", challenge).unwrap_or(ChallengePolicy::None),
        approval: fields
            .one_of("approval", "approval", Approval::NAMED)
            .unwrap_or(Approval::Automatic),
        port: fields.optional_as("port", port),
        admin: fields.optional_as("admin", admin),
        obsolete_algorithms: fields
            .optional_as("obsolete-algorithms", Node::boolean)
            .unwrap_or_default(),
        der_replies: fields.optional_as("der-replies", Node::boolean).unwrap_or_default(),
        allow_duplicate_names: fields.optional_as("allow-duplicate-names", Node::boolean),
        faults: fields
            .optional("faults")
            .map(|node| faults::faults(node, personality, problems))
            .unwrap_or_default(),
    };
    Some((name(entry, "pki", problems)?, pki, ahead))
}

/// A keyword that the mock CA can announce. Only one personality has a next CA certificate.
fn capability(
    node: &Node,
    personality: PersonalityName,
    problems: &Problems,
) -> Option<Capability> {
    let mut known = Capability::NAMED.to_vec();
    known.retain(|(_, it)| personality.has_next_ca() || *it != Capability::GetNextCaCert);
    node.one_of("capability", &known, problems)
}

fn subject(node: &Node, problems: &Problems) -> Option<String> {
    let fields = Fields::of(node, "a CA", &["subject"], problems)?;
    let node = fields.required("subject")?;
    let subject = node.text(problems)?;
    if let Err(error) = scep::name::parse(&subject) {
        problems.add(Diagnostic::at(&node.place, format!("not a name: {error}")));
    }
    Some(subject)
}

fn challenge(node: &Node, problems: &Problems) -> Option<ChallengePolicy> {
    if let Value::Scalar { .. } = node.value {
        return node.one_of("challenge", &[("none", ())], problems).map(|()| ChallengePolicy::None);
    }
    let keys = Keys::from(&["static", "one-time"]).advised(on_challenge);
    let fields = Fields::of(node, "a challenge", keys, problems)?;
    match (fields.optional("static"), fields.optional("one-time")) {
        (Some(node), None) => Some(ChallengePolicy::Static(secret(node, problems)?)),
        (None, Some(node)) => Some(ChallengePolicy::one_time(secrets(node, problems))),
        _ => {
            let message = "a challenge is `none`, `{static: …}` or `{one-time: […]}`";
            problems.add(Diagnostic::at(fields.place(), message));
            None
        }
    }
}

/// Advice about an unknown field of a challenge.
fn on_challenge(name: &str) -> Option<&'static str> {
    const EXPIRY: [&str; 7] =
        ["lifetime", "validity", "valid", "expires", "ttl", "within", "timeout"];
    EXPIRY.contains(&name).then_some(
        "the passwords of a lab file do not expire, and no field changes that; those of the page `mscep_admin` are valid for an hour",
    )
}

fn admin(node: &Node, problems: &Problems) -> Option<AdminCredentials> {
    let fields = Fields::of(node, "an administrator", &["user", "password"], problems)?;
    let user = fields.required_as("user", Node::text);
    let password = fields.required_as("password", secret);
    Some(AdminCredentials { user: user?, password: password? })
}
