//! Addresses of `https://`, at a TLS server that stands before a mock CA.

mod certificates;
mod device;
mod front;
mod proxies;
mod refused;

use std::fs;
use std::path::Path;

use self::certificates::Authority;
use self::front::{Front, context};
use super::sceplab::{Ended, run_in, workspace};
use crate::support::server::{LINUX, Server};

/// The reports and the output of a command have this about a server that nobody verified.
const CAUTION: &str = "TLS is not verified (--tls-insecure)";

/// A folder with the root in `root.pem`, a mock CA, and a TLS server for `localhost` and 127.0.0.1 before it.
struct Stand {
    folder: tempfile::TempDir,
    root: Authority,
    ca: Server,
    front: Front,
}

impl Stand {
    fn start() -> Self {
        let root = Authority::root("Test Root");
        let ca = Server::start(&["linux", "--challenge", "s3cret-s3cret"]);
        let own = root.server(&["localhost", "127.0.0.1"]);
        let front = Front::start(context(&own).build(), &ca.authority);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("root.pem"), root.pem()).unwrap();
        Self { folder, root, ca, front }
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        run_in(self.folder.path(), arguments)
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

#[track_caller]
fn succeeds(ended: &Ended) {
    ended.assert_orderly();
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
}

#[test]
fn service_is_reached_over_tls_by_name_and_by_address() {
    let stand = Stand::start();
    for host in ["localhost", "127.0.0.1"] {
        let url = stand.front.url(host);
        let health = stand.run(&["health", &url, "--tls-ca", "root.pem"]);
        succeeds(&health);
        let told = format!("{url} answers as a SCEP service");
        assert!(health.stdout.contains(&told), "{}", health.transcript());
    }
}

#[test]
fn every_command_that_takes_an_address_takes_one_of_https() {
    let stand = Stand::start();
    let url = stand.front.url("localhost");
    let root = stand.path("root.pem");
    let trust = ["--tls-ca", &root];
    let challenge = ["--challenge", "s3cret-s3cret"];
    let enrol = ["enrol", &url, "--out", "mine", "--save-messages", "messages"];
    succeeds(&stand.run(&[&enrol[..], &trust, &challenge].concat()));
    let inspect = stand.run(&[&["inspect", &url][..], &trust].concat());
    succeeds(&inspect);
    let conform = ["conform", &url, "--case", "attributes/recipient-nonce"];
    succeeds(&run_in(workspace(), &[&conform[..], &trust, &challenge].concat()));
    let explain = ["explain", "messages", "--from", &url];
    succeeds(&stand.run(&[&explain[..], &trust].concat()));
}

#[test]
fn messages_are_saved_as_they_are_within_tls() {
    let stand = Stand::start();
    let url = stand.front.url("localhost");
    let enrol = ["enrol", &url, "--tls-ca", "root.pem", "--save-messages", "messages"];
    succeeds(&stand.run(&[&enrol[..], &["--challenge", "s3cret-s3cret"]].concat()));
    let explained = stand.run(&["explain", "messages"]);
    assert!(explained.stdout.contains("GetCACaps"), "{}", explained.transcript());
    assert!(explained.stdout.contains("PKCSReq"), "{}", explained.transcript());
}

#[test]
fn certificate_of_the_client_is_shown_to_a_server_that_asks_for_one() {
    let stand = Stand::start();
    let own = stand.root.server(&["localhost"]);
    let mut asking = context(&own);
    front::ask_for_certificates(&mut asking, &stand.root);
    let front = Front::start(asking.build(), &stand.ca.authority);
    let url = front.url("localhost");
    let client = stand.root.server(&["client"]);
    fs::write(stand.folder.path().join("client.pem"), client.with_key()).unwrap();
    let health = ["health", &url, "--tls-ca", "root.pem", "--tls-client", "client.pem"];
    succeeds(&stand.run(&health));
}

#[test]
fn old_version_is_taken_only_if_it_is_asked_for() {
    let stand = Stand::start();
    let own = stand.root.server(&["localhost"]);
    let front = Front::start(front::of_version_1_1(&own).build(), &stand.ca.authority);
    let health = ["health", &front.url("localhost"), "--tls-ca", "root.pem"];
    let refused = stand.run(&health);
    assert_eq!(refused.code, Some(3), "{}", refused.transcript());
    let words = "the server takes no version of TLS from 1.2 on";
    assert!(refused.stderr.contains(words), "{}", refused.transcript());
    succeeds(&stand.run(&[&health[..], &["--tls-min", "1.1"]].concat()));
}

#[test]
fn unverified_server_is_told_in_every_report() {
    let stand = Stand::start();
    let url = stand.front.url("localhost");
    let insecure = ["--tls-insecure", "--challenge", "s3cret-s3cret"];
    let conform = ["conform", &url, "--case", "attributes/recipient-nonce"];
    let place = |format: &str, name: &str| format!("{format}={}", stand.path(name));
    let (junit, json) = (place("junit", "r.xml"), place("json", "r.json"));
    let markdown = place("markdown", "r.md");
    let reports = ["--report", &junit, "--report", &json, "--report", &markdown];
    let ended = run_in(workspace(), &[&conform[..], &reports, &insecure].concat());
    succeeds(&ended);
    assert!(
        ended.stdout.contains(CAUTION) && ended.stderr.contains(CAUTION),
        "{}",
        ended.transcript()
    );
    for report in ["r.xml", "r.json", "r.md"] {
        let text = stand.file(report).replace('\\', "");
        assert!(text.contains(CAUTION), "{report}: {text}");
    }
    for form in [&[][..], &["--json"], &["--markdown"]] {
        let inspected = stand.run(&[&["inspect", &url, "--tls-insecure"][..], form].concat());
        let text = inspected.stdout.replace('\\', "");
        assert!(text.contains(CAUTION), "{form:?}: {}", inspected.transcript());
    }
    let root = stand.path("root.pem");
    let secure = [&conform[..], &["--tls-ca", &root], &insecure[1..]].concat();
    let secure = run_in(workspace(), &secure);
    assert!(!secure.transcript().contains("not verified"), "{}", secure.transcript());
}

#[test]
fn options_that_have_no_effect_or_cannot_be_read_are_refused() {
    let stand = Stand::start();
    let (http, https) = (stand.ca.url(LINUX), stand.front.url("localhost"));
    fs::write(stand.folder.path().join("empty.pem"), "nothing").unwrap();
    let alone = stand.root.server(&["client"]);
    fs::write(stand.folder.path().join("alone.pem"), alone.pem()).unwrap();
    let other = stand.root.server(&["other"]);
    fs::write(stand.folder.path().join("mixed.pem"), alone.pem() + &other.key()).unwrap();
    for (arguments, words) in [
        (
            &["health", &http, "--tls-insecure"][..],
            "`--tls-insecure` is for addresses that begin with `https://`",
        ),
        (&["enrol", &http, "--tls-ca", "root.pem"], "`--tls-ca` is for addresses"),
        (&["health", &https, "--tls-ca", "missing.pem"], "`missing.pem` cannot be read"),
        (&["health", &https, "--tls-ca", "empty.pem"], "`empty.pem` has no certificate in PEM"),
        (&["health", &https, "--tls-client", "empty.pem"], "there is no certificate in PEM in it"),
        (&["health", &https, "--tls-client", "alone.pem"], "there is no private key in PEM in it"),
        (
            &["health", &https, "--tls-client", "mixed.pem"],
            "does not belong to the first certificate",
        ),
        (&["health", &https, "--tls-min", "1.4"], "1.3"),
    ] {
        let ended = stand.run(arguments);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(ended.stderr.contains(words), "{words}: {}", ended.transcript());
    }
}

/// A file beside the test's other files.
fn write(folder: &Path, name: &str, text: &str) {
    fs::write(folder.join(name), text).unwrap();
}
