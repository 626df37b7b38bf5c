//! `sceplab conform` at servers on real ports.

use crate::suite::sceplab::{Ended, command, finish, run, workspace};
use crate::suite::serve::Server;

const PASSWORD: &str = "conform-s3cret-42";

/// Personality, options and SCEP path of each server.
const SERVERS: [(&str, &[&str], &str); 3] = [
    ("rfc8894", &["--single-password"], "/cgi-bin/pkiclient.exe"),
    ("linux", &[], "/scep"),
    ("ndes", &["--single-password"], "/certsrv/mscep/mscep.dll"),
];

fn start(personality: &str, options: &[&str]) -> Server {
    Server::start(&[&[personality, "--challenge", PASSWORD], options].concat())
}

fn conform(arguments: &[&str]) -> Ended {
    let mut command = command(workspace(), &[&["conform"], arguments].concat());
    command.env("SCEPLAB_CHALLENGE", PASSWORD);
    finish(command)
}

#[test]
fn each_personality_conforms_except_for_its_known_deviations() {
    for (personality, options, path) in SERVERS {
        let server = start(personality, options);
        let target = format!("scenarios/targets/{personality}.yaml");
        let mut arguments = vec!["--allow-disruptive", "--jobs", "8"];
        if workspace().join(&target).is_file() {
            arguments.extend(["--target", &target]);
        }
        let url = server.url(path);
        let ended = conform(&[&[url.as_str()], arguments.as_slice()].concat());
        assert_eq!(ended.code, Some(0), "{personality}: {}\n{}", ended.stdout, ended.stderr);
        assert!(!ended.stdout.contains("\ngone "), "{personality}: {}", ended.stdout);
        assert!(!ended.transcript().contains(PASSWORD), "{personality}: the password is shown");
    }
}

#[test]
fn refusals_prove_nothing_if_the_server_grants_nothing() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let mut command = command(workspace(), &["conform", &url]);
    command.env("SCEPLAB_CHALLENGE", "another-password");
    let ended = finish(command);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    let failed: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("FAIL ")).collect();
    assert_eq!(failed, ["FAIL   R02 MUST   conformance/server/enrolment/pkcs-req"]);
    let refusal = ended.stdout.lines().find(|line| line.contains("message/corrupt-signature"));
    assert!(refusal.unwrap().contains("nothing is proved"), "{refusal:?}");
    assert!(!ended.transcript().contains("another-password"));
}

#[test]
fn url_without_scep_is_reported_at_once() {
    let server = start("linux", &[]);
    let ended = conform(&[&server.url("/nowhere")]);
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("is not a SCEP service: GetCACaps was answered HTTP 404"),
        "{}",
        ended.stderr
    );
}

#[test]
fn certificates_that_may_have_been_issued_are_listed() {
    let fault = ["--fault", "on: PKIOperation, do: close-connection"];
    let server = start("rfc8894", &[["--single-password"].as_slice(), &fault].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ended = conform(&[&url, "--case", "certificate/key"]);
    assert!(
        ended.stdout.contains("(no answer: may have been issued)  CN = sceplab-"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.code, Some(5), "nothing was found out: {}", ended.stdout);
}

#[test]
fn certificate_budget_is_kept_and_issued_certificates_are_listed() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let ended = conform(&[&url, "--max-certificates", "3", "--case", "attributes"]);
    let listed = ended.stdout.lines().filter(|line| line.contains("  CN = sceplab-")).count();
    assert!((1..=3).contains(&listed), "{}", ended.stdout);
    assert!(ended.stdout.contains("the budget of certificates is used up"), "{}", ended.stdout);
    assert!(ended.stderr.contains("at most 3 certificates will be issued"), "{}", ended.stderr);
}

#[test]
fn dry_run_sends_nothing() {
    let ended = run(&["conform", "http://127.0.0.1:1/scep", "--dry-run", "--requirement", "R31"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let heading = "would be sent to http://127.0.0.1:1/scep:";
    assert!(ended.stdout.starts_with(heading), "{}", ended.stdout);
    let one = ["conform", "http://127.0.0.1:1/scep", "--dry-run", "--case", "enrolment/pkcs-req"];
    let cost = "1 case; at most 1 certificate will be issued and 1 challenge password used\n";
    let ended = run(&one);
    assert!(ended.stdout.ends_with(cost), "{}", ended.stdout);
}

#[test]
fn verbose_output_shows_each_exchange_once() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let case = [&url, "--case", "algorithms/des", "-v"];
    let exchanges = |ended: &Ended| ended.stdout.matches("transaction-id: returned").count();
    let failed = conform(&case);
    assert_eq!((failed.code, exchanges(&failed)), (Some(4), 1), "{}", failed.stdout);
    let target = ["--target", "scenarios/targets/linux.yaml"];
    let known = conform(&[&case[..], &target].concat());
    assert_eq!((known.code, exchanges(&known)), (Some(0), 1), "{}", known.stdout);
}

#[test]
fn disruptive_case_needs_allow_disruptive() {
    let ended = run(&["conform", "http://127.0.0.1:1/scep", "--dry-run"]);
    let line = ended.stdout.lines().find(|line| line.contains("robustness/noise")).unwrap();
    assert!(line.contains("--allow-disruptive"), "{line}");
}

#[test]
fn failure_shows_requirement_request_and_reply() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let ended = conform(&[&url, "--case", "algorithms/des"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    for part in [
        "RFC 8894 §2.9",
        "Implementations MUST NOT support",
        "enciphered with DES",
        "status: SUCCESS",
        "the outcome is none of the acceptable ones",
        "scenarios/conformance/server/algorithms/des.yaml:",
    ] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }
}

#[test]
fn admin_page_passwords_are_fetched_one_by_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "admin-s3cret\n").unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start(&["ndes", "--admin-user", "boss", "--admin-password-file", file]);
    let (url, page) = (server.url("/certsrv/mscep/mscep.dll"), server.url("/certsrv/mscep_admin/"));
    let admin = ["--ndes-admin", &page, "--admin-user", "boss", "--admin-password-file", file];
    let case = ["--case", "attributes/recipient-nonce"];
    let ended = run(&[&["conform", url.as_str()], admin.as_slice(), &case].concat());
    assert_eq!(ended.code, Some(0), "{}\n{}", ended.stdout, ended.stderr);
    assert!(!ended.transcript().contains("admin-s3cret"));
}

#[test]
fn all_report_formats_agree() {
    let server = start("linux", &[]);
    let (url, folder) = (server.url("/scep"), tempfile::tempdir().unwrap());
    let file = |name: &str| folder.path().join(name).display().to_string();
    let reports = ["junit", "json", "markdown"].map(|kind| format!("{kind}={}", file(kind)));
    let [junit, json, markdown] = &reports;
    let reports = ["--report", junit, "--report", json, "--report", markdown];
    let cases = ["--case", "algorithms/des", "--case", "discovery"];
    conform(&[&[url.as_str()], cases.as_slice(), &reports].concat());
    let read = |name: &str| std::fs::read_to_string(file(name)).unwrap();
    assert!(read("junit").contains("algorithms/des") && read("junit").contains("<failure"));
    let json: serde_json::Value = serde_json::from_str(&read("json")).unwrap();
    let fails = |case: &&serde_json::Value| case["verdict"]["kind"] == "fails";
    let cases = json["cases"].as_array().unwrap();
    assert_eq!(cases.iter().filter(fails).count(), 1);
    let r06 = json["requirements"].as_array().unwrap().iter().find(|it| it["requirement"] == "R06");
    assert_eq!(r06.unwrap()["verdict"], "fails");
    assert!(read("markdown").contains("**fails** `conformance/server/algorithms/des`"));
    for name in ["junit", "json", "markdown"] {
        assert!(!read(name).contains(PASSWORD), "{name}");
    }
}

#[test]
fn unreachable_and_unsupported_urls_are_reported() {
    let ended = conform(&["http://127.0.0.1:1/scep"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("cannot connect to 127.0.0.1:1"), "{}", ended.stderr);
    let ended = conform(&["https://127.0.0.1/scep"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("HTTPS is not supported"), "{}", ended.stderr);
}
