//! Runs with a device over SSH and PKIs by URL: the login shell of a real OpenSSH server is the simulated device.

use std::path::Path;
use std::process::Stdio;

use crate::support::rig::Rig;
use crate::support::rig::files::{ADMIN, ADMIN_PASSWORD, PASSWORD, USER};
use crate::support::rig::topology::{LINUX_CONTROL, WINDOWS_CONTROL};
use crate::support::sceplab::{self, Ended, Running, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    let named = trials![
        needs;
        documented_scenarios_pass_and_the_configuration_is_restored,
        one_time_passwords_of_mscep_admin_reach_the_device,
        keep_config_leaves_the_configuration,
        failure_shows_the_output_and_restores_the_configuration,
        ctrl_c_restores_the_configuration_and_reports_it,
        unreachable_device_is_reported_before_any_scenario,
        scenario_that_needs_a_control_port_is_skipped,
        certificates_issued_before_a_scenario_are_not_counted,
        wrong_control_port_is_reported,
        lab_replaces_only_the_lab_it_stands_in_for,
        second_ctrl_c_shows_where_the_configuration_is_saved,
    ];
    // Each file is a trial of its own, because most of its time is spent waiting for logins and prompts.
    let files = std::fs::read_dir(workspace().join("scenarios/scep")).unwrap();
    let each = files.map(|entry| {
        let file = entry.unwrap().path();
        let stem = file.file_stem().unwrap().display();
        let name = format!("{}::scenario_passes_over_ssh::{stem}", module_path!());
        Planned::new(&name, needs, move || scenario_passes_over_ssh(&file))
    });
    named.into_iter().chain(each).collect()
}

/// The PKIs of the documented labs.
const PKIS: [&str; 2] = ["linux-pki", "windows-pki"];

/// Writes a lab file with the rig's device and these PKIs. The login is by the rig's key, or by the lab file's words `by`.
fn lab(rig: &Rig, by: Option<&str>, pkis: &[&str]) -> String {
    let by_key = format!("identity: {}", rig.identity().display());
    let (host, port, known_hosts) = (rig.host(), rig.port(), rig.known_hosts());
    let known_hosts = known_hosts.display();
    let by = by.unwrap_or(&by_key);
    let mut text = format!(
        "devices:\n  DUT0: {{ssh: {USER}@{host}, port: {port}, known-hosts: {known_hosts}, {by}, \
         keep: interfaces ethernet mgmt0}}\npki:\n"
    );
    if pkis.contains(&"linux-pki") {
        text += "  linux-pki: {url: http://10.215.168.1:8080/scep, challenge: {static: scep-challenge}}\n";
    }
    if pkis.contains(&"windows-pki") {
        let scep = "http://192.168.213.25/CertSrv/mscep/mscep.dll/pkiclient.exe";
        let page = "http://192.168.213.25/CertSrv/mscep_admin/";
        let file = rig.admin_password_file();
        let admin = format!("{{url: '{page}', user: {ADMIN}, password-file: {}}}", file.display());
        text.extend(["  windows-pki:\n    url: ", scep, "\n    ndes-admin: ", &admin, "\n"]);
    }
    if let [only] = pkis {
        text.extend(["stands-in-for: ", only, ".yaml\n"]);
    }
    let path = rig.folder().join("live.yaml");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[track_caller]
fn run(rig: &Rig, arguments: &[&str]) -> Ended {
    let mut command = rig.command("sceplab");
    command.args([&["run", "--driver", "live"], arguments].concat());
    command.current_dir(workspace()).stdin(Stdio::null());
    // The folder for saved configurations.
    command.env("XDG_STATE_HOME", rig.folder().join("state"));
    let ended = sceplab::finish(command);
    ended.assert_orderly();
    for secret in [PASSWORD, ADMIN_PASSWORD] {
        assert!(!ended.transcript().contains(secret), "{}", ended.transcript());
    }
    ended
}

/// The configuration of the device, as `set` lines.
#[track_caller]
fn configuration(rig: &Rig) -> Vec<String> {
    let shown = rig.on_device("show running");
    let lines = shown.stdout.lines().filter(|line| line.starts_with("set "));
    lines.map(str::to_owned).collect()
}

/// Gives the device a configuration of its own, and returns it.
#[track_caller]
fn own_configuration(rig: &Rig) -> Vec<String> {
    rig.on_device(
        "configure\nset interfaces ethernet eth0 address 10.215.168.99/24\nset system login user admin authentication \
         encrypted-password '$6$own$hash'\ncommit\nexit",
    );
    let own = configuration(rig);
    assert!(own.iter().any(|line| line.contains("10.215.168.99/24")), "{own:?}");
    own
}

fn documented_scenarios_pass_and_the_configuration_is_restored() {
    let rig = Rig::start();
    let own = own_configuration(&rig);
    let lab = lab(&rig, None, &PKIS);
    let documented = ["scenarios/scep/linux-pki.yaml", "scenarios/scep/windows-pki.yaml"];
    let ended = run(&rig, &[&documented[..], &["--lab", &lab, "--yes"]].concat());
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    let filters = vec![(r"\d+\.\d\d s", "[time]")];
    insta::with_settings!({ filters => filters }, {
        insta::assert_snapshot!("documented", ended.transcript());
    });
    assert!(ended.stdout.contains("2 passed"), "{}", ended.stdout);
    assert_eq!(configuration(&rig), own);
}

fn one_time_passwords_of_mscep_admin_reach_the_device() {
    let rig = Rig::start();
    let lab = lab(&rig, None, &["windows-pki"]);
    let scenario = "scenarios/scep/windows-one-time-password.yaml";
    let ended = run(&rig, &[scenario, "--lab", &lab, "--yes", "-v"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("CSR password {{challenge}}"), "{}", ended.stdout);
}

fn keep_config_leaves_the_configuration() {
    let rig = Rig::start();
    own_configuration(&rig);
    let lab = lab(&rig, None, &PKIS);
    let scenario = "scenarios/scep/linux-pki.yaml";
    let ended = run(&rig, &[scenario, "--lab", &lab, "--yes", "--keep-config"]);
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("and the last one's stays"), "{}", ended.stderr);
    let kept = configuration(&rig);
    assert!(kept.iter().any(|line| line.contains("scep csr CSR cgi-path /scep")), "{kept:?}");
}

fn failure_shows_the_output_and_restores_the_configuration() {
    let mut rig = Rig::start();
    let own = own_configuration(&rig);
    let password = format!("password-file: {}", rig.password_file().display());
    let lab = lab(&rig, Some(&password), &PKIS);
    // New PKIs, because a PKI issues only once to a subject.
    rig.fresh_pkis();
    let scenario = rig.folder().join("failing.yaml");
    let text = std::fs::read_to_string(workspace().join("scenarios/scep/linux-pki.yaml")).unwrap();
    let text = text.replace(r"usercert\s+Valid", r"usercert\s+Golden\n      within: 0s");
    std::fs::write(&scenario, text.replace("\\n", "\n")).unwrap();
    let ended = run(&rig, &[scenario.to_str().unwrap(), "--lab", &lab, "--yes"]);
    assert_eq!(ended.code, Some(4), "{}\n{}", ended.stdout, ended.stderr);
    assert!(ended.stdout.contains("DUT0$ pki scep show CSR"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("= linux-pki: http://10.215.168.1:8080/scep"),
        "{}",
        ended.stdout
    );
    assert_eq!(configuration(&rig), own);
}

/// A scenario that waits for an output that never comes.
const ENDLESS: &str = "title: T\nlab: unused\nsteps:\n  - configure:\n      set: |\n        set interfaces ethernet eth0 address \
                       10.215.168.64/24\n  - ping: {address: 10.215.168.1}\n  - run:\n      command: show date\n      \
                       contains: never\n      within: 100s\n";

/// Starts the scenario, and waits until the device has its configuration.
#[track_caller]
fn endless(rig: &Rig, lab: &str) -> Running {
    let scenario = rig.folder().join("endless.yaml");
    std::fs::write(&scenario, ENDLESS).unwrap();
    let mut command = rig.command("sceplab");
    command.args(["run", scenario.to_str().unwrap(), "--driver", "live", "--yes", "--lab", lab]);
    command.current_dir(workspace()).stdin(Stdio::null());
    command.env("XDG_STATE_HOME", rig.folder().join("state"));
    let running = Running::start(command);
    sceplab::wait_until("the device is configured", || {
        configuration(rig).iter().any(|line| line.contains("10.215.168.64/24"))
    });
    running
}

fn ctrl_c_restores_the_configuration_and_reports_it() {
    let rig = Rig::start();
    let own = own_configuration(&rig);
    let lab = lab(&rig, None, &PKIS);
    let mut running = endless(&rig, &lab);
    running.signal("INT");
    let status = running.wait();
    let told = running.rest_of_stderr();
    assert_eq!(status.code(), Some(130), "{told}");
    for part in [
        "stopping: the configuration of device `DUT0` (`admin@198.51.100.7`) is put back",
        "the configuration of device `DUT0` (`admin@198.51.100.7`) was put back",
    ] {
        assert!(told.contains(part), "{told}");
    }
    assert_eq!(configuration(&rig), own);
}

fn unreachable_device_is_reported_before_any_scenario() {
    let mut rig = Rig::start();
    rig.stop_sshd();
    let lab = lab(&rig, None, &PKIS);
    let ended = run(&rig, &["scenarios/scep/linux-pki.yaml", "--lab", &lab, "--yes"]);
    assert_eq!(ended.code, Some(3), "{}\n{}", ended.stdout, ended.stderr);
    assert_eq!(ended.stdout, "");
    assert!(ended.stderr.contains("error: device `DUT0`: "), "{}", ended.stderr);
}

/// The labs of the scenario files: name, PKI, and the arguments that make the rig's Linux PKI behave like it.
const LABS: [(&str, &str, &[&str]); 5] = [
    ("linux-pki", "linux-pki", &[]),
    ("linux-get", "linux-pki", &["--capabilities", "Renewal,SHA-1,DES3"]),
    ("linux-renewal", "linux-pki", &["--allow-duplicate-names"]),
    ("linux-manual-approval", "linux-pki", &["--approval", "manual"]),
    ("windows-pki", "windows-pki", &[]),
];

/// Writes the lab file for scenarios of that lab, with or without the PKI's control port.
fn for_lab(rig: &Rig, name: &str, pki: &str, has_control: bool) -> String {
    let lab = lab(rig, None, &[pki]);
    let text = std::fs::read_to_string(&lab).unwrap();
    let text =
        text.replace(&format!("stands-in-for: {pki}.yaml"), &format!("stands-in-for: {name}.yaml"));
    let port = if pki == "linux-pki" { LINUX_CONTROL } else { WINDOWS_CONTROL };
    let control = format!("control: 'http://127.0.0.1:{port}'");
    let text = match has_control {
        false => text,
        true if pki == "linux-pki" => text.replace("{url: ", &format!("{{{control}, url: ")),
        true => text.replace("    url: ", &format!("    {control}\n    url: ")),
    };
    std::fs::write(&lab, text).unwrap();
    lab
}

fn scenario_passes_over_ssh(file: &Path) {
    let mut rig = Rig::start();
    let text = std::fs::read_to_string(file).unwrap();
    let its = |(lab, ..): &&(&str, _, _)| text.contains(&format!("lab: ../labs/{lab}.yaml"));
    let (name, pki, arguments) = LABS.iter().find(its).unwrap_or_else(|| panic!("{text}"));
    let lab = for_lab(&rig, name, pki, true);
    rig.fresh_linux_pki(arguments);
    let ended = run(&rig, &[file.to_str().unwrap(), "--lab", &lab, "--yes"]);
    let told = format!("{}: {}\n{}", file.display(), ended.stdout, ended.stderr);
    assert_eq!(ended.code, Some(0), "{told}");
    assert!(ended.stdout.contains("1 passed"), "{told}");
}

fn scenario_that_needs_a_control_port_is_skipped() {
    let mut rig = Rig::start();
    let lab = for_lab(&rig, "linux-manual-approval", "linux-pki", false);
    rig.fresh_linux_pki(&["--approval", "manual"]);
    for (name, what) in [
        ("pending-then-approved", "listing issued certificates"),
        ("pending-then-denied", "denying requests"),
    ] {
        let file = format!("scenarios/scep/{name}.yaml");
        let ended = run(&rig, &[&file, "--lab", &lab, "--yes"]);
        let reason = format!("the PKI does not support {what} by its URL alone, without `control`");
        assert!(ended.stdout.contains("1 skipped"), "{}", ended.stdout);
        assert!(ended.stdout.contains(&reason), "{}", ended.stdout);
    }
}

fn certificates_issued_before_a_scenario_are_not_counted() {
    let mut rig = Rig::start();
    let lab = for_lab(&rig, "linux-manual-approval", "linux-pki", true);
    rig.fresh_linux_pki(&["--approval", "manual", "--allow-duplicate-names"]);
    for _ in 0..2 {
        let scenario = "scenarios/scep/pending-then-approved.yaml";
        let ended = run(&rig, &[scenario, "--lab", &lab, "--yes"]);
        assert!(ended.stdout.contains("1 passed"), "{}\n{}", ended.stdout, ended.stderr);
    }
}

fn wrong_control_port_is_reported() {
    let rig = Rig::start();
    let lab = for_lab(&rig, "linux-pki", "linux-pki", true);
    let scenario = "scenarios/scep/linux-pki.yaml";
    for (wrong, told) in [
        ("http://127.0.0.1:9", "its control port at http://127.0.0.1:9: "),
        ("http://10.215.168.1:8080", "`/issued` is answered HTTP 404"),
        ("10.215.168.1:8080", "give the address that `sceplab serve --control` listens on"),
    ] {
        let text = std::fs::read_to_string(&lab).unwrap();
        let own = format!("'http://127.0.0.1:{LINUX_CONTROL}'");
        assert!(text.contains(&own), "{text}");
        let path = rig.folder().join("wrong.yaml");
        std::fs::write(&path, text.replace(&own, &format!("'{wrong}'"))).unwrap();
        let ended = run(&rig, &[scenario, "--lab", path.to_str().unwrap(), "--yes"]);
        assert!(matches!(ended.code, Some(2 | 3)), "{}", ended.transcript());
        assert!(ended.transcript().contains(told), "{}", ended.transcript());
    }
}

fn lab_replaces_only_the_lab_it_stands_in_for() {
    let rig = Rig::start();
    let lab = lab(&rig, None, &["windows-pki"]);
    let ended = run(&rig, &["scenarios/scep/linux-pki.yaml", "--lab", &lab, "--yes"]);
    let reason = "its lab is `linux-pki.yaml`, and the lab given stands in for";
    assert!(ended.stdout.contains(reason), "{}", ended.stdout);
}

fn second_ctrl_c_shows_where_the_configuration_is_saved() {
    let rig = Rig::start();
    own_configuration(&rig);
    let lab = lab(&rig, None, &PKIS);
    let mut running = endless(&rig, &lab);
    // From here on, the device does not answer.
    rig.freeze_device();
    running.signal("INT");
    running.stderr_line(|line| line.starts_with("stopping: ").then_some(()));
    running.signal("INT");
    let status = running.wait();
    let told = running.rest_of_stderr();
    assert_eq!(status.code(), Some(130), "{told}");
    let warned = told.lines().find(|line| line.starts_with("warning: the configuration of device"));
    let warned = warned.unwrap_or_else(|| panic!("{told}"));
    assert!(warned.contains("`DUT0` (`admin@198.51.100.7`) was not put back"), "{warned}");
    let file = warned.rsplit('`').nth(1).unwrap();
    let saved = std::fs::read_to_string(file).unwrap();
    assert!(saved.contains("address 10.215.168.99/24"), "{saved}");
}
