//! Peers that send back what they were given, in each form: no output, report, log or error shows it.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use scep::algorithm::Digest;
use scep::http::{HttpRequest, Method};
use scep::name;
use scep::request::{ChallengeString, CsrBuilder};
use scep::secret::Secret;

use crate::suite::sceplab::{run_in, workspace};
use crate::suite::serve::client::exchange;
use crate::suite::serve::{LINUX, Server};
use crate::support::echo_server::{Answer, EchoServer};
use crate::support::live::Files;
use crate::support::secret_forms::{
    Form, Found, SECRET, add, assert_nothing_found, forms, reports, sinks,
};

/// The password of the labs of all cases for clients.
const OF_LABS: &str = "scep-challenge";

/// Runs that go on at the same time.
const AT_ONCE: usize = 4;

/// Runs each form; returns which output shows which.
fn found_in_each(run: impl Fn(&Form) -> Vec<(&'static str, String)> + Sync) -> Found {
    found_in(&forms(SECRET), run)
}

/// The same for every second form, because the runs take long; the other answer has the others.
fn found_in_some(
    answer: Answer,
    run: impl Fn(&Form) -> Vec<(&'static str, String)> + Sync,
) -> Found {
    let first = usize::from(answer == Answer::FailInfoText);
    found_in(&forms(SECRET).into_iter().skip(first).step_by(2).collect::<Vec<_>>(), run)
}

fn found_in(all: &[Form], run: impl Fn(&Form) -> Vec<(&'static str, String)> + Sync) -> Found {
    let (next, found) = (AtomicUsize::new(0), Mutex::new(Found::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(form) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    add(&mut found.lock().unwrap(), form, &run(form));
                }
            });
        }
    });
    found.into_inner().unwrap()
}

#[test]
fn enrol_shows_no_form_of_its_password() {
    for answer in [Answer::Denied, Answer::FailInfoText] {
        let found = found_in_each(|form| {
            let server = EchoServer::start(answer, &form.text);
            let folder = tempfile::tempdir().unwrap();
            let ended = run_in(folder.path(), &["enrol", &server.url(), "--challenge", SECRET]);
            assert_eq!(ended.code, Some(4), "{}", ended.transcript());
            assert!(ended.stderr.contains("was answered"), "{}", ended.transcript());
            sinks(&ended, folder.path())
        });
        assert_nothing_found(&found);
    }
}

#[test]
fn explain_shows_no_form_of_a_password_that_it_reads() {
    let key = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    let request = CsrBuilder {
        subject: &name::parse("CN=device").unwrap(),
        key: &key,
        challenge_password: Some(&Secret::new(SECRET)),
        challenge_string: ChallengeString::default(),
        extensions: &[],
        digest: Digest::Sha256,
    };
    let request = request.encode().unwrap();
    let found = found_in_each(|form| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("request.der"), &request).unwrap();
        let head = "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\n\r\n";
        fs::write(folder.path().join("reply.http"), format!("{head}{}", form.text)).unwrap();
        let explained = ["--json", "--asn1"].map(|format| {
            let ended = run_in(folder.path(), &["explain", "request.der", "reply.http", format]);
            assert_eq!(ended.code, Some(4), "{}", ended.transcript());
            sinks(&ended, folder.path())
        });
        explained.into_iter().flatten().collect()
    });
    assert_nothing_found(&found);
}

#[test]
fn enrol_shows_no_form_of_an_administrators_password() {
    let found = found_in_each(|form| {
        let server = EchoServer::start(Answer::Denied, &form.text);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("admin"), SECRET).unwrap();
        let page = server.page();
        let of_page =
            ["--ndes-admin", &page, "--admin-user", "a", "--admin-password-file", "admin"];
        let url = server.url();
        let ended = run_in(folder.path(), &[&["enrol", &url], &of_page[..]].concat());
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        sinks(&ended, folder.path())
    });
    assert_nothing_found(&found);
}

#[test]
fn conform_and_its_reports_show_no_form_of_its_password() {
    for answer in [Answer::Denied, Answer::FailInfoText] {
        let found = found_in_some(answer, |form| {
            let server = EchoServer::start(answer, &form.text);
            let folder = tempfile::tempdir().unwrap();
            let cases = workspace().join("scenarios");
            std::os::unix::fs::symlink(cases, folder.path().join("scenarios")).unwrap();
            let url = server.url();
            let case = ["--challenge", SECRET, "--case", "enrolment/pkcs-req", "-v", "--no-gate"];
            let arguments = [&["conform", &url], &case[..], &reports()].concat();
            let ended = run_in(folder.path(), &arguments);
            let sinks = sinks(&ended, folder.path());
            assert_eq!(sinks.len(), 5, "{}", ended.transcript());
            sinks
        });
        assert_nothing_found(&found);
    }
}

#[test]
fn conform_shows_no_password_in_the_name_of_a_ca() {
    // The messages of these cases are made without the password.
    let cases = ["challenge/none", "challenge/wrong", "renewal/self-signed"];
    let options = cases.iter().flat_map(|case| ["--case", case]).collect::<Vec<_>>();
    let clear = forms(SECRET).into_iter().next().unwrap();
    let server = EchoServer::start(Answer::FailInfoText, "no");
    let folder = tempfile::tempdir().unwrap();
    let scenarios = workspace().join("scenarios");
    std::os::unix::fs::symlink(scenarios, folder.path().join("scenarios")).unwrap();
    let url = server.url();
    let asked = ["conform", &url, "--challenge", SECRET, "-v", "--no-gate"];
    let ended = run_in(folder.path(), &[&asked[..], &options, &reports()].concat());
    let sinks = sinks(&ended, folder.path());
    assert_eq!(sinks.len(), 5, "{}", ended.transcript());
    assert!(sinks.iter().any(|(_, text)| text.contains("Echo CA")), "{sinks:?}");
    let mut found = Found::new();
    add(&mut found, &clear, &sinks);
    assert_nothing_found(&found);
}

#[test]
fn live_run_and_its_reports_show_no_form_of_its_password() {
    for answer in [Answer::Denied, Answer::FailInfoText] {
        let found = found_in_some(answer, |form| {
            let server = EchoServer::start(answer, &form.text);
            let lab = format!("    challenge: {{static: '{SECRET}'}}\n");
            let files = Files::new(&server.authority, "/scep", &lab, "password {{challenge}}");
            let path = files.path().join("one.yaml");
            let quick = fs::read_to_string(&path).unwrap().replace("within: 10s", "within: 1s");
            fs::write(path, quick).unwrap();
            let ended = files.run(&[&["--yes", "-v"][..], &reports()].concat());
            let sinks = sinks(&ended, files.path());
            assert_eq!((ended.code, sinks.len()), (Some(4), 5), "{}", ended.transcript());
            sinks
        });
        assert_nothing_found(&found);
    }
}

/// Runs a client that prints all forms of a secret, a few in each run, with this command.
fn found_of_client(secret: &str, command: &dyn Fn(&str) -> Vec<String>) -> Found {
    let mut found = Found::new();
    let all = forms(secret);
    for some in all.chunks(6) {
        let folder = tempfile::tempdir().unwrap();
        let cases = workspace().join("scenarios");
        std::os::unix::fs::symlink(cases, folder.path().join("scenarios")).unwrap();
        let texts: String = some.iter().map(|form| form.text.clone() + "\n--\n").collect();
        fs::write(folder.path().join("forms"), texts).unwrap();
        let script = folder.path().join("client.sh");
        let printed = folder.path().join("forms").display().to_string();
        let text = format!("#!/bin/sh\ncat {printed}\ncat {printed} >&2\nexit 1\n");
        fs::write(&script, text).unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o755)).unwrap();
        let case = ["conform-client", "--no-gate", "--case", "enrolment/right", "-v"];
        let client = command(&script.display().to_string());
        let client: Vec<&str> = client.iter().map(String::as_str).collect();
        let arguments = [&case[..], &reports(), &["--"], &client].concat();
        let ended = run_in(folder.path(), &arguments);
        let sinks = sinks(&ended, folder.path());
        assert_eq!((ended.code, sinks.len()), (Some(4), 5), "{}", ended.transcript());
        assert!(ended.stdout.contains("--\n"), "{}", ended.transcript());
        for form in some {
            add(&mut found, form, &sinks);
        }
    }
    found
}

#[test]
fn conform_client_and_its_reports_show_no_form_of_a_password() {
    let of_placeholder =
        |script: &str| [script, "{url}", "{challenge}"].map(str::to_owned).to_vec();
    assert_nothing_found(&found_of_client(OF_LABS, &of_placeholder));
}

#[test]
fn conform_client_and_its_reports_show_no_password_in_the_command() {
    let literal =
        |script: &str| [script, "{url}", "--challenge", SECRET].map(str::to_owned).to_vec();
    assert_nothing_found(&found_of_client(SECRET, &literal));
}

#[tokio::test]
async fn serve_and_its_log_show_no_form_of_a_password_in_a_body() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    for known in [SECRET, "another-password"] {
        let to_log = ["linux", "--challenge", known, "--log", log.to_str().unwrap()];
        let to_stdout = ["linux", "--challenge", known];
        let mut found = Found::new();
        for arguments in [&to_log[..], &to_stdout] {
            let server = Server::start(arguments);
            for form in forms(SECRET) {
                let text = form.text.clone().into_bytes();
                let json = serde_json::json!({"challenge": form.text}).to_string().into_bytes();
                for body in [text, json] {
                    let query = "operation=PKIOperation".to_owned();
                    let request =
                        HttpRequest { method: Method::Post, query, content_type: None, body };
                    exchange(&server.authority, LINUX, &request).await.unwrap();
                }
            }
            let (_, stdout, stderr) = server.interrupt();
            let log = fs::read_to_string(&log).unwrap_or_default();
            assert!((log.clone() + &stdout).contains("PKIOperation"), "{stdout}");
            for form in forms(SECRET) {
                let sinks =
                    [("stdout", stdout.clone()), ("stderr", stderr.clone()), ("log", log.clone())];
                add(&mut found, &form, &sinks);
            }
        }
        assert_nothing_found(&found);
    }
}
