//! `sceplab inspect`: what a PKI shows, and which clients will have trouble with it.

mod clients;
mod foreign;
mod unanswered;
mod watch;

use std::time::Duration;

use regex::Regex;
use scep::clock::Clock;

use self::foreign::{canned, http};
use super::explain::authority;
use super::sceplab::{Ended, run};
use crate::support::server::{LINUX, NDES, Server};
use crate::support::snapshots::assert_output_of;

/// The path of the personality `rfc8894`.
const RFC8894: &str = "/cgi-bin/pkiclient.exe";

/// Inspects a server with further arguments.
fn inspect(server: &Server, path: &str, more: &[&str]) -> Ended {
    run(&[&["inspect", &server.url(path)], more].concat())
}

/// The text without what changes with every run.
fn redacted(text: &str) -> String {
    let mut text = text.to_owned();
    for (pattern, placeholder) in [
        (r"127\.0\.0\.1:\d+", "<server>"),
        (r"\b([0-9A-F]{2}:){31}[0-9A-F]{2}\b", "<sha-256>"),
        (r"\b([0-9A-F]{2}:){19}[0-9A-F]{2}\b", "<sha-1>"),
        (r"\b([0-9A-F]{2}:){15}[0-9A-F]{2}\b", "<md5>"),
        (r"valid for \d+ days( \d+ h)?", "valid for <days>"),
        (r"which is \d+ days( \d+ h)? after", "which is <days> after"),
        (r"serial      [0-9A-F]+", "serial      <serial>"),
        (r"(cert|message), \d+ bytes", "$1, <number> bytes"),
    ] {
        text = Regex::new(pattern).unwrap().replace_all(&text, placeholder).into_owned();
    }
    text
}

#[track_caller]
fn assert_snapshot(name: &str, ended: &Ended) {
    assert_output_of("../suite/inspect/snapshots", name, &redacted(&ended.transcript()));
}

#[test]
fn personalities_are_shown() {
    for (personality, path) in [("linux", LINUX), ("ndes", NDES), ("rfc8894", RFC8894)] {
        let server = Server::start(&[personality]);
        assert_snapshot(personality, &inspect(&server, path, &[]));
    }
}

#[test]
fn verbose_names_what_fits_and_what_is_unknown() {
    let server = Server::start(&["linux"]);
    let shown = inspect(&server, LINUX, &["--client", "sscep", "--client", "pan-os", "--verbose"]);
    assert_snapshot("verbose", &shown);
}

#[test]
fn json_and_markdown_have_all_of_it() {
    let server = Server::start(&["ndes"]);
    let json = inspect(&server, NDES, &["--json"]);
    assert_eq!(json.code, Some(0), "{json:?}");
    let read: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!(read["version"], 1);
    assert_eq!(read["certificates"]["list"].as_array().unwrap().len(), 3);
    assert_eq!(read["certificates"]["list"][0]["key_usage"][0], "digitalSignature");
    assert_eq!(read["certificates"]["recipient"], 2);
    assert_eq!(read["certificates"]["list"][0]["sha1"].as_str().unwrap().len(), 59);
    assert_eq!(read["clients"].as_array().unwrap().len(), families::FamilyName::ALL.len());
    let strongswan =
        read["clients"].as_array().unwrap().iter().find(|one| one["name"] == "strongswan");
    assert_eq!(strongswan.unwrap()["verdict"], "may fail");
    assert_eq!(strongswan.unwrap()["troubles"][0]["subject"], "cipher");

    let markdown = inspect(&server, NDES, &["--markdown"]);
    assert_eq!(markdown.code, Some(0), "{markdown:?}");
    for heading in ["## Capabilities", "## Certificates", "## HTTP", "## Clients"] {
        assert!(markdown.stdout.contains(heading), "{heading}: {markdown:?}");
    }
    let columns = |line: &str| line.replace(r"\|", "").matches(" | ").count();
    let rows = markdown.stdout.lines().filter(|line| line.starts_with("| Juniper"));
    assert_eq!(rows.map(columns).collect::<Vec<_>>(), [2], "{markdown:?}");
}

#[test]
fn markdown_has_the_sections_of_the_text() {
    let sections = |server: &Server, path: &str| -> Vec<String> {
        let markdown = inspect(server, path, &["--markdown"]);
        assert_eq!(markdown.code, Some(0), "{markdown:?}");
        let titles = markdown.stdout.lines().filter_map(|line| line.strip_prefix("## "));
        titles.map(str::to_owned).collect()
    };
    let ndes = sections(&Server::start(&["ndes"]), NDES);
    assert_eq!(ndes, ["Capabilities", "Certificates", "HTTP", "What stands out", "Clients"]);
    let rfc8894 = Server::start(&["rfc8894"]);
    let titles = sections(&rfc8894, RFC8894);
    assert_eq!(titles, ["Capabilities", "Certificates", "Next CA", "HTTP", "Clients"]);
    // Each table has a row for each line of the text, and the report ends with the counts.
    let markdown = inspect(&rfc8894, RFC8894, &["--markdown"]).stdout;
    for row in ["| `AES` | ", "| 1 | root CA; ", "| GetCACaps in HTTP/1.0 | ", "| strongSwan "] {
        assert!(markdown.lines().any(|line| line.starts_with(row)), "{row}: {markdown}");
    }
    assert!(markdown.trim_end().ends_with('.'), "{markdown}");
}

#[test]
fn ca_certificates_of_one_name_are_told_apart() {
    let (hour, day) = (Duration::from_secs(3_600), Duration::from_secs(86_400));
    let now = Clock::system().now();
    let old = authority(17, now - day, now + day).certificate;
    let new = authority(34, now - hour, now + day).certificate;
    let body = scep::certs_only::encode(&[old, new], &[]).unwrap();
    let url = canned(http("200 OK", "Content-Type: application/x-x509-ca-ra-cert\r\n", &body));
    let shown = run(&["inspect", &url]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let words = "several certificates of the CA could receive the request: it is addressed to `CN = CA` (serial number 22), and not to `CN = CA` (serial number 11)";
    assert!(shown.stdout.contains(words), "{shown:?}");
}

#[test]
fn ca_identifier_is_sent_and_requests_without_it_are_shown() {
    let server = Server::start(&["linux"]);
    let shown = inspect(&server, LINUX, &["--ca-identifier", "My CA"]);
    assert_eq!(shown.code, Some(0), "{shown:?}");
    assert!(shown.stdout.contains("asked for the CA `My CA`; nothing was enrolled"), "{shown:?}");
    assert!(shown.stdout.contains("GetCACert without `message=`"), "{shown:?}");
    assert!(!shown.stdout.contains("message=CAIdentifier"), "{shown:?}");
}

#[test]
fn next_ca_is_shown_if_it_is_offered() {
    let server = Server::start(&["rfc8894"]);
    let shown = inspect(&server, RFC8894, &[]);
    assert!(shown.stdout.contains("\nNext CA (GetNextCACert: HTTP 200"), "{shown:?}");
    let forged =
        Server::start(&["rfc8894", "--fault", "on: GetNextCACert, do: next-ca-foreign-signer"]);
    let shown = inspect(&forged, RFC8894, &[]);
    let (_, next) = shown.stdout.split_once("\nNext CA").unwrap();
    let (next, _) = next.split_once("\nHTTP").unwrap();
    assert!(!next.contains("SHA-256"), "an untrusted certificate is shown: {next}");
    assert!(next.lines().nth(1).is_some_and(|reason| reason.len() > 20), "{next}");
}

/// The page of the book is what the program knows.
#[test]
fn table_of_clients_is_that_of_the_book() {
    let listed = run(&["inspect", "--list-clients"]);
    assert_eq!(listed.code, Some(0), "{listed:?}");
    let page = include_str!("../../docs/reference/client-families.md");
    assert!(
        page.contains(listed.stdout.trim()),
        "replace the part below `## The table` of docs/reference/client-families.md by the output of `sceplab inspect --list-clients`"
    );
}

#[test]
fn wrong_usage_is_refused() {
    for (arguments, words) in [
        (&["inspect"][..], "<URL>"),
        (&["inspect", "http://pki.example.com/scep", "--client", "nokia"], "nokia"),
        (&["inspect", "http://pki.example.com/scep", "--watch=0s"], "from `1s` to `1d`"),
        (
            &["inspect", "http://pki.example.com/scep", "--json", "--markdown"],
            "cannot be used with",
        ),
        (&["inspect", "ftp://pki.example.com/scep"], "begins with `http://`"),
    ] {
        let refused = run(arguments);
        assert_eq!(refused.code, Some(2), "{refused:?}");
        assert!(refused.stderr.contains(words), "{words}: {refused:?}");
    }
}
