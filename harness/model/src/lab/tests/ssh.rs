//! Devices over SSH in lab files.

use std::path::Path;
use std::time::Duration;

use super::*;

fn lab(device: &str) -> String {
    format!("devices:\n  DUT0: {{{device}}}\n")
}

fn target(device: &str) -> SshTarget {
    let lab = load(&lab(device)).unwrap();
    *lab.devices["DUT0"].ssh.clone().unwrap()
}

#[test]
fn defaults_are_those_of_openssh() {
    let target = target("ssh: admin@198.51.100.7");
    assert_eq!(target, SshTarget::new("admin", "198.51.100.7", 22));
    assert_eq!(target.to_string(), "admin@198.51.100.7");
    assert_eq!(target.answer_within, Duration::from_secs(120));
}

#[test]
fn all_ssh_options_are_read() {
    let read = target(
        "ssh: 'me@work@[2001:db8::1]', port: 2222, identity: keys/id, known-hosts: /etc/known, password-env: DUT0_PASSWORD, \
         prompt: {operational: 'R1>'}, keep: [interfaces ethernet eth0, \"system 'a b'\"], answer-within: 5m",
    );
    assert_eq!((read.user.as_str(), read.host.as_str()), ("me@work", "2001:db8::1"));
    assert_eq!(read.to_string(), "me@work@[2001:db8::1]:2222");
    let identity = read.identity.unwrap();
    assert!(identity.is_absolute() && identity.ends_with("keys/id"), "{}", identity.display());
    assert_eq!(read.known_hosts.as_deref(), Some(Path::new("/etc/known")));
    assert_eq!(read.password, Some(PasswordSource::Environment("DUT0_PASSWORD".to_owned())));
    let prompt = Prompts { operational: Some("R1>".to_owned()), configuration: None };
    assert_eq!(read.prompt, prompt);
    assert_eq!(read.keep, [vec!["interfaces", "ethernet", "eth0"], vec!["system", "a b"]]);
    assert_eq!(read.answer_within, Duration::from_secs(300));
    assert!(target("ssh: a@b, identity: ~/id").identity.unwrap().is_absolute());
    let home = std::env::home_dir().unwrap();
    assert_eq!(target("ssh: a@b, identity: ~/id").identity.unwrap(), home.join("id"));
}

#[test]
fn a_wrong_ssh_option_is_reported_at_its_place() {
    for (device, message, column) in [
        (
            "ssh: 198.51.100.7",
            "expected a user and a host, such as `admin@198.51.100.7`, found `198.51.100.7`",
            15,
        ),
        ("ssh: admin@h:22", "`h:22` is a host and a port", 15),
        (
            "ssh: a@b, interfaces: {eth0: 10.0.0.0/24}",
            "`interfaces` is for simulated devices, and this one is real",
            32,
        ),
        (
            "ssh: a@b, keyring: {x: y}",
            "`keyring` is for simulated devices, and this one is real",
            29,
        ),
        ("ssh: a@b, prot: 22", "unknown field `prot` in a device", 20),
        ("ssh: a@b, port: 0", "expected a port from 1 to 65535, found `0`", 26),
        ("ssh: a@b, password-file: x, password-env: Y", "a password comes from one place", 52),
        ("ssh: a@b, prompt: {operational: 'a('}", "not a regular expression: unclosed group", 44),
        ("ssh: a@b, prompt: {config: x}", "unknown field `config` in the prompts", 29),
        ("ssh: a@b, keep: [set system login]", "`set system login` begins with a verb", 27),
        ("ssh: a@b, keep: {}", "expected a text or a list of texts, found a map", 26),
        ("ssh: a@b, answer-within: 0s", "expected a duration longer than `0s`, found `0s`", 35),
        ("ssh: a@b, identity: ''", "expected the path of a file, found ``", 30),
    ] {
        let found = load(&lab(device)).unwrap_err();
        assert_eq!(found.len(), 1, "{device}: {found:?}");
        assert_eq!(found[0].message, message);
        let shown = found[0].to_string();
        assert!(shown.contains(&format!("lab.yaml:2:{column}")), "{message}: {shown}");
    }
}

#[test]
fn ssh_options_without_ssh_are_rejected() {
    let text = "devices:\n  DUT0: {interfaces: {eth0: 10.0.0.0/24}, port: 22}\nhosts:\n  a: {addresses: [10.0.0.1/24]}\n";
    assert_eq!(errors(text), ["`port` is for a device with `ssh`, which this one lacks"]);
}

#[test]
fn a_password_in_place_of_a_variable_name_is_not_shown() {
    let found = load(&lab("ssh: a@b, password-env: 'Tr0ub4dor&3'")).unwrap_err();
    let shown = found.iter().map(ToString::to_string).collect::<String>();
    assert!(shown.contains("expected the name of an environment variable"), "{shown}");
    assert!(!shown.contains("Tr0ub4dor"), "{shown}");
}
