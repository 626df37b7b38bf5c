//! The plain right exchange comes first: if it fails because of the set-up, no server is judged.

use serde_json::Value;

use crate::suite::sceplab::{Ended, command, finish, run, workspace};
use crate::suite::serve::Server;
use crate::support::http::get;

const PASSWORD: &str = "gate-s3cret-42";

/// Runs `sceplab conform` with a challenge password in the environment, or without one.
fn conform(password: Option<&str>, arguments: &[&str]) -> Ended {
    let mut command = command(workspace(), &[&["conform"], arguments].concat());
    command.envs(password.map(|password| ("SCEPLAB_CHALLENGE", password)));
    let ended = finish(command);
    ended.assert_orderly();
    ended
}

fn server(personality: &str) -> (Server, String) {
    let path = match personality {
        "linux" => "/scep",
        "ndes" => "/certsrv/mscep/mscep.dll",
        _ => "/cgi-bin/pkiclient.exe",
    };
    let server = Server::start(&[personality, "--challenge", PASSWORD]);
    let url = server.url(path);
    (server, url)
}

/// Lines with a verdict on a case.
fn verdicts(ended: &Ended) -> Vec<&str> {
    let words = ["ok ", "note ", "FAIL ", "skip ", "broke "];
    ended.stdout.lines().filter(|line| words.iter().any(|word| line.starts_with(word))).collect()
}

#[track_caller]
fn assert_not_judged(ended: &Ended, parts: &[&str]) {
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert_eq!(verdicts(ended), Vec::<&str>::new());
    assert_eq!(ended.stderr.matches("error: ").count(), 1, "{}", ended.stderr);
    // Nothing can be judged at a URL of no SCEP service.
    let is_offered = !ended.stderr.contains("a SCEP service");
    let offer = "`--no-gate` judges all the same what does not depend on a granted request";
    assert_eq!(ended.stderr.contains(offer), is_offered, "{}", ended.stderr);
    for part in parts {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn refusal_without_a_password_judges_no_server() {
    let selections: [&[&str]; 4] =
        [&[], &["--case", "transport"], &["--requirement", "R31"], &["--max-certificates", "5"]];
    for personality in ["linux", "ndes", "rfc8894"] {
        let (_server, url) = server(personality);
        for selection in selections {
            let ended = conform(None, &[&[url.as_str()], selection].concat());
            let parts = [
                "is refused without a challenge password, so the server is not judged",
                "= the plain request, a PKCSReq as every client sends it, was answered FAILURE, ",
                "`--challenge-file FILE` or in `SCEPLAB_CHALLENGE`",
            ];
            assert_not_judged(&ended, &parts);
        }
    }
}

#[test]
fn refusal_with_a_wrong_password_judges_no_server() {
    for personality in ["linux", "ndes", "rfc8894"] {
        let (_server, url) = server(personality);
        let ended = conform(Some("another-password"), &[&url]);
        let parts = [
            "is refused with the challenge password that is given, so the server is not judged",
            "wrong, expired or already used",
        ];
        assert_not_judged(&ended, &parts);
        assert!(!ended.transcript().contains("another-password"));
    }
}

#[test]
fn spent_one_time_password_judges_no_server() {
    for personality in ["ndes", "rfc8894"] {
        let (_server, url) = server(personality);
        let one = ["--case", "enrolment/pkcs-req"];
        let first = conform(Some(PASSWORD), &[&[url.as_str()], one.as_slice()].concat());
        assert_eq!(first.code, Some(0), "{}", first.transcript());
        let second = conform(Some(PASSWORD), &[&[url.as_str()], one.as_slice()].concat());
        assert_not_judged(&second, &["wrong, expired or already used"]);
    }
}

#[test]
fn one_time_password_for_many_requests_judges_no_server() {
    for personality in ["ndes", "rfc8894"] {
        let (_server, url) = server(personality);
        let ended = conform(Some(PASSWORD), &[&url, "--case", "transport"]);
        let parts = [
            "refused when it is sent again with the same challenge password",
            "each challenge password of this server is valid once",
        ];
        assert_not_judged(&ended, &parts);
    }
}

#[test]
fn name_that_is_certified_once_judges_no_server() {
    let (_server, url) = server("linux");
    let ended = conform(Some(PASSWORD), &[&url, "--case", "transport", "--subject", "CN=same"]);
    assert_not_judged(&ended, &["certifies no name twice", "put `{n}` into `--subject`"]);
}

#[test]
fn full_password_cache_of_an_ndes_judges_no_server() {
    let server = Server::start(&["ndes"]);
    let (url, page) = (server.url("/certsrv/mscep/mscep.dll"), server.url("/certsrv/mscep_admin/"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "unused\n").unwrap();
    let admin = ["--ndes-admin", &page, "--admin-user", "u", "--admin-password-file"];
    let admin = [&admin[..], &[file.to_str().unwrap()]].concat();
    for _ in 0..6 {
        // So that an NDES keeps one more unused password.
        assert_eq!(get(&page).0, 200);
    }
    let ended = conform(None, &[&[url.as_str()], admin.as_slice()].concat());
    assert_not_judged(&ended, &["could not be made", "the password cache is full"]);
}

#[test]
fn url_of_a_website_is_no_scep_service() {
    let url = website("text/html", b"<html><title>Welcome</title></html>");
    let ended = conform(Some(PASSWORD), &[&url]);
    let parts = [
        "does not answer as a SCEP service, so it is not judged",
        "GetCACaps was answered HTTP 200: a web page (`text/html`) with the title `Welcome`, and so was GetCACert",
        "perhaps the service is in maintenance",
    ];
    assert_not_judged(&ended, &parts);
    let judged = conform(Some(PASSWORD), &[&url, "--no-gate", "--case", "discovery"]);
    assert_eq!(judged.code, Some(4), "{}", judged.transcript());
    let failed = "FAIL   R01 MUST   conformance/server/discovery/get-ca-caps";
    assert!(judged.stdout.contains(failed), "{}", judged.stdout);
}

#[test]
fn nothing_passes_on_a_body_that_is_no_scep() {
    let bodies: [(&str, &[u8]); 4] = [
        ("text/html", b"<html><title>Welcome</title></html>"),
        ("text/plain", b"It works"),
        ("application/json", b"{\"status\":\"up\"}"),
        ("application/octet-stream", b"\x00\x01\x02\xff\xfe"),
    ];
    for (content_type, body) in bodies {
        let url = website(content_type, body);
        let ended = conform(Some(PASSWORD), &[&url, "--no-gate"]);
        let good: Vec<_> = verdicts(&ended)
            .into_iter()
            .filter(|line| line.starts_with("ok ") || line.starts_with("note "))
            .collect();
        assert_eq!(good, Vec::<&str>::new(), "{content_type}");
    }
}

#[test]
fn hint_about_a_url_without_scep_fits_what_came() {
    for (answer, hint) in [
        ("401 Unauthorized", "the server wants a login"),
        ("403 Forbidden", "does not let this address in"),
        ("429 Too Many Requests", "the server is busy or not ready"),
        ("503 Service Unavailable", "the server is busy or not ready"),
        ("502 Bad Gateway", "a proxy does not reach the server behind it"),
        ("500 Internal Server Error", "the server has an error of its own"),
        ("302 Found\r\nLocation: /pki/scep", "the server redirects: give the address"),
        ("404 Not Found", "probably the path is another"),
    ] {
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n").leak().as_bytes();
        let ended = conform(None, &[&saying(answer)]);
        assert_not_judged(&ended, &[hint]);
        let others = ended.stderr.matches("probably the path is another").count();
        assert_eq!(others, usize::from(hint.contains("the path")), "{}", ended.stderr);
    }
    let tls = saying(b"\x15\x03\x01\x00\x02\x02\x28");
    let ended = conform(None, &[&tls]);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("the server speaks HTTPS at this port"), "{}", ended.stderr);
    assert!(ended.stderr.contains("compare the port of the URL"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hangs"), "{}", ended.stderr);
}

#[test]
fn empty_password_is_refused_as_such() {
    for command in ["conform", "enrol"] {
        let ended = run(&[command, "http://127.0.0.1:1/scep", "--challenge="]);
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        assert!(ended.stderr.contains("the password is empty"), "{}", ended.stderr);
    }
}

#[test]
fn capabilities_in_another_encoding_are_told_as_such() {
    let keywords = "POSTPKIOperation\r\nAES\r\nSHA-256\r\n";
    let utf16 = keywords.encode_utf16().flat_map(u16::to_le_bytes);
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(utf16).collect();
    let marked = [b"\xef\xbb\xbf", keywords.as_bytes()].concat();
    let cases = ["caps-text-case", "caps-plain-text", "caps-line-ends"];
    let cases: Vec<String> = cases.iter().map(|id| format!("--case=discovery/{id}")).collect();
    let cases: Vec<&str> = cases.iter().map(String::as_str).collect();
    for (body, note) in [(marked, "a UTF-8 byte order mark"), (utf16, "in UTF-16")] {
        let url = website("text/plain", &body);
        let ended = conform(None, &[&[url.as_str(), "--no-gate"], &cases[..]].concat());
        let lines = verdicts(&ended);
        let noted = lines.iter().find(|line| line.contains("caps-plain-text")).unwrap();
        assert!(noted.starts_with("note   R54 MUST") && noted.contains(note), "{noted}");
        let ok = lines.iter().filter(|line| line.starts_with("ok ")).count();
        assert_eq!(ok, 2, "{}", ended.stdout);
    }
}

/// The URL of a server that answers everything with these bytes.
fn saying(answer: &'static [u8]) -> String {
    use std::io::{Read, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.read(&mut [0; 8192]);
            let _ = stream.write_all(answer);
        }
    });
    url
}

/// The URL of a server that answers everything with this body.
fn website(content_type: &str, body: &[u8]) -> String {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\n");
    let head = format!("{head}Content-Length: {}\r\n\r\n", body.len());
    saying([head.as_bytes(), body].concat().leak())
}

#[test]
fn cases_without_messages_are_judged_without_a_password() {
    let (server, url) = server("rfc8894");
    let ended = conform(None, &[&url, "--case", "discovery", "--case", "ca-certificates"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert!(verdicts(&ended).len() > 15, "{}", ended.stdout);
    assert!(!ended.stdout.contains("certificate issued"), "{}", ended.stdout);
    drop(server);
}

#[test]
fn no_gate_judges_what_needs_no_granted_request() {
    let (_server, url) = server("rfc8894");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.json");
    let report = format!("json={}", file.display());
    let ended = conform(Some("another"), &[&url, "--no-gate", "--report", &report]);
    // The refusal of the plain request is probably no verdict on the server either.
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let skipped = ended.stdout.lines().filter(|line| line.contains("no-plain-exchange")).count();
    assert!(skipped > 0, "{}", ended.stdout);
    for part in
        ["so 1", " cases could not be judged", "probably it is wrong, expired or already used"]
    {
        assert!(ended.stderr.contains(part), "lacks `{part}`: {}", ended.stderr);
    }
    // The server has given the reason, so there is no guess at another one.
    assert!(
        ended.stderr.contains("the server says \"wrong challenge password\""),
        "{}",
        ended.stderr
    );
    assert!(!ended.stderr.contains("does not certify this subject"), "{}", ended.stderr);
    assert!(ended.stdout.contains("1 challenge password sent"), "{}", ended.stdout);
    let lines = verdicts(&ended);
    let failed = lines.iter().filter(|line| line.starts_with("FAIL ")).count();
    assert_eq!(failed, 0, "{}", ended.stdout);
    assert!(lines.iter().any(|line| line.starts_with("ok     R01 MUST")), "{}", ended.stdout);

    let report: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let cases = report["cases"].as_array().unwrap();
    let verdict = |id: &str| {
        let is_it = |case: &&Value| case["id"].as_str().unwrap().ends_with(id);
        cases.iter().find(is_it).unwrap()["verdict"].clone()
    };
    for id in [
        "enrolment/pkcs-req",
        "transport/post",
        "message/corrupt-signature",
        "certificate/key",
        "queries/get-crl",
    ] {
        let verdict = verdict(id);
        assert_eq!(verdict["because"], "no-plain-exchange", "{id}: {verdict}");
        let evidence = verdict["evidence"][0].as_str().unwrap();
        assert!(evidence.contains("FAILURE, badMessageCheck"), "{id}: {evidence}");
    }
    let requirements = report["requirements"].as_array().unwrap();
    for id in ["R24", "R26", "R30", "R40"] {
        let one = requirements.iter().find(|one| one["requirement"] == id).unwrap();
        assert_eq!((&one["verdict"], &one["held"]), (&"not proved".into(), &0.into()), "{one}");
    }
}

#[test]
fn wrong_reply_to_the_plain_request_is_a_verdict_under_any_selection() {
    let options = ["--single-password", "--fault", "on: PKCSReq, do: corrupt-signature"];
    let server = Server::start(&[&["rfc8894", "--challenge", PASSWORD], &options[..]].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ended = conform(Some(PASSWORD), &[&url, "--case", "attributes/recipient-nonce"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let failed = "FAIL   R02 MUST   conformance/server/enrolment/pkcs-req";
    assert!(ended.stdout.contains(failed), "{}", ended.stdout);
}

#[test]
fn silence_on_the_plain_request_is_a_verdict_and_costs_one_timeout() {
    let fault = ["--fault", "on: PKIOperation, do: delay 100s"];
    let server = Server::start(&[&["rfc8894", "--challenge", PASSWORD], &fault[..]].concat());
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ended = conform(Some(PASSWORD), &[&url, "--timeout", "5"]);
    assert_eq!(ended.code, Some(4), "{}", ended.transcript());
    let failed: Vec<_> = ended.stdout.lines().filter(|line| line.starts_with("FAIL ")).collect();
    assert_eq!(failed, ["FAIL   R02 MUST   conformance/server/enrolment/pkcs-req"]);
    let asked = ended.stdout.matches("PKIOperation by ").count();
    assert_eq!(asked, 1, "only the plain request is sent: {}", ended.stdout);
    assert!(ended.stdout.contains("the plain request was not answered: "), "{}", ended.stdout);
}

#[test]
fn pending_plain_request_passes_the_gate() {
    let manual = ["rfc8894", "--single-password", "--challenge", PASSWORD, "--approval", "manual"];
    let server = Server::start(&manual);
    let url = server.url("/cgi-bin/pkiclient.exe");
    let ended = conform(Some(PASSWORD), &[&url, "--case", "polling", "--case", "discovery"]);
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let pending = "ok     R42 MUST   conformance/server/polling/pending-without-envelope";
    assert!(ended.stdout.contains(pending), "{}", ended.stdout);
    let listed = ended.stdout.matches("(pending: must be denied)").count();
    assert!(listed > 1, "{}", ended.stdout);
}

#[test]
fn plain_request_is_in_the_budget_and_in_the_dry_run() {
    let url = "http://127.0.0.1:1/scep";
    let dry = run(&["conform", url, "--dry-run", "--case", "attributes/recipient-nonce"]);
    let first = "  conformance/server/enrolment/pkcs-req  (certificates: 1, challenge passwords: 1)  first, ";
    assert!(dry.stdout.contains(first), "{}", dry.stdout);
    let cost = "\nplan: 1 case after the plain request\n  certificates         up to 2 will be issued\n  challenge passwords  none is given; if the server wants them: up to 2 will be used\n";
    assert!(dry.stdout.ends_with(cost), "{}", dry.stdout);
    let limited = ["conform", url, "--dry-run", "--case", "attributes", "--max-certificates", "1"];
    let dry = run(&limited);
    assert!(dry.stdout.contains(first), "{}", dry.stdout);
    let limited = "\nplan: 0 of 17 cases after the plain request\n  certificates         up to 1 will be issued\n";
    assert!(dry.stdout.contains(limited), "{}", dry.stdout);
    let none = ["conform", url, "--dry-run", "--case", "polling", "--max-certificates", "0"];
    let dry = run(&none);
    let none = "\nplan: 0 of 11 cases\n  certificates         none will be issued\n  challenge passwords  none will be sent\n";
    assert!(dry.stdout.contains(none), "{}", dry.stdout);
    let dry = run(&["conform", url, "--dry-run", "--case", "discovery"]);
    assert!(!dry.stdout.contains("pkcs-req"), "{}", dry.stdout);
}

#[test]
fn no_more_passwords_are_used_than_promised() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("passwords");
    let passwords: Vec<String> = (0..400).map(|number| format!("one-time-{number:03}")).collect();
    std::fs::write(&list, passwords.join("\n")).unwrap();
    let list = list.to_str().unwrap();
    // This CA grants requests in single DES and others that must be refused, so that their shared password is used up.
    let server = Server::start(&["ndes", "--challenge-file", list]);
    let url = server.url("/certsrv/mscep/mscep.dll");
    let arguments = ["conform", &url, "--challenge-file", list, "--case", "algorithms"];
    let dry = run(&[&arguments[..], &["--dry-run"]].concat());
    let number = |text: &str, before: &str, after: &str| {
        let (_, rest) = text.split_once(before).unwrap();
        rest.split_once(after).unwrap().0.trim().parse::<usize>().unwrap()
    };
    let promised = number(&dry.stdout, "challenge passwords  up to ", "will be used");
    let ended = run(&arguments);
    let used = number(&ended.stdout, "issued, ", "challenge passwords used");
    assert!(used <= promised, "{used} of {promised}: {}", ended.stdout);
}
