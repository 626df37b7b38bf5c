//! The hosts of both documented labs, the device's management interface, and an office that reaches them all.

use std::fmt::Write as _;

use super::INSIDE;
use super::files::ADMIN;
use super::namespaces::Namespaces;
use super::network::listened_at;
use super::relay::Relay;
use crate::support::sceplab::Running;

/// Address of the device's management interface, which the device cannot configure.
pub(super) const MANAGEMENT: &str = "198.51.100.7";

/// Control port of the Linux PKI, on its loopback; the office's loopback forwards to it.
pub(crate) const LINUX_CONTROL: u16 = 8090;
/// The same for the Windows PKI.
pub(crate) const WINDOWS_CONTROL: u16 = 8091;

const HOSTS: [&str; 5] = ["dut", "gateway", "core", "windows", "office"];

/// Each link: two hosts, their interfaces and addresses; the device's `eth0` has none yet.
const LINKS: [[&str; 6]; 5] = [
    ["dut", "eth0", "", "gateway", "eth0", "10.215.168.1/24"],
    ["gateway", "eth1", "10.0.12.1/30", "core", "eth0", "10.0.12.2/30"],
    ["core", "eth1", "192.168.212.1/22", "windows", "eth0", "192.168.213.25/22"],
    ["dut", "mgmt0", "198.51.100.7/24", "office", "eth0", "198.51.100.1/24"],
    ["office", "eth1", "203.0.113.2/30", "gateway", "eth2", "203.0.113.1/30"],
];

const ROUTES: [[&str; 3]; 5] = [
    ["gateway", "192.168.212.0/22", "10.0.12.2"],
    ["core", "10.215.168.0/24", "10.0.12.1"],
    ["core", "203.0.113.0/30", "10.0.12.1"],
    ["windows", "default", "192.168.212.1"],
    ["office", "default", "203.0.113.1"],
];

const SETTINGS: [[&str; 3]; 5] = [
    // The router reports every packet that it has no route for, not only the first few.
    ["gateway", "icmp_ratemask", "0"],
    ["gateway", "ip_forward", "1"],
    ["core", "ip_forward", "1"],
    ["windows", "ip_default_ttl", "128"],
    ["dut", "ping_group_range", "0 2147483647"],
];

/// The lines of a shell script that make the hosts.
pub(super) fn script() -> String {
    let mut script = String::new();
    for host in HOSTS {
        let _ = writeln!(script, "ip netns add {host}\nip -n {host} link set lo up");
    }
    for [one, its, its_address, other, others, others_address] in LINKS {
        let _ = writeln!(
            script,
            "ip link add {its} netns {one} type veth peer name {others} netns {other}"
        );
        for (host, interface, address) in [(one, its, its_address), (other, others, others_address)]
        {
            if !address.is_empty() {
                let _ = writeln!(script, "ip -n {host} address add {address} dev {interface}");
            }
            let _ = writeln!(script, "ip -n {host} link set {interface} up");
        }
    }
    for [host, destination, next_hop] in ROUTES {
        let _ = writeln!(script, "ip -n {host} route add {destination} via {next_hop}");
    }
    for [host, name, value] in SETTINGS {
        let write = format!("echo {value} > /proc/sys/net/ipv4/{name}");
        let _ = writeln!(script, "ip netns exec {host} sh -c '{write}'");
    }
    script
}

/// Forwards the PKIs' control ports to the office.
pub(super) fn controls(namespaces: &Namespaces) -> Vec<Relay> {
    let way = |host: &str, port| {
        Relay::start(&namespaces.network("office"), &namespaces.network(host), port)
    };
    vec![way("gateway", LINUX_CONTROL), way("windows", WINDOWS_CONTROL)]
}

/// True if a server listens on a PKI's host.
pub(super) fn are_pkis_there(namespaces: &Namespaces) -> bool {
    ["gateway", "windows"].iter().any(|host| !listened_at(namespaces, Some(host)).is_empty())
}

/// Starts the PKIs of both documented labs, the Linux PKI with further arguments, and waits until they listen.
pub(super) fn pkis(namespaces: &Namespaces, of_linux: &[&str]) -> Vec<Running> {
    let program = format!("{INSIDE}/sceplab");
    let start = |host: &str, arguments: &str, further: &[&str]| {
        let mut all: Vec<&str> = arguments.split(' ').collect();
        all.extend(further);
        let mut pki = Running::start(namespaces.command(Some(host), &program, &all));
        pki.stdout_line(|line| line.contains("http://").then_some(()));
        pki
    };
    let linux = format!(
        "serve linux --listen 10.215.168.1:8080 --challenge-file {INSIDE}/challenge --control 127.0.0.1:{LINUX_CONTROL}"
    );
    let windows = format!(
        "serve ndes --listen 192.168.213.25:80 --challenge-file {INSIDE}/one_time \
         --admin-user {ADMIN} --admin-password-file {INSIDE}/admin_password \
         --control 127.0.0.1:{WINDOWS_CONTROL}"
    );
    let subject = ["--ca-subject", "CN=Teldat-PKI, O=Teldat, L=Madrid, C=ES"];
    vec![
        start("gateway", &linux, &[&subject[..], of_linux].concat()),
        start("windows", &windows, &["--ca-subject", "DC=com, DC=scep, CN=scep-TELDATPKI-CA"]),
    ]
}
