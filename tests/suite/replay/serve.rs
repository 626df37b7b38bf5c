//! `sceplab replay BUNDLE --serve` in the place of the server that was recorded.

use std::path::Path;

use regex::Regex;

use super::SNAPSHOTS;
use crate::suite::sceplab::{Ended, Running, command, run_in};
use crate::support::server::{LINUX, Server};
use crate::support::snapshots::assert_output_of;

/// A password whose words appear nowhere else.
pub(super) const PASSWORD: &str = "Brennnessel-7Kd";

/// A recorded server on a free port; killed when dropped.
pub(super) struct Replayed {
    running: Running,
    pub(super) url: String,
}

impl Replayed {
    pub(super) fn start(folder: &Path, arguments: &[&str]) -> Self {
        let whole = [&["replay", "m", "--serve", "--listen", "127.0.0.1:0"], arguments].concat();
        let mut running = Running::start(command(folder, &whole));
        let url = |line: &str| Some(line.strip_prefix("url")?.trim().to_owned());
        // Stdout is for the list alone.
        let url = match arguments {
            ["--json"] => running.stderr_line(url),
            _ => running.stdout_line(url),
        };
        Self { running, url }
    }

    /// Ends it as Ctrl-C does, and returns what it printed.
    pub(super) fn interrupt(mut self) -> String {
        self.running.signal("INT");
        assert_eq!(self.running.wait().code(), Some(0));
        self.running.rest_of_stdout()
    }
}

/// Records one enrolment at a server with these arguments; returns what the client said.
pub(super) fn record(folder: &Path, arguments: &[&str]) -> Ended {
    let saved = folder.join("m");
    let saved = ["--save-messages", saved.to_str().unwrap()];
    let server = Server::start(&[&["linux", "--challenge", PASSWORD], arguments, &saved].concat());
    let ended = enrol(folder, &server.url(LINUX));
    server.interrupt();
    ended
}

fn enrol(folder: &Path, url: &str) -> Ended {
    run_in(folder, &["enrol", url, "--challenge", PASSWORD, "--poll-within", "5"])
}

/// The exit code, and what was said without the address and what is new each time.
fn outcome(ended: &Ended, url: &str) -> (Option<i32>, String, String) {
    let kept = |line: &&str| line.starts_with("subject") || line.starts_with("issuer");
    let said: Vec<_> = ended.stdout.lines().filter(kept).collect();
    let new = Regex::new("[0-9a-f]{32,}").unwrap();
    let stderr = ended.stderr.replace(url, "URL");
    (ended.code, said.join("\n"), new.replace_all(&stderr, "…").into_owned())
}

#[test]
fn client_has_the_same_outcome_as_at_the_original() {
    for fault in [
        "on: GetCACaps, do: caps-unknown-words",
        "on: GetCACert, do: http-status 500",
        "on: PKCSReq, do: html-page",
        "on: PKCSReq, do: wrong-recipient-nonce",
        "on: PKCSReq, do: pending 2",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let saved = folder.path().join("m");
        let saved = ["--save-messages", saved.to_str().unwrap(), "--fault", fault];
        let server = Server::start(&[&["linux", "--challenge", PASSWORD][..], &saved].concat());
        let original = server.url(LINUX);
        let expected = outcome(&enrol(folder.path(), &original), &original);
        server.interrupt();
        let replayed = Replayed::start(folder.path(), &[]);
        let url = replayed.url.clone();
        assert_eq!(outcome(&enrol(folder.path(), &url), &url), expected, "{fault}");
        let printed = replayed.interrupt();
        assert!(!printed.contains(PASSWORD), "{printed}");
    }
}

#[test]
fn what_differs_from_the_recording_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let recorded = record(folder.path(), &[]);
    assert_eq!(recorded.code, Some(0), "{}", recorded.transcript());
    let replayed = Replayed::start(folder.path(), &[]);
    let arguments = ["--challenge", PASSWORD, "--subject", "CN=another", "--cipher", "3des"];
    let ended = run_in(folder.path(), &[&["enrol", &replayed.url], &arguments[..]].concat());
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let printed = replayed.interrupt();
    let list = printed.split_once("from the recording:\n").unwrap().1;
    assert_output_of(SNAPSHOTS, "differences", list.trim_end());
}

#[test]
fn request_that_was_not_recorded_is_answered_in_words() {
    let folder = tempfile::tempdir().unwrap();
    record(folder.path(), &[]);
    let replayed = Replayed::start(folder.path(), &["--json"]);
    let page = format!("{}?operation=GetNextCACert", replayed.url);
    let error = ureq::get(&page).call().unwrap_err();
    assert!(matches!(error, ureq::Error::StatusCode(501)), "{error}");
    let printed = replayed.interrupt();
    let json: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let differences = json["differences"].as_array().unwrap();
    let has = |text: &str| differences.iter().any(|it| it["what"].as_str().unwrap().contains(text));
    assert!(has("GetNextCACert was not recorded"), "{printed}");
}
