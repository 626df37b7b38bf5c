//! Hosts that run a program or an image.

use super::*;

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
