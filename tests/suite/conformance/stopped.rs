//! A server that stops working in the middle of a run refuses whatever it gets, which proves nothing.

use model::scenario::{Action, Scenario};
use serde_json::Value;

use super::cases;
use super::ended::front::{Ending, EndingServer, PASSWORD};
use crate::suite::sceplab::{Ended, command, finish, workspace};
use crate::suite::serve::Server;

/// Time in seconds at which a server is given up that does not answer. One that works needs much less, also on a busy machine.
const GIVEN_UP: &str = "5";

/// Runs `sceplab conform` and reads its report.
fn conform(url: &str, arguments: &[&str]) -> (Ended, Value) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let report = format!("json={}", file.display());
    let fixed = ["conform", url, "--timeout", GIVEN_UP, "--report", &report];
    let mut command = command(workspace(), &[&fixed[..], arguments].concat());
    command.env("SCEPLAB_CHALLENGE", PASSWORD);
    let ended = finish(command);
    ended.assert_orderly();
    let report = std::fs::read_to_string(file).unwrap_or_else(|_| "null".to_owned());
    (ended, serde_json::from_str(&report).unwrap())
}

/// The ids of the cases with a verdict of this kind, without the catalogue's name.
fn of_kind<'a>(report: &'a Value, kind: &str) -> Vec<&'a str> {
    let cases = report["cases"].as_array().unwrap().iter();
    let ids = cases.filter(|case| case["verdict"]["kind"] == kind);
    ids.map(|case| case["id"].as_str().unwrap().trim_start_matches("conformance/server/")).collect()
}

const ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\nContent-Type: text/plain\r\nContent-Length: 12\r\nConnection: close\r\n\r\ndisk is full";
const ABSENT: &str = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const LOGIN: &str = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const MOVED: &str =
    "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
const PAGE: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 38\r\nConnection: close\r\n\r\n<html><title>Sorry</title>Sorry</html>";

/// Each way in which a server stops working, and what the end of the run says of it.
const STOPPED: [(Ending, &str); 7] = [
    (Ending::SaysToMessages(ERROR), "was answered HTTP 500"),
    (Ending::SaysToMessages(ABSENT), "was answered HTTP 404"),
    (Ending::SaysToMessages(LOGIN), "was answered HTTP 401"),
    (Ending::SaysToMessages(MOVED), "was answered HTTP 302, moved to `/login`"),
    (Ending::SaysToMessages(PAGE), "with the title `Sorry`"),
    (Ending::Denies, "was answered FAILURE, "),
    (Ending::KeepsMessages, "the plain request was not answered"),
];

#[test]
fn refusals_of_a_server_that_stopped_working_prove_nothing() {
    // Eight cases, each with one message that a right server refuses.
    let cases = [
        "corrupt-signature",
        "foreign-signature",
        "no-message-digest",
        "no-message-type",
        "no-signer",
        "no-signer-certificate",
        "two-signers",
        "wrong-message-digest",
    ];
    let cases: Vec<String> = cases.iter().map(|id| format!("message/{id}")).collect();
    let cases: Vec<&str> = cases.iter().flat_map(|id| ["--case", id.as_str()]).collect();
    for (ending, told) in STOPPED {
        // The plain request, its repetition and three of the cases are answered.
        let server = EndingServer::start(5, ending);
        let (ended, report) = conform(&server.url(), &[&cases[..], &["-j", "1"]].concat());
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        for kind in ["conforms", "noted", "fails", "unmet"] {
            assert_eq!(of_kind(&report, kind), [""; 0], "{told}: {}", ended.stdout);
        }
        let last = ended.stderr.lines().rev().find(|line| line.starts_with("error: ")).unwrap();
        let words = [
            "the server does not grant the plain right request any more",
            told,
            "cases since the plain exchange before all cases prove nothing",
            "--case conformance/server/message/corrupt-signature",
        ];
        for word in words {
            assert!(last.contains(word), "lacks `{word}`: {}", ended.transcript());
        }
        // The skips show what each case was answered.
        let cases = report["cases"].as_array().unwrap();
        for case in cases.iter().filter(|case| case["verdict"]["because"] == "no-plain-exchange") {
            let verdict = case["verdict"].to_string();
            assert!(verdict.contains(told) && verdict.contains("step 1, "), "{verdict}");
        }
    }
}

/// The options for all cases of a folder in which a right server grants no request.
fn refusals(folder: &str) -> Vec<String> {
    let may_be_granted = |case: &Scenario| {
        case.steps.iter().any(|step| match &step.action {
            Action::Scep(step) => step.may_be_granted(),
            _ => false,
        })
    };
    let cases = cases("server").into_iter().filter(|case| !may_be_granted(case));
    let ids = cases.map(|case| case.id).filter(|id| id.contains(folder));
    ids.flat_map(|id| ["--case".to_owned(), id]).collect()
}

#[test]
fn long_row_of_refusals_is_interrupted_by_the_plain_request() {
    let cases = refusals("/message/");
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    assert!(cases.len() / 2 > 12, "{}", cases.len());
    for (ending, told) in [STOPPED[0], STOPPED[5]] {
        let server = EndingServer::start(6, ending);
        let (ended, report) = conform(&server.url(), &[&cases[..], &["-j", "1"]].concat());
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        // The rest is not sent any more.
        let untried = "not tried; either a request stopped it";
        assert!(ended.stderr.contains(untried), "{}", ended.stderr);
        let unfinished = report["unfinished"].as_array().unwrap().len();
        assert_eq!(unfinished, cases.len() / 2 - 10, "{}", ended.stdout);
        assert!(of_kind(&report, "skipped").len() > 5, "{}", ended.stdout);
    }
}

#[test]
fn server_that_grants_nothing_any_more_is_not_sent_all_cases() {
    for (ending, told) in [STOPPED[0], STOPPED[5]] {
        let server = EndingServer::start(6, ending);
        let (ended, report) = conform(&server.url(), &["-j", "2"]);
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        let unfinished = report["unfinished"].as_array().unwrap().len();
        assert!(unfinished > 100, "{unfinished}: {}", ended.stdout);
        assert_eq!(of_kind(&report, "fails"), [""; 0], "{}", ended.stdout);
    }
}

#[test]
fn results_before_the_last_certificate_stay() {
    let fault = ["--fault", "on: PKCSReq, nth: 7, do: http-status 500"];
    let more = ["--fault", "on: PKCSReq, nth: 8, do: http-status 500"];
    let options = ["rfc8894", "--single-password", "--challenge", PASSWORD];
    let server = Server::start(&[&options[..], &fault, &more].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    // In this order: the plain request twice, four that are refused or granted, one that meets the fault, the plain request.
    let cases = [
        "challenge/none",
        "challenge/wrong",
        "certificate/key",
        "challenge/again",
        "message/no-signer",
    ];
    let cases: Vec<&str> = cases.iter().flat_map(|id| ["--case", *id]).collect();
    let (ended, report) = conform(&url, &[&cases[..], &["-j", "1"]].concat());
    let skipped = of_kind(&report, "skipped");
    assert!(!of_kind(&report, "conforms").is_empty(), "{}", ended.transcript());
    assert!(skipped.contains(&"message/no-signer"), "{}", ended.transcript());
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(
        ended.stderr.contains("since its last certificate, in `conformance/server/"),
        "{}",
        ended.stderr
    );
}

#[test]
fn plain_request_is_not_repeated_if_an_enrolment_followed_each_refusal() {
    let server = Server::start(&["rfc8894", "--single-password", "--challenge", PASSWORD]);
    let url = server.url("/cgi-bin/pkiclient.exe");
    for (cases, issued) in [
        (["message/no-signer", "transport/post"], 3),
        (["certificate/key", "message/no-signer"], 4),
    ] {
        let cases = cases.iter().flat_map(|id| ["--case", *id]);
        let (ended, report) = conform(&url, &cases.chain(["-j", "1"]).collect::<Vec<_>>());
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        assert_eq!(of_kind(&report, "conforms").len(), 2);
        assert_eq!(report["issued"].as_array().unwrap().len(), issued, "{}", ended.stdout);
    }
}
