//! Right and wrong lab files.

mod ssh;

use super::*;
use diagnostics::Location;

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
fn duplicate_addresses_and_overlapping_subnets_are_rejected() {
    let wrong = "hosts:\n  a: {addresses: [10.0.0.1/24]}\n  b: {addresses: [10.0.0.1/16]}\n";
    assert_eq!(
        errors(wrong),
        [
            "`10.0.0.1` is an address of host `a` already",
            "subnet `10.0.0.0/16` overlaps with `10.0.0.0/24` but differs from it",
        ]
    );
}

const SERVER: &str = r#"
devices:
  DUT0: {interfaces: {eth0: 10.215.168.0/24}}
hosts:
  gateway:
    addresses: [10.215.168.1/24]
    runs:
      program: [scepserver, -depot, "{{dir}}", -conf, "{{lab}}/scep.conf", -listen, "{{ address }}:8080"]
      prepare:
        - openssl req -subj '/CN=A B' -out {{dir}}/ca.pem
        - [touch, index.txt]
      ready: {port: 8080, output: "listening on .*8080$", within: 5s}
      env: {SCEP_LOG_DEBUG: "true"}
      secrets: {SCEP_CHALLENGE_PASSWORD: hunter2}
      package: scep
"#;

#[test]
fn host_with_a_program_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("lab.yaml");
    std::fs::write(&path, SERVER).unwrap();
    let lab = Lab::load(&path).unwrap();

    assert_eq!(lab.pki_names(), ["gateway"]);
    let program = lab.programs().next().unwrap().1;
    assert_eq!(program.command[2], "{{dir}}");
    assert_eq!(program.command[4], format!("{}/scep.conf", folder.path().display()));
    assert_eq!(program.command[6], "10.215.168.1:8080");
    assert_eq!(program.prepare[0][3], "/CN=A B");
    assert_eq!(program.prepare[1], ["touch", "index.txt"]);
    assert_eq!((program.ready.port, program.ready.within.as_secs()), (Some(8080), 5));
    assert_eq!(program.secrets["SCEP_CHALLENGE_PASSWORD"].expose(), "hunter2");
    assert!(!format!("{lab:?}").contains("hunter2"));
}

#[test]
fn all_mistakes_about_a_program_are_reported_at_once() {
    let wrong = SERVER
        .replace("{{dir}}\"", "{{dri}}\"")
        .replace("'/CN=A B'", "'/CN=A B")
        .replace("listening on .*", "(listening on .*")
        .replace("{SCEP_LOG_DEBUG: \"true\"}", "{SCEP_CHALLENGE_PASSWORD: x, A-B: y}")
        .replace("[touch, index.txt]", "[]")
        .replace("package: scep", "package: ../scep")
        .replace("within: 5s", "within: 5");
    assert_eq!(
        errors(&wrong),
        [
            "unknown placeholder `{{dri}}`",
            "a quote is left open, or a backslash ends the command",
            "a command begins with the name of a program",
            "not a regular expression: unclosed group",
            "expected a duration with its unit, such as `500ms`, `2s` or `1m`, found `5`",
            "`SCEP_CHALLENGE_PASSWORD` is one of `secrets` already",
            "`A-B` cannot be the name of an environment variable",
            "expected the name of a Debian package, found `../scep`",
        ]
    );
}

#[test]
fn a_program_needs_ready_an_address_and_a_unique_name() {
    let ready = SERVER.replace("port: 8080, output: \"listening on .*8080$\", ", "");
    assert_eq!(errors(&ready), ["`ready` is `{port: …}`, `{output: REGEX}` or both"]);
    let none = SERVER.replace("      ready:", "      raedy:");
    let lacking = load(&none).unwrap_err().remove(0);
    assert_eq!(
        (lacking.message.as_str(), lacking.notes.as_slice()),
        (
            "`runs` lacks the field `ready`, which says how to see that it serves",
            ["`ready` is `{port: …}`, `{output: REGEX}` or both".to_owned()].as_slice()
        )
    );
    let nowhere = SERVER.replace("[10.215.168.1/24]", "[]");
    assert_eq!(errors(&nowhere), ["the host has no address for `{{address}}`"]);
    let twice = format!("{SERVER}pki: {{gateway: {{personality: linux}}}}\n");
    assert_eq!(
        errors(&twice),
        [
            "`gateway` runs a program, and is the name of a PKI as well",
            "no host runs the PKI `gateway`",
        ]
    );
}

const IMAGE: &str = r#"
devices: {DUT0: {interfaces: {eth0: 10.215.168.0/24}}}
hosts:
  gateway:
    addresses: [10.215.168.1/24]
    runs:
      image: registry.example:5000/micromdm/scep:2.3
      entrypoint: sh
      command: [-c, "exec scepserver -listen {{address}}:8080"]
      ready: {port: 8080, within: 30s}
      env: {SCEP_LOG_DEBUG: "true"}
      secrets: {SCEP_CHALLENGE_PASSWORD: hunter2}
"#;

#[test]
fn host_with_an_image_is_read() {
    let lab = load(IMAGE).unwrap();
    assert_eq!(lab.pki_names(), ["gateway"]);
    let image = lab.images().next().unwrap().1;
    assert_eq!(image.name, "registry.example:5000/micromdm/scep:2.3");
    assert_eq!(image.entrypoint.as_deref(), Some("sh"));
    assert_eq!(image.command, ["-c", "exec scepserver -listen 10.215.168.1:8080"]);
    assert_eq!((image.ready.port, image.ready.within.as_secs()), (Some(8080), 30));
    assert_eq!(image.environment["SCEP_LOG_DEBUG"], "true");
    assert_eq!(image.secrets["SCEP_CHALLENGE_PASSWORD"].expose(), "hunter2");
    assert!(!format!("{lab:?}").contains("hunter2"));
    let words = IMAGE.replace("[-c, \"exec scepserver -listen {{address}}:8080\"]", "serve 'a b'");
    assert_eq!(load(&words).unwrap().images().next().unwrap().1.command, ["serve", "a b"]);
    let bare = IMAGE.replace("      entrypoint: sh\n", "");
    assert_eq!(load(&bare).unwrap().images().next().unwrap().1.entrypoint, None);
}

#[test]
fn all_mistakes_about_an_image_are_reported_at_once() {
    let wrong = IMAGE
        .replace("micromdm/scep:2.3", "Micro/SCEP:2.3")
        .replace("entrypoint: sh", "entrypoint: '{{lab}}/sh'")
        .replace("{{address}}", "{{dir}}")
        .replace("within: 30s", "within: soon")
        .replace("{SCEP_LOG_DEBUG: \"true\"}", "{SCEP_CHALLENGE_PASSWORD: x}")
        .replace("      secrets", "      program: scepserver\n      secrets");
    let image = "registry.example:5000/Micro/SCEP:2.3";
    assert_eq!(
        errors(&wrong),
        [
            format!(
                "expected the name of an image, such as `micromdm/scep:latest`, found `{image}`"
            ),
            "unknown placeholder `{{lab}}`".to_owned(),
            "unknown placeholder `{{dir}}`".to_owned(),
            "expected a duration with its unit, such as `500ms`, `2s` or `1m`, found `soon`"
                .to_owned(),
            "`SCEP_CHALLENGE_PASSWORD` is one of `secrets` already".to_owned(),
            "unknown field `program` in an image that a host runs".to_owned(),
        ]
    );
    for name in ["''", "/scep", "scep:", "-scep", "a b", "scep;rm", "a//b", "[]"] {
        let wrong = IMAGE.replace("registry.example:5000/micromdm/scep:2.3", name);
        assert_eq!(errors(&wrong).len(), 1, "{name}: {:?}", errors(&wrong));
    }
    let never = IMAGE.replace("      ready: {port: 8080, within: 30s}\n", "");
    let lacking = "`runs` lacks the field `ready`, which says how to see that it serves";
    assert_eq!(errors(&never), [lacking]);
    let twice = format!("{IMAGE}pki: {{gateway: {{personality: linux}}}}\n");
    assert_eq!(errors(&twice)[0], "`gateway` runs an image, and is the name of a PKI as well");
    let far = IMAGE.replace("10.215.168.1/24", "10.9.0.1/24").replace("{{address}}", "x");
    assert!(errors(&far).iter().any(|error| error == "no device can reach the PKI `gateway`"));
}

#[test]
fn routes_that_lead_nowhere_are_rejected() {
    let wrong = DOCUMENTED
        .replace(
            "{192.168.212.0/22: 10.0.12.2}",
            "{192.168.212.0/22: 10.0.12.3, 10.9.0.0/16: 10.0.12.2, 10.9.1.2/16: 10.0.12.2}",
        )
        .replace("10.0.12.1/30]", "10.0.12.1/29]")
        .replace("10.0.12.2/30", "10.0.12.2/29")
        .replace("192.168.212.1/22], forwards: true", "192.168.212.1/22]");
    assert_eq!(
        errors(&wrong),
        [
            "next hop `10.0.12.3` is no host's address",
            "next hop `10.0.12.2` is host `core`, which does not forward",
            "`10.9.1.2/16` is an address; a route leads to a subnet",
            "next hop `10.0.12.2` is host `core`, which does not forward",
            "there is a route to `10.9.0.0/16` already",
            "next hop `192.168.212.1` is host `core`, which does not forward",
            "no device can reach the PKI `windows-pki`",
        ]
    );
}

#[test]
fn addresses_names_and_routes_that_a_kernel_refuses_are_rejected() {
    let wrong = "devices:
  LocalHost: {interfaces: {eth0: 224.1.0.0/24}}
hosts:
  localhost: {addresses: [224.1.0.1/24, 127.0.0.2/8, 255.255.255.255/32]}
  a: {addresses: [10.0.0.1/24], routes: {10.0.0.0/24: 10.0.0.2, 10.8.0.0/16: 10.0.0.255}}
  b: {addresses: [10.0.0.2/24], forwards: true, routes: {10.7.0.0/16: 10.0.0.0}}
";
    let shown = |error: Diagnostic| match error.location {
        Location::Excerpt(excerpt) => {
            let place = excerpt.text.chars().skip(excerpt.indent).take(excerpt.width);
            format!("{}: {}", place.collect::<String>(), error.message)
        }
        other => panic!("{other:?}"),
    };
    let found: Vec<String> = load(wrong).unwrap_err().into_iter().map(shown).collect();
    assert_eq!(
        found,
        [
            "LocalHost: `LocalHost` is reserved: it means the host itself",
            "224.1.0.0/24: `224.1.0.0/24` cannot be the address of a host",
            "localhost: `localhost` is reserved: it means the host itself",
            "localhost: `localhost` is the name of a device already",
            "224.1.0.1/24: `224.1.0.1/24` cannot be the address of a host",
            "127.0.0.2/8: `127.0.0.2/8` cannot be the address of a host",
            "255.255.255.255/32: `255.255.255.255/32` cannot be the address of a host",
            "10.0.0.0/24: the host is in `10.0.0.0/24` itself",
            "10.0.0.255: next hop `10.0.0.255` is the subnet's own or its broadcast address",
            "10.0.0.0: next hop `10.0.0.0` is the subnet's own or its broadcast address",
        ]
    );
}

#[test]
fn a_pki_without_a_route_there_and_back_is_unreachable() {
    let unreachable = ["no device can reach the PKI `windows-pki`"];
    for (given, instead) in [
        (", routes: {192.168.212.0/22: 10.0.12.2}", ""),
        (", routes: {10.215.168.0/24: 10.0.12.1}", ""),
        (", routes: {default: 192.168.212.1}", ""),
        (", routes: {192.168.212.0/22: 10.0.12.2}", ", routes: {10.9.0.0/16: 10.0.12.2}"),
    ] {
        assert_eq!(errors(&DOCUMENTED.replace(given, instead)), unreachable, "{given}");
    }
    let deaf = DOCUMENTED.replace("10.0.12.1/30], forwards: true", "10.0.12.1/30]");
    assert!(errors(&deaf).contains(&unreachable[0].to_owned()));
}

#[test]
fn mistakes_about_a_program_do_not_show_its_secrets() {
    let wrong = SERVER.replace("secrets: {", "secret: {");
    let map = SERVER.replace("hunter2", "[hunter2, {hunter2: hunter2}]");
    let broken = SERVER.replace("hunter2}", "hunter2");
    let variable = SERVER.replace("secrets: {SCEP_", "secrets: {9SCEP-");
    for text in [wrong, map, broken, variable] {
        for error in load(&text).unwrap_err() {
            assert!(!error.to_string().contains("hunter2"), "{error}");
        }
    }
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
