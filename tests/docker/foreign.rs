//! Images of other projects as PKIs: some serve, some misbehave.

use driver_docker::node_image::NodeImages;
use testbed::LabOptions;

use super::image::{self, Image};
use super::scenario::{Docker, Scenario};
use crate::support::sceplab::{command, finish, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let of_images = image::needs();
    let of_images: Vec<&Need> = needs.iter().copied().chain(&of_images).collect();
    let scepserver = Need::program("scepserver", "scepserver", "scep");
    let openssl = Need::program("openssl", "openssl", "openssl");
    let mut all = trials![
        needs;
        unavailable_image_is_reported_with_the_pull_command,
        own_image_enrols_the_documented_device,
    ];
    all.extend(trials![&of_images; misbehaving_container_is_reported_with_its_last_output]);
    all.extend(trials![
        &[&of_images[..], &[&scepserver, &openssl]].concat();
        scepserver_in_a_container_enrols_the_documented_device,
    ]);
    all
}

/// A scenario whose PKI is a script in a container.
fn scripted(image: &str, script: &str, ready: &str) -> String {
    format!(
        "title: Scripted
lab:
  devices: {{DUT0: {{interfaces: {{eth0: 10.0.0.0/24}}}}}}
  hosts:
    gateway:
      addresses: [10.0.0.1/24]
      runs:
        image: {image}
        entrypoint: sh
        command: [-c, '{script}']
        ready: {ready}
        env: {{GREETING: '{{{{address}}}}'}}
        secrets: {{PASSWORD: hunter2222}}
steps:
  - configure: {{set: 'set interfaces ethernet eth0 address 10.0.0.64/24'}}
  - ping: {{address: 10.0.0.1, within: 10s}}
"
    )
}

/// Runs a scenario whose lab breaks, and checks its error report.
#[track_caller]
fn broken(docker: &Docker, scenario: &str, told: &[&str]) {
    let ended = Scenario::new("foreign", scenario).run(docker, &[]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    for part in told {
        assert!(ended.stdout.contains(part), "`{part}` is not in\n{}", ended.stdout);
    }
    assert!(!ended.transcript().contains("hunter2222"), "{}", ended.transcript());
}

fn misbehaving_container_is_reported_with_its_last_output() {
    let docker = Docker::here();
    let image = Image::of("shell", &["sh", "sleep"]);
    let name = &image.name;
    let soon = "{port: 8080, within: 30s}";
    let fails = scripted(name, "echo no depot at $GREETING, $PASSWORD >&2; exit 7", soon);
    let told = ["its container ended (exit code 7)", "no depot at 10.0.0.1, ****", "not ready yet"];
    broken(&docker, &fails, &told);
    let never = "{port: 8080, within: 5s}";
    let sleeps = scripted(name, "echo waiting; sleep 1000", never);
    let told = ["was not ready within 5s: nothing listens at 10.0.0.1:8080", "waiting"];
    broken(&docker, &sleeps, &told);
    let silent = scripted(name, "sleep 1000", "{output: ^ready$, within: 500ms}");
    broken(&docker, &silent, &["no line of its output matches `^ready$`", "it wrote nothing"]);
    let dies = scripted(name, "echo ready; sleep 1; echo out of luck; exit 3", "{output: ^ready$}");
    let waits = dies.replace(
        "  - ping",
        "  - run: {command: show date, matches: [never], within: 60m}\n  - ping",
    );
    let told = ["pki `gateway`", "its container ended (exit code 3)", "out of luck"];
    broken(&docker, &waits, &told);
    let unknown = scripted(name, "exit", soon).replace("entrypoint: sh", "entrypoint: no-such");
    broken(&docker, &unknown, &["starting `sceplab-test-shell", "no-such"]);
    let serves = scripted(name, "echo ready; while :; do sleep 1000; done", "{output: ^ready$}");
    let ended = Scenario::new("foreign-serves", &serves).run(&docker, &[]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

fn unavailable_image_is_reported_with_the_pull_command() {
    let docker = Docker::here();
    // No server listens at that port of the engine's machine, so no registry is asked.
    let image = "127.0.0.1:9/no-such/image:1";
    let told = [
        "pki `gateway`: image `127.0.0.1:9/no-such/image:1` is not on this engine and cannot be pulled: ",
        "`docker pull 127.0.0.1:9/no-such/image:1` tries again",
    ];
    broken(&docker, &scripted(image, "exit", "{port: 8080}"), &told);
}

fn scepserver_in_a_container_enrols_the_documented_device() {
    let docker = Docker::here();
    let programs = ["sh", "openssl", "touch", "mkdir", "cat", "scepserver"];
    let image = Image::of("scepserver", &programs);
    let lab = lab("linux-scepserver.yaml");
    let name = lab.lines().skip_while(|line| !line.contains("[name]")).count();
    assert_eq!(name, 0, "the names are in a file of their own");
    let conf = std::fs::read_to_string(labs().join("linux-scepserver.cnf")).unwrap();
    let script = format!(
        "set -e
          mkdir -p /tmp/depot; cd /tmp/depot
          cat > ca.cnf <<'END'
          {}
          END
          openssl genrsa -traditional -aes128 -passout env:SCEP_CA_PASS -out ca.key 2048
          openssl req -new -x509 -sha256 -days 7300 -config ca.cnf -key ca.key -passin env:SCEP_CA_PASS -out ca.pem
          touch index.txt
          exec scepserver -depot /tmp/depot -port 8080
",
        conf.lines().collect::<Vec<_>>().join("\n          ")
    );
    let (head, _) = lab.split_once("      package: scep").unwrap();
    let lab = format!(
        "{head}      image: {}
      entrypoint: sh
      command:
        - -c
        - |
          {script}      ready: {{port: 8080}}
      secrets: {{SCEP_CA_PASS: good-for-one-lab, SCEP_CHALLENGE_PASSWORD: scep-challenge}}
",
        image.name
    );
    assert_documented_in(&docker, &lab);
}

fn own_image_enrols_the_documented_device() {
    let docker = Docker::here();
    let sceplab = Some(env!("CARGO_BIN_EXE_sceplab").into());
    let options = LabOptions { sceplab, ..LabOptions::default() };
    let own =
        docker.runtime.block_on(NodeImages::default().obtain(&docker.engine, &options)).unwrap();
    assert_documented_in(&docker, &lab("linux-sceplab-image.yaml").replace("sceplab:latest", &own));
}

fn labs() -> std::path::PathBuf {
    workspace().join("scenarios/labs")
}

fn lab(file: &str) -> String {
    std::fs::read_to_string(labs().join(file)).unwrap()
}

/// Fails unless the documented scenario passes in this lab.
#[track_caller]
fn assert_documented_in(docker: &Docker, lab: &str) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("lab.yaml");
    std::fs::write(&file, lab).unwrap();
    let lab = file.to_str().unwrap();
    let scenario = "scenarios/scep/linux-pki.yaml";
    // Without `--driver`, `run` chooses the driver that an image needs.
    let ended = finish(command(workspace(), &["run", scenario, "--lab", lab]));
    ended.assert_orderly();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    drop(docker.of_lab("scep/linux-pki"));
}
