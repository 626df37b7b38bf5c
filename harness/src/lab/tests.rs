//! Lab files, right and wrong.

use super::*;

const DOCUMENTED: &str = r#"
devices:
  DUT0:
    interfaces: {eth0: 10.215.168.0/24}
    keyring:
      U2FsdGVkX1/cpKs60: 8CE317021F6900691ED0DD50F7459D6E
hosts:
  gateway: {addresses: [10.215.168.1/24, 10.0.12.1/30], forwards: true, routes: {192.168.212.0/22: 10.0.12.2}}
  core:    {addresses: [10.0.12.2/30, 192.168.212.1/22], forwards: true, routes: {10.215.168.0/24: 10.0.12.1}}
  windows: {addresses: [192.168.213.25/22], routes: {default: 192.168.212.1}, ttl: 128, runs: windows-pki}
pki:
  windows-pki:
    personality: ndes
    ca: {subject: "DC=com, DC=scep, CN=scep-TELDATPKI-CA"}
    challenge: {one-time: [8CE317021F6900691ED0DD50F7459D6E]}
"#;

fn load(text: &str) -> Result<Lab, Vec<Diagnostic>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.yaml");
    std::fs::write(&path, text).unwrap();
    Lab::load(&path)
}

fn errors(text: &str) -> Vec<String> {
    load(text).unwrap_err().into_iter().map(|error| error.message).collect()
}

#[test]
fn the_documented_lab_is_read() {
    let lab = load(DOCUMENTED).unwrap();
    let windows = &lab.hosts["windows"];
    assert_eq!((windows.ttl, windows.runs.as_deref()), (128, Some("windows-pki")));
    assert_eq!(windows.routes[0].destination, Ipv4Net::default());
    let pki = &lab.pkis["windows-pki"];
    assert_eq!(pki.personality, Personality::Ndes);
    let Challenge::OneTime(passwords) = &pki.challenge else { panic!("{:?}", pki.challenge) };
    assert_eq!(passwords[0].expose(), "8CE317021F6900691ED0DD50F7459D6E");
    assert!(!format!("{lab:?}").contains("8CE3"));
}

#[test]
fn every_wrong_reference_is_found_at_once() {
    let wrong = DOCUMENTED
        .replace("runs: windows-pki", "runs: windows-pky")
        .replace("{default: 192.168.212.1}", "{default: 192.168.1.1}")
        .replace("eth0: 10.215.168.0/24", "eth0: 10.215.169.0/24");
    assert_eq!(
        errors(&wrong),
        [
            "interface `eth0` is plugged into an empty subnet",
            "next hop `192.168.1.1` is on none of the host's links",
            "unknown PKI `windows-pky`",
            "no host runs the PKI `windows-pki`",
        ]
    );
}

#[test]
fn wrong_values_say_what_was_expected_and_found() {
    let wrong = DOCUMENTED
        .replace("personality: ndes", "personality: nds")
        .replace("ttl: 128", "ttl: 256")
        .replace("10.0.12.1/30]", "10.0.12.1]")
        .replace("forwards: true, routes: {10.", "forward: yes, routes: {10.")
        .replace("DC=com, DC=scep", "DC=com, scep");
    assert_eq!(
        errors(&wrong),
        [
            "expected an address with its prefix length, such as `10.0.0.1/24`, found `10.0.12.1`",
            "unknown field `forward` in a host",
            "expected a TTL from 1 to 255, found `256`",
            "unknown personality `nds`",
            "not a name: `scep` is not of the form `TYPE=value`",
        ]
    );
}

#[test]
fn two_hosts_cannot_have_one_address_nor_two_lengths_for_one_subnet() {
    let wrong = "hosts:\n  a: {addresses: [10.0.0.1/24]}\n  b: {addresses: [10.0.0.1/16]}\n";
    assert_eq!(
        errors(wrong),
        [
            "`10.0.0.1` is an address of host `a` already",
            "subnet `10.0.0.0/16` overlaps with `10.0.0.0/24` but is another one",
        ]
    );
}

#[test]
fn a_wrong_file_does_not_give_its_secrets_away() {
    let wrong = DOCUMENTED.replace("{one-time: [", "{one-tine: [");
    let broken =
        DOCUMENTED.replace("{one-time: [8CE317021F6900691ED0DD50F7459D6E]}", "{one-time: [8CE3");
    for text in [wrong, broken] {
        for error in load(&text).unwrap_err() {
            assert!(!error.to_string().contains("8CE3"), "{error}");
        }
    }
}
