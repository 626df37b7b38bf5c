//! A request that ends a server is the finding, and the run ends.

pub(super) mod front; // a server in front of a mock CA that comes to an end

use self::front::{Ending, EndingServer, PASSWORD};
use crate::suite::sceplab::{Ended, command, finish, workspace};
use crate::suite::serve::Server;

/// Time for an answer, in seconds, which a server that answers does not need.
const LONG: &str = "60";

/// Time for an answer at which a server that does not answer is given up.
const SHORT: &str = "5";

fn conform(server: &EndingServer, arguments: &[&str]) -> Ended {
    conform_url(&server.url(), LONG, arguments)
}

fn conform_url(url: &str, timeout: &str, arguments: &[&str]) -> Ended {
    let limits = ["--timeout", timeout];
    let mut command =
        command(workspace(), &[&["conform", url], limits.as_slice(), arguments].concat());
    command.env("SCEPLAB_CHALLENGE", PASSWORD);
    let ended = finish(command);
    ended.assert_orderly();
    ended
}

fn lines<'a>(ended: &'a Ended, word: &str) -> Vec<&'a str> {
    ended.stdout.lines().filter(|line| line.starts_with(word)).collect()
}

/// The number of cases that were not tried: one line without any name has them all.
fn untried(ended: &Ended) -> usize {
    let counts: Vec<usize> = ended
        .stdout
        .lines()
        .filter_map(|line| line.split_once(" cases not tried: for the reason at the end"))
        .map(|(count, _)| count.parse().unwrap())
        .collect();
    assert!(counts.len() <= 1, "{}", ended.stdout);
    counts.iter().sum()
}

/// The last message of the run.
fn last_error(ended: &Ended) -> &str {
    let error = ended.stderr.lines().rev().find(|line| line.starts_with("error: "));
    error.unwrap_or_else(|| panic!("no error: {}", ended.transcript()))
}

/// The number before these words.
fn number_before(text: &str, words: &str) -> usize {
    let before = text.split(words).next().unwrap();
    before.split_whitespace().last().unwrap().parse().unwrap()
}

#[test]
fn request_that_ends_the_server_fails_its_case_and_ends_the_run() {
    for (ending, after, doubt, seen) in [
        (
            Ending::Dies,
            "the server was gone after this request",
            "either this request ended it, or it was stopped: its log may say which; start it again",
            "cannot connect",
        ),
        (
            Ending::Hangs,
            "the server answers nothing any more after this request",
            "either this request made it hang, or it is overloaded, or a firewall drops what is sent",
            "no answer in",
        ),
    ] {
        // The plain request and those of two other cases are answered.
        let server = EndingServer::start(3, ending);
        let folder = tempfile::tempdir().unwrap();
        let report = folder.path().join("report.md");
        let report_option = format!("markdown={}", report.display());
        let timeout = if ending == Ending::Hangs { SHORT } else { LONG };
        let arguments = ["--case", "message", "--report", &report_option];
        let ended = conform_url(&server.url(), timeout, &arguments);
        assert_eq!(ended.code, Some(4), "{}", ended.transcript());
        let failed = lines(&ended, "FAIL ");
        assert_eq!(failed.len(), 1, "{}", ended.stdout);
        assert_eq!(ended.stdout.matches(after).count(), 1, "{}", ended.stdout);
        let id = failed[0].split_whitespace().last().unwrap();
        let told =
            format!("{}, so ", after.replace("this request", &format!("the request of `{id}`")));
        let last = last_error(&ended);
        assert!(last.contains(&told), "{last}");
        // One line has all cases that were not tried, and all places have one count.
        assert_eq!(lines(&ended, "broke").len(), 0, "{}", ended.stdout);
        let count = untried(&ended);
        assert!(count > 10, "{}", ended.stdout);
        assert_eq!(number_before(last, " cases were not tried"), count, "{last}");
        assert_eq!(number_before(&ended.stdout, " not tried in "), count, "{}", ended.stdout);
        // Nobody can know if the request is the reason; how to find out is said once, by what was seen.
        let repeat = format!("repeat this case with `--case {id}`");
        let all = ended.transcript();
        assert_eq!(all.matches(doubt).count(), 1, "{all}");
        assert_eq!(all.matches(&repeat).count(), 1, "{all}");
        assert_eq!(all.contains("start it again"), ending == Ending::Dies, "{all}");
        // What was seen is told at the failure alone.
        let (before, explained) = ended.stdout.split_once(&format!("\n{id}  ")).unwrap();
        assert!(explained.contains(seen) && !before.contains(seen), "{}", ended.stdout);
        assert!(!last.contains(seen), "{last}");
        // The requirement was not found out, and no sentence says something else than the verdict.
        assert!(!ended.stdout.contains("\n  fails"), "a requirement fails: {}", ended.stdout);
        assert!(!all.contains("counts against no requirement"), "{all}");
        let why = "1 failed because the server did not serve after its request";
        // Advice is about no requirement.
        let proving = usize::from(!failed[0].contains(" advice "));
        assert_eq!(ended.stdout.matches(why).count(), proving, "{}", ended.stdout);
        let report = std::fs::read_to_string(report).unwrap();
        assert_eq!(report.matches(" for the reason at the top").count(), 1, "{report}");
        assert!(
            report.contains(&format!("**fails** `{id}`")) && report.contains(after),
            "{report}"
        );
    }
}

#[test]
fn plain_request_that_ends_the_server_is_a_verdict() {
    let server = EndingServer::start(0, Ending::Dies);
    let ended = conform(&server, &[]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let failed = "FAIL   R02 MUST   conformance/server/enrolment/pkcs-req";
    assert_eq!(lines(&ended, "FAIL "), [failed], "{}", ended.stdout);
    // What the requirement demands was not found out.
    let line = ended.stdout.lines().find(|line| line.trim_start().starts_with("R02  ")).unwrap();
    assert!(line.contains("1 failed because the server did not serve"), "{line}");
    assert!(!ended.stdout.contains("\n  fails"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("HTTPS"), "{}", ended.stdout);
    // All but the plain request itself were not tried.
    let running = number_before(&ended.stderr, " of ");
    let told = format!("so {} cases were not tried", running - 1);
    assert!(ended.stderr.contains(&told), "lacks `{told}`: {}", ended.stderr);
    assert_eq!(untried(&ended), running - 1, "{}", ended.stdout);
}

#[test]
fn case_during_which_the_server_was_restarted_is_repeated() {
    let server = EndingServer::start(2, Ending::Restarts);
    let ended =
        conform(&server, &["--case", "attributes", "--target", "scenarios/targets/linux.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_eq!(lines(&ended, "FAIL "), Vec::<&str>::new());
    let first = "in a first try, the server could not be reached for a moment after a request";
    let noted = lines(&ended, "note ").iter().filter(|line| line.contains(first)).count();
    assert_eq!(noted, 1, "{}", ended.stdout);
    assert!(ended.stderr.contains("trying again, one at a time"), "{}", ended.stderr);
    assert!(lines(&ended, "ok ").len() > 5, "{}", ended.stdout);
}

#[test]
fn case_that_may_not_be_repeated_fails_after_a_restart() {
    let server = EndingServer::start(2, Ending::Restarts);
    let ended = conform(&server, &["--case", "attributes", "--max-certificates", "100"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let after = "the server was gone after this request, and came back";
    assert_eq!(ended.stdout.matches(after).count(), 1, "{}", ended.stdout);
    assert!(ended.stdout.contains("or it was restarted"), "{}", ended.stdout);
    assert_eq!(lines(&ended, "broke"), Vec::<&str>::new());
}

#[test]
fn request_that_ends_the_server_each_time_fails_its_case() {
    let server = EndingServer::start(usize::MAX, Ending::RestartsAtGets);
    let ended = conform(&server, &["--case", "transport/get", "--case", "transport/post"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let twice = "the server was gone after this request, and came back, twice";
    let failed = lines(&ended, "FAIL ");
    assert!(!failed.is_empty(), "{}", ended.stdout);
    assert_eq!(ended.stdout.matches(twice).count(), failed.len(), "{}", ended.stdout);
    assert!(ended.stdout.contains("probably this request ends it"), "{}", ended.stdout);
    assert!(lines(&ended, "ok ").iter().any(|line| line.ends_with("/post")), "{}", ended.stdout);
}

#[test]
fn restart_between_two_requests_is_told_and_fails_no_case() {
    let server = EndingServer::start(3, Ending::Pauses);
    let ended =
        conform(&server, &["--case", "attributes", "--target", "scenarios/targets/linux.yaml"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    for word in ["FAIL ", "broke", "skip "] {
        assert!(lines(&ended, word).iter().all(|line| !line.contains("reach")), "{}", ended.stdout);
    }
    let told = "warning: the server could not be reached once, and answered again after a moment (cannot connect";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

/// The run ended early: exit code 3, no failed case, a closing message with these words.
#[track_caller]
fn assert_given_up(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(lines(ended, "FAIL "), Vec::<&str>::new(), "{}", ended.stdout);
    let last = ended.stderr.lines().rev().find(|line| line.starts_with("error: ")).unwrap();
    for word in words {
        assert!(last.contains(word), "lacks `{word}`: {}", ended.transcript());
    }
}

#[test]
fn server_that_is_stopped_between_two_requests_fails_no_case() {
    for ending in [Ending::Stops, Ending::DiesAtGet] {
        let server = EndingServer::start(3, ending);
        let ended = conform(&server, &["--case", "message"]);
        assert_given_up(
            &ended,
            &[
                "the server is gone, so nothing more is sent",
                "cases were not tried",
                // Where it began in the order of the run, which is not that of the lines.
                "; the last case that ended before: `conformance/server/",
                "; in work when it began: `conformance/server/message/",
                "so run them alone when the server is back: `sceplab conform http://127.0.0.1:",
            ],
        );
        let count = number_before(last_error(&ended), " cases were not tried");
        assert_eq!(number_before(&ended.stdout, " not tried in "), count, "{}", ended.stdout);
        assert!(lines(&ended, "ok ").len() <= 2, "{}", ended.stdout);
        assert!(untried(&ended) > 10, "{}", ended.stdout);
        // The case that met the end is no other one's fault, and is counted by itself.
        let met = lines(&ended, "broke");
        assert!((1..=2).contains(&met.len()), "{}", ended.stdout);
        assert!(ended.stdout.contains(&format!("{} broke off, ", met.len())), "{}", ended.stdout);
        assert!(!ended.stdout.contains("the PKI broke"), "{}", ended.stdout);
        // Nothing was sent, so nothing was issued.
        assert!(!ended.stdout.contains("may have been issued"), "{}", ended.stdout);
    }
}

#[test]
fn slow_server_and_server_without_capabilities_are_not_gone() {
    let server = EndingServer::start(2, Ending::Slows);
    let ended = conform_url(&server.url(), SHORT, &["--case", "attributes"]);
    assert!(!ended.transcript().contains("gone"), "{}", ended.transcript());
    assert_eq!(lines(&ended, "broke"), Vec::<&str>::new(), "{}", ended.stdout);
    assert!(lines(&ended, "ok ").len() > 5, "{}", ended.stdout);
    let fault = ["--fault", "on: GetCACaps, do: close-connection"];
    let options = ["rfc8894", "--single-password", "--challenge", PASSWORD];
    let server = Server::start(&[&options[..], &fault].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ended = conform_url(&url, LONG, &["--case", "attributes"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(lines(&ended, "ok ").len() > 5, "{}", ended.stdout);
}

/// What something in front of a service says in its place.
const OTHERS: [(&str, &str); 9] = [
    (
        "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy",
        "HTTP 503",
    ),
    (
        "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        "HTTP 429",
    ),
    ("HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "HTTP 502"),
    ("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "HTTP 404"),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 34\r\nConnection: close\r\n\r\n<html><title>Log in</title></html>",
        "with the title `Log in`",
    ),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 16\r\nConnection: close\r\n\r\n{\"status\": \"up\"}",
        "JSON",
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 8\r\nConnection: close\r\n\r\nIt works", "`It works`"),
    (
        "HTTP/1.1 200 OK\r\nContent-Length: 19\r\nConnection: close\r\n\r\n<status>up</status>",
        "XML",
    ),
    ("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", "an empty body"),
];

#[test]
fn service_that_is_replaced_in_the_middle_of_the_run_ends_the_run() {
    for (answer, told) in OTHERS {
        let server = EndingServer::start(4, Ending::Says(answer));
        let ended = conform(&server, &["--case", "message"]);
        assert_given_up(
            &ended,
            &["the address does not serve SCEP any more", told, "cases were not tried"],
        );
        assert!(untried(&ended) > 10, "{}", ended.stdout);
        // The case that met the end is no other one's fault, and is counted by itself.
        let met = lines(&ended, "broke");
        assert!((1..=2).contains(&met.len()), "{}", ended.stdout);
        assert!(ended.stdout.contains(&format!("{} broke off, ", met.len())), "{}", ended.stdout);
        assert!(!ended.stdout.contains("the PKI broke"), "{}", ended.stdout);
    }
}

#[test]
fn service_that_is_replaced_after_the_discovery_is_not_judged() {
    for (answer, told) in OTHERS {
        let server = EndingServer::start(usize::MAX, Ending::SaysFrom(2, answer));
        let ended = conform(&server, &["--case", "message"]);
        assert_given_up(&ended, &["the plain exchange could not be made"]);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        assert!(!ended.stderr.contains("--no-gate"), "{}", ended.stderr);
        assert_eq!(ended.stderr.matches(told).count(), 1, "told twice: {}", ended.stderr);
        assert_eq!(ended.stdout.lines().filter(|line| line.contains("R30")).count(), 0);
    }
}

#[test]
fn service_that_is_replaced_during_the_discovery_is_not_gone() {
    for (answer, told) in OTHERS {
        let server = EndingServer::start(usize::MAX, Ending::SaysFrom(1, answer));
        let ended = conform(&server, &["--case", "message"]);
        assert_given_up(&ended, &["after GetCACaps, the address does not serve SCEP any more"]);
        assert!(ended.stderr.contains(told), "{}", ended.stderr);
        assert!(!ended.stderr.contains("was gone"), "{}", ended.stderr);
    }
}

#[test]
fn server_that_is_replaced_by_one_with_another_ca_is_noticed() {
    let server = EndingServer::start(4, Ending::IsReplaced);
    let ended = conform(&server, &[]);
    assert_given_up(&ended, &["the CA's certificate changed from SHA-256 ", " during `"]);
    assert!(lines(&ended, "ok ").len() >= 2, "{}", ended.stdout);
    assert!(!ended.stdout.contains("\n  fails"), "a requirement fails: {}", ended.stdout);
    // A case that passes may have met either, so the certificates are compared at the end, too.
    let server = EndingServer::start(2, Ending::IsReplaced);
    let ended = conform(&server, &["--case", "attributes/recipient-nonce"]);
    assert_given_up(&ended, &["the CA's certificate changed from SHA-256 ", " during the run"]);
}

#[test]
fn connection_that_is_reset_at_the_first_contact_is_perhaps_one_for_https() {
    let server = EndingServer::start(0, Ending::Resets);
    let ended = conform(&server, &[]);
    assert_given_up(&ended, &[]);
    let told = "the connection was reset without an answer; perhaps it speaks only HTTPS";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}

#[test]
fn service_that_refuses_all_messages_from_the_middle_on_is_given_up() {
    let moved =
        "HTTP/1.1 302 Found\r\nLocation: /login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let login = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    for (answer, told) in [OTHERS[0], (moved, "HTTP 302, moved to `/login`"), (login, "HTTP 401")] {
        let server = EndingServer::start(4, Ending::SaysToMessages(answer));
        let ended = conform(&server, &["--case", "message"]);
        let last = ended.stderr.lines().rev().find(|line| line.starts_with("error: ")).unwrap();
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(last.contains("12 messages in a row") && last.contains(told), "{last}");
        // Neither a failure nor a refusal of the service.
        assert_eq!(lines(&ended, "FAIL "), Vec::<&str>::new(), "{}", ended.stdout);
        assert!(lines(&ended, "ok ").len() <= 4, "{}", ended.stdout);
    }
}

#[test]
fn messages_that_are_sent_elsewhere_judge_no_server() {
    for to in ["/login", "https://pki.example.com/scep"] {
        let answer = format!(
            "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        );
        let server = EndingServer::start(0, Ending::SaysToMessages(answer.leak()));
        let ended = conform(&server, &["--case", "message"]);
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        let words = "the server sends messages to another address, so the server is not judged";
        assert!(ended.stderr.contains(words) && ended.stderr.contains(to), "{}", ended.stderr);
        assert_eq!(lines(&ended, "FAIL "), Vec::<&str>::new(), "{}", ended.stdout);
    }
}
