//! Servers that are none of SCEP, and answers that act on a terminal.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread;

use crate::suite::sceplab::{Ended, refusing, run};

/// A server that answers each request with the same bytes, until the test ends; with none it never answers.
pub(super) fn canned(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    thread::spawn(move || {
        let mut open = Vec::new();
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            if answer.is_empty() {
                open.push(stream);
            } else {
                let _ = stream.write_all(&answer);
            }
        }
    });
    url
}

pub(super) fn http(status: &str, headers: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[track_caller]
fn says(ended: &Ended, words: &[&str]) {
    assert_eq!(ended.code, Some(3), "{ended:?}");
    ended.assert_orderly();
    assert!(ended.stdout.is_empty(), "{ended:?}");
    for words in words {
        assert!(ended.stderr.contains(words), "{words}: {ended:?}");
    }
}

#[test]
fn server_that_is_no_scep_service_is_named() {
    let page = http("200 OK", "Content-Type: text/html\r\n", b"<html><title>Login</title></html>");
    let asked = run(&["inspect", &canned(page)]);
    says(
        &asked,
        &[
            "does not answer as a SCEP service, so there is nothing to show",
            "a web page (`text/html`) with the title `Login`",
            "or the path is another",
        ],
    );
    let missing = http("404 Not Found", "", b"");
    says(&run(&["inspect", &canned(missing)]), &["HTTP 404"]);
    says(&run(&["inspect", &canned(b"SSH-2.0-OpenSSH_9.2\r\n".to_vec())]), &["does not answer"]);
    let (_socket, address) = refusing();
    let asked = run(&["inspect", &format!("http://{address}/scep")]);
    says(&asked, &["cannot connect", "probably the server is not running"]);
}

#[test]
fn pki_by_https_alone_names_the_clients_that_cannot_use_it() {
    let moved = http("301 Moved Permanently", "Location: https://pki.example.com/scep\r\n", b"");
    let asked = run(&["inspect", &canned(moved)]);
    says(
        &asked,
        &[
            "moved to `https://pki.example.com/scep`",
            "if it has none, because the service is there by HTTPS alone, these clients will or may not enrol: cisco-ios, cisco-asa, junos, sscep",
        ],
    );
}

#[test]
fn silent_server_ends_the_command_in_bounded_time() {
    let asked = run(&["inspect", &canned(Vec::new()), "--timeout", "1"]);
    says(&asked, &["no answer in 1 s", "probably the server hangs"]);
}

#[test]
fn characters_that_act_on_a_terminal_are_shown_visibly() {
    let list = b"AES\nSHA-256\nX-\x1b[31mred\nX-\xe2\x80\xaereversed\n";
    let server = canned(http("200 OK", "Content-Type: text/plain\r\n", list));
    for format in [&[][..], &["--markdown"], &["--json"]] {
        let asked = run(&[&["inspect", &server][..], format].concat());
        assert_eq!(asked.code, Some(0), "{asked:?}");
        let acts = |c: char| c == '\u{1b}' || c == '\u{202e}';
        assert!(!asked.stdout.contains(acts) && !asked.stderr.contains(acts), "{asked:?}");
        assert!(asked.stdout.contains("reversed"), "{asked:?}");
    }
}

#[test]
fn endless_list_of_capabilities_is_cut_off() {
    let words: Vec<String> = (0..1500).map(|number| format!("X-{number}")).collect();
    let list = format!("AES\n{}\n", words.join("\n"));
    let server = canned(http("200 OK", "Content-Type: text/plain\r\n", list.as_bytes()));
    let asked = run(&["inspect", &server]);
    assert_eq!(asked.code, Some(0), "{asked:?}");
    assert!(asked.stdout.contains("  and 1469 more words"), "{asked:?}");
    assert!(asked.stdout.contains("the list has "), "{asked:?}");
    assert!(asked.stdout.lines().count() < 250, "{}", asked.stdout.lines().count());
}
