//! `sceplab inspect --watch`.
#![cfg(unix)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::suite::sceplab::{Running, command, workspace};

/// Capabilities at first, then others, then an error, then the first ones again.
const LISTS: [(&str, &str); 3] = [
    ("200 OK", "AES\nGetNextCACert\nSHA-256\n"),
    ("200 OK", "AES\nGetNextCACert\nSHA-512\n"),
    ("503 Service Unavailable", "busy\n"),
];

/// A server that has no certificates but those of a next CA, and whose answers the test switches.
fn switched() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    let switch = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&switch);
    thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let mut head = [0; 4096];
            let read = stream.read(&mut head).unwrap_or_default();
            let asked = String::from_utf8_lossy(&head[..read]).into_owned();
            let (status, body) = LISTS[state.load(Ordering::SeqCst)];
            let (status, body) = match &asked {
                asked if asked.contains("GetCACaps") => (status, body),
                asked if asked.contains("GetNextCACert") => ("200 OK", "a next CA"),
                _ => ("404 Not Found", ""),
            };
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
            );
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    (url, switch)
}

#[test]
fn watch_says_what_changes_until_it_is_interrupted() {
    let (url, switch) = switched();
    let arguments = ["inspect", &url, "--watch=1s", "--client", "sceplab"];
    let mut watching = Running::start(command(workspace(), &arguments));
    watching.stdout_line(|line| (line == "watching every 1 s; Ctrl-C ends it").then_some(()));
    let mut wait_for = |words: &str| {
        watching.stdout_line(|line| line.ends_with(words).then_some(()));
    };
    switch.store(1, Ordering::SeqCst);
    wait_for("the capability `SHA-512` is new");
    wait_for("the capability `SHA-256` is gone");
    switch.store(2, Ordering::SeqCst);
    wait_for("GetCACaps is answered HTTP 503, text/plain, and was answered HTTP 200, text/plain");
    // What changed meanwhile is told when it comes again.
    switch.store(0, Ordering::SeqCst);
    wait_for("GetCACaps is answered HTTP 200, text/plain, and was answered HTTP 503, text/plain");
    wait_for("the capability `SHA-256` is new");
    watching.signal("INT");
    assert_eq!(watching.wait().code(), Some(0));
    let rest = watching.rest_of_stdout();
    // Nothing is told twice, and nothing of what is not seen while the server has an error.
    assert_eq!(rest.matches("`SHA-512` is new").count(), 1, "{rest}");
    assert!(!rest.contains("next CA is announced"), "{rest}");
}

#[test]
fn watch_tells_each_change_as_a_line_of_json() {
    let (url, switch) = switched();
    let arguments = ["inspect", &url, "--watch=1s", "--json", "--client", "sceplab"];
    let mut watching = Running::start(command(workspace(), &arguments));
    let document = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    let first = watching.stdout_line(|line| Some(document(line)));
    assert_eq!(first["url"], url.as_str());
    switch.store(1, Ordering::SeqCst);
    let change = watching.stdout_line(|line| Some(document(line)));
    assert_eq!(change["change"], "the capability `SHA-512` is new");
    assert!(change["version"].is_u64() && change["seen_at"].is_string(), "{change}");
    watching.signal("INT");
    assert_eq!(watching.wait().code(), Some(0));
}

#[test]
fn watch_ends_when_nobody_reads_it() {
    let (url, _switch) = switched();
    let mut command = command(workspace(), &["inspect", &url, "--watch=1d", "--json"]);
    let mut watching = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut stdout = BufReader::new(watching.stdout.take().unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    // Nothing is written for a day.
    assert_eq!(watching.wait().unwrap().code(), Some(0));
}
