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
        let mut arguments = vec!["--allow-disruptive", "--reveal-challenge", "--jobs", "8"];
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
fn password_that_is_a_word_of_a_verdict_changes_none() {
    for password in ["returned", "present", "200"] {
        let server = Server::start(&["rfc8894", "--single-password", "--challenge", password]);
        let url = server.url("/cgi-bin/pkiclient.exe");
        let arguments = ["conform", &url, "--case", "attributes", "--case", "enrolment"];
        let mut command = command(workspace(), &arguments);
        command.env("SCEPLAB_CHALLENGE", password);
        let ended = finish(command);
        assert_eq!(ended.code, Some(0), "{password}: {}", ended.transcript());
    }
}

#[test]
fn remark_is_explained_with_the_sentence_of_its_case() {
    let server = start("rfc8894", &["--single-password"]);
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ids = ["challenge/again", "enrolment/short-key", "message/no-content-type"];
    let cases: Vec<&str> = ids.iter().flat_map(|id| ["--case", *id]).collect();
    let ended = conform(&[&[url.as_str()], &cases[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("3 with a note"), "{}", ended.stdout);
    let (results, legend) = ended.stdout.split_once("what the words and codes mean").unwrap();
    for code in ["note", "advice", "R26", "R65", "R73"] {
        assert_eq!(legend.matches(&format!("\n  {code} ")).count(), 1, "{code}: {legend}");
    }
    assert!(legend.contains("RFC 8894 does not demand it: CMS has no signed"), "{legend}");
    assert!(!legend.contains('…'), "a sentence is cut: {legend}");
    // Advice proves nothing, but each code with a remark stands in the roll-up.
    let line = |words| results.lines().find(|line| line.trim_start().starts_with(words)).unwrap();
    assert!(line("advice only").ends_with("R26"), "{results}");
    assert!(line("a note in single cases").contains("R26"), "{results}");
}

#[test]
fn request_that_is_granted_before_the_cert_poll_is_no_deviation() {
    let fault = ["--fault", "on: PKCSReq, do: pending 1"];
    let server = start("rfc8894", &[&["--single-password"][..], &fault].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ids = ["polling/still-pending", "polling/by-transaction-id", "polling/other-issuer"];
    let cases: Vec<&str> = ids.iter().flat_map(|id| ["--case", *id]).collect();
    let ended = conform(&[&[url.as_str()], &cases[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(ended.stdout.contains("2 conform, 1 skipped"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("the request was granted before the CertPoll"),
        "{}",
        ended.stdout
    );
}

#[test]
fn certificate_with_another_key_is_named() {
    let fault = ["--fault", "on: PKCSReq, do: wrong-key-certificate"];
    let server = start("rfc8894", &[&["--single-password"][..], &fault].concat());
    let ended = conform(&[&server.url("/cgi-bin/pkiclient.exe"), "--case", "certificate/key"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let line = ended.stdout.lines().find(|line| line.contains("the certificate in the reply, `CN"));
    let line = line.unwrap_or_else(|| panic!("{}", ended.stdout));
    assert!(line.ends_with(", does not have the requested key"), "{line}");
    assert!(ended.stdout.contains("(issued, with an unknown serial number)"), "{}", ended.stdout);
}

#[test]
fn server_without_a_certificate_of_a_ca_fails_one_case_for_it() {
    let server = start("ndes", &["--fault", "on: GetCACert, do: ca-missing"]);
    let url = server.url("/certsrv/mscep/mscep.dll");
    let ended = conform(&[&url, "--case", "ca-certificates", "--no-gate"]);
    let failed: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("FAIL ")).collect();
    let expected = "FAIL   R02 MUST   conformance/server/ca-certificates/get-ca-cert";
    assert_eq!(failed, [expected], "{}", ended.stdout);
}

#[test]
fn url_without_scep_is_reported_at_once() {
    let server = start("linux", &[]);
    let ended = conform(&[&server.url("/nowhere")]);
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("does not answer as a SCEP service")
            && ended.stderr.contains("GetCACaps was answered HTTP 404"),
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
        ended.stdout.contains("(no readable reply: may have been issued)  CN = sceplab-"),
        "{}",
        ended.stdout
    );
    assert_eq!(ended.code, Some(4), "the plain request is not answered: {}", ended.stdout);
}

#[test]
fn certificate_budget_is_kept_and_issued_certificates_are_listed() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let ended = conform(&[&url, "--max-certificates", "3", "--case", "attributes"]);
    let listed = ended.stdout.lines().filter(|line| line.contains("  CN = sceplab-")).count();
    assert!((1..=3).contains(&listed), "{}", ended.stdout);
    assert!(ended.stdout.contains("the budget of certificates is used up"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("  certificates         up to 3 will be issued\n"),
        "{}",
        ended.stderr
    );
}

#[test]
fn dry_run_sends_nothing() {
    let ended = run(&["conform", "http://127.0.0.1:1/scep", "--dry-run", "--requirement", "R31"]);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    let heading = "would be sent to http://127.0.0.1:1/scep:";
    assert!(ended.stdout.starts_with(heading), "{}", ended.stdout);
    let one = ["conform", "http://127.0.0.1:1/scep", "--dry-run", "--case", "enrolment/pkcs-req"];
    let cost = "\nplan: 1 case\n  certificates         up to 1 will be issued\n  challenge passwords  none is given; if the server wants them: up to 1 will be used\n";
    let ended = run(&one);
    assert!(ended.stdout.ends_with(cost), "{}", ended.stdout);
}

#[test]
fn verbose_output_shows_each_exchange_once() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let case = [&url, "--case", "algorithms/des", "--reveal-challenge", "-v"];
    let exchanges = |ended: &Ended| ended.stdout.matches("transaction-id: returned").count();
    let failed = conform(&case);
    // The plain request twice, and that of the case.
    assert_eq!((failed.code, exchanges(&failed)), (Some(4), 3), "{}", failed.stdout);
    let target = ["--target", "scenarios/targets/linux.yaml"];
    let known = conform(&[&case[..], &target].concat());
    assert_eq!((known.code, exchanges(&known)), (Some(0), 3), "{}", known.stdout);
}

#[test]
fn disruptive_case_needs_allow_disruptive() {
    let ended = run(&["conform", "http://127.0.0.1:1/scep", "--dry-run"]);
    let line = ended.stdout.lines().find(|line| line.contains("robustness/noise")).unwrap();
    assert!(line.contains("--allow-disruptive"), "{line}");
}

#[test]
fn challenge_password_is_revealed_only_if_allowed() {
    let skipped = |arguments: &[&str]| -> Vec<String> {
        let dry = ["http://127.0.0.1:1/scep", "--dry-run"];
        let ended = conform(&[&dry[..], arguments].concat());
        let lines = ended.stdout.lines().filter(|line| line.contains("--reveal-challenge"));
        lines.filter_map(|line| line.split_whitespace().next().map(str::to_owned)).collect()
    };
    let expected = ["algorithms/des", "envelope/in-the-clear"];
    assert_eq!(skipped(&[]), expected.map(|id| format!("conformance/server/{id}")));
    assert!(skipped(&["--reveal-challenge"]).is_empty());
    // Without a challenge password nothing is revealed.
    let none = run(&["conform", "http://127.0.0.1:1/scep", "--dry-run"]);
    assert!(!none.stdout.contains("--reveal-challenge"), "{}", none.stdout);
}

#[test]
fn failure_shows_requirement_request_and_reply() {
    let server = start("linux", &[]);
    let url = server.url("/scep");
    let ended = conform(&[&url, "--case", "algorithms/des", "--reveal-challenge"]);
    assert_eq!(ended.code, Some(4), "{}", ended.stderr);
    for part in [
        "RFC 8894 §2.9",
        "Implementations MUST NOT support",
        "enciphered with DES",
        "status: SUCCESS",
        "the answer is none of those that this step accepts",
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
    let cases = ["--reveal-challenge", "--case", "algorithms/des", "--case", "discovery"];
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
fn http_error_does_not_prove_that_a_server_knows_lookups_polls_and_renewals() {
    let rules = ["GetCert", "GetCRL", "CertPoll", "RenewalReq"];
    let faults = rules.map(|on| ["--fault".to_owned(), format!("on: {on}, do: http-status 500")]);
    let faults: Vec<&str> = faults.iter().flatten().map(String::as_str).collect();
    let server = start("rfc8894", &[&["--single-password"], faults.as_slice()].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    let single = ["polling/unknown-transaction", "renewal/self-signed", "renewal/stranger"];
    let single = single.iter().flat_map(|id| ["--case", *id]);
    let cases: Vec<&str> = ["--case", "queries"].into_iter().chain(single).collect();
    let ended = conform(&[&[url.as_str()], &cases[..], &["--report", "json=-"]].concat());
    let json: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
    let cases = json["cases"].as_array().unwrap();
    assert!(cases.len() > 8, "{}", ended.stderr);
    for case in cases {
        let verdict = &case["verdict"];
        let is_right = verdict["kind"] == "skipped" && verdict["because"] == "not-offered";
        assert!(is_right, "{}: {verdict}", case["id"]);
    }
    // A server that lists Renewal knows the message, but an error of HTTP is no decision about it.
    let renewals = ["renewal/same-key", "renewal/other-subject"].iter();
    let renewals: Vec<&str> = renewals.flat_map(|id| ["--case", *id]).collect();
    let ended = conform(&[&[url.as_str()], &renewals[..]].concat());
    let skipped = ended.stdout.lines().filter(|line| line.starts_with("skip ")).count();
    assert_eq!((ended.code, skipped), (Some(5), 2), "{}", ended.transcript());
    let reason = "the renewal was refused in HTTP";
    assert_eq!(ended.stdout.matches(reason).count(), 1, "{}", ended.stdout);
}

#[test]
fn refused_renewal_without_a_reason_names_a_known_one_as_such() {
    let known = "the server gives no reason; a known one is that a CA renews only in the last days of a certificate";
    let server = start("linux", &[]);
    let ended = conform(&[&server.url("/scep"), "--case", "renewal/renewal"]);
    assert_eq!(ended.code, Some(5), "{}", ended.transcript());
    assert_eq!(ended.stdout.matches(known).count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("with the challenge password: "), "{}", ended.stdout);
    // One that is granted, or refused with a reason, says nothing of that.
    let server = start("linux", &["--allow-duplicate-names"]);
    let granted = conform(&[&server.url("/scep"), "--case", "renewal/renewal"]);
    assert!(!granted.stdout.contains(known), "{}", granted.stdout);
    let server = start("rfc8894", &["--single-password"]);
    let url = server.url("/cgi-bin/pkiclient.exe");
    let refused = conform(&[&url, "--case", "renewal/self-signed", "-v"]);
    assert!(!refused.stdout.contains(known), "{}", refused.stdout);
}

#[test]
fn unreachable_and_unsupported_urls_are_reported() {
    let ended = conform(&["http://127.0.0.1:1/scep"]);
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("cannot connect to 127.0.0.1:1"), "{}", ended.stderr);
    let ended = conform(&["ldap://127.0.0.1/scep"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("begins with `http://` or `https://`"), "{}", ended.stderr);
}
