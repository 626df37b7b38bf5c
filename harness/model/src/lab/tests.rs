//! Right and wrong lab files.

mod clocks;
mod network;
mod pkis;
mod programs;
mod size;
mod ssh;

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
    assert_eq!((windows.ttl, &windows.runs), (128, &Some(Runs::Pki("windows-pki".to_owned()))));
    assert_eq!(windows.routes[0].destination, Ipv4Net::default());
    let pki = &lab.pkis["windows-pki"];
    assert_eq!(pki.personality, PersonalityName::Ndes);
    let ChallengePolicy::OneTime { preset: passwords, .. } = &pki.challenge else {
        panic!("{:?}", pki.challenge)
    };
    assert_eq!(passwords[0].expose(), "8CE317021F6900691ED0DD50F7459D6E");
    assert!(!format!("{lab:?}").contains("8CE3"));
}

#[test]
fn title_and_replaced_lab_are_read() {
    let lab = load("title: A server\nstands-in-for: linux-pki.yaml\n").unwrap();
    assert_eq!(lab.title.as_deref(), Some("A server"));
    assert_eq!(lab.stands_in_for.as_deref(), Some("linux-pki.yaml"));
    assert_eq!(
        errors("stands-in-for: ../labs/linux-pki.yaml\n"),
        ["expected the name of a lab file in the same folder, such as `linux-pki.yaml`, found \
          `../labs/linux-pki.yaml`"]
    );
}

#[test]
fn all_wrong_references_are_reported_at_once() {
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
fn a_wrong_value_is_reported_with_what_was_expected() {
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
fn mistakes_in_a_lab_do_not_show_its_secrets() {
    let wrong = DOCUMENTED.replace("{one-time: [", "{one-tine: [");
    let broken =
        DOCUMENTED.replace("{one-time: [8CE317021F6900691ED0DD50F7459D6E]}", "{one-time: [8CE3");
    for text in [wrong, broken] {
        for error in load(&text).unwrap_err() {
            assert!(!error.to_string().contains("8CE3"), "{error}");
        }
    }
}

#[test]
fn other_word_for_the_life_of_passwords_is_refused_with_advice_and_shown() {
    let lab =
        DOCUMENTED.replace("6900691ED0DD50F7459D6E]}", "6900691ED0DD50F7459D6E], lifetime: 1s}");
    let found = load(&lab).unwrap_err();
    let shown = found[0].to_string();
    assert_eq!(found[0].message, "unknown field `lifetime` in a challenge", "{shown}");
    assert!(shown.contains("lifetime: 1s}") && !shown.contains("8CE3"), "{shown}");
    assert!(shown.contains("`valid-for` is the life of one-time passwords"), "{shown}");
}

#[test]
fn a_wrong_fault_is_reported_at_its_place() {
    let lab = |faults: &str| {
        format!(
            "hosts:\n  a: {{addresses: [10.0.0.1/24], runs: ca}}\npki:\n  ca:\n    \
             personality: linux\n    faults:\n{faults}"
        )
    };
    let right = "      - {on: PKIOperation, nth: 2, do: http-status 503}\n      \
                 - {on: GetCACaps, do: caps-none}\n";
    let read = load(&lab(right)).unwrap();
    let rules = ["on: PKIOperation, nth: 2, do: http-status 503", "on: GetCACaps, do: caps-none"]
        .map(|rule| rule.parse::<FaultRule>().unwrap());
    assert_eq!(read.pkis["ca"].faults, rules);

    for (fault, message, column) in [
        ("{on: PKIOperation, do: http-staus 503}", "unknown fault `http-staus`", 32),
        (
            "{on: PKIOperation, do: http-status}",
            "`http-status` takes a status from 200 to 599, not ``",
            32,
        ),
        (
            "{on: PKIOperation, do: caps-none}",
            "`caps-none` never happens on PKIOperation (it happens on GetCACaps)",
            32,
        ),
        (
            "{on: GetCACert, do: ra-expired}",
            "a `linux` PKI has no certificates for `ra-expired`",
            29,
        ),
        ("{on: Enrol, do: empty-body}", "unknown request `Enrol`", 14),
        (
            "{on: GetCACert, nth: 0, do: empty-body}",
            "expected a whole number, 1 or more, found `0`",
            30,
        ),
        ("{on: GetCACert}", "a fault lacks the field `do`", 9),
    ] {
        let found = load(&lab(&format!("      - {fault}\n"))).unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!(found[0].message, message);
        let shown = found[0].to_string();
        assert!(shown.contains(&format!("lab.yaml:7:{column}")), "{shown}");
    }
    let found = load(&lab("      - {on: PKIOperation, do: http-staus 503}\n")).unwrap_err();
    assert!(
        found[0].to_string().contains("^^^^^^^^^^ did you mean `http-status`?"),
        "{}",
        found[0]
    );
}

#[test]
fn only_the_rfc_personality_can_announce_get_next_ca_cert() {
    let lab = |personality: &str| {
        format!(
            "hosts:\n  a: {{addresses: [10.0.0.1/24], runs: ca}}\npki:\n  ca: {{personality: \
             {personality}, capabilities: [GetNextCACert]}}\n"
        )
    };
    assert_eq!(load(&lab("rfc8894")).unwrap().pkis["ca"].personality, PersonalityName::Rfc8894);
    assert_eq!(errors(&lab("linux")), ["unknown capability `GetNextCACert`"]);
}
