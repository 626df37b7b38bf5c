//! A URL that is not sent as it was typed is refused before anything is sent.

use std::io::{BufRead, BufReader, ErrorKind};
use std::net::TcpListener;

use super::sceplab::{Running, command, run_in, workspace};

/// The digits of a number in full width, which some parsers of numbers take.
fn full_width(number: u16) -> String {
    let wide = |digit: u32| char::from_u32(0xff10 + digit).unwrap();
    number.to_string().chars().map(|digit| wide(digit.to_digit(10).unwrap())).collect()
}

/// URLs that a lenient program takes for one of this port of 127.0.0.1, and the words of their refusal.
fn urls(port: u16) -> Vec<(String, &'static str)> {
    const PORT: &str = "the port must be a number from 1 to 65535";
    const SENT: &str = "programs would send it as `http://";
    const USER: &str = "leave out the user and the password";
    const NOT_HTTP: &str = "which begins with `http://`";
    const HOST: &str = "neither a name nor an address";
    let (wraps, wide) = (u32::from(port) + 65536, full_width(port));
    let spaced = port.to_string().replacen("", " ", 3).trim().to_owned();
    let octets = [
        ("http://127.1", SENT),
        ("http://127.0.1", SENT),
        ("http://0x7f.1", SENT),
        ("http://0x7f.0.0.1", SENT),
        ("http://0X7F000001", SENT),
        ("http://0177.0.0.1", SENT),
        ("http://017700000001", SENT),
        ("http://2130706433", SENT),
        ("http://127.0.0.1.", SENT),
        ("http://\u{ff11}\u{ff12}\u{ff17}.0.0.1", SENT),
        ("http://127\u{3002}0.0.1", SENT),
        ("http://127.0.0.1%00", HOST),
        ("http://%31%32%37.0.0.1", SENT),
        ("http://127.0.0.1\t", SENT),
        ("http://127.0.\n0.1", SENT),
        ("http://127.0.0.0x1", SENT),
        ("http://127.0.0.1.1", HOST),
        ("http://[::ffff:127.0.0.1]", SENT),
        ("http://[::ffff:127.0.0.1%25lo]", HOST),
        ("http://[0:0::1]", SENT),
        ("http://[::1%lo]", HOST),
        ("http://[127.0.0.1]", HOST),
        ("http://::1", "an IPv6 address must be in brackets"),
        ("http://\u{ff4c}ocalhost", SENT),
        ("http://local\u{ad}host", SENT),
        ("http://localhost\u{3002}", SENT),
        ("http://localhost..", HOST),
        ("http://user@127.0.0.1", USER),
        ("http://user:s3cret@127.0.0.1", USER),
        ("http://@127.0.0.1", USER),
        ("http:127.0.0.1", NOT_HTTP),
        ("http:/127.0.0.1", NOT_HTTP),
        ("http:///127.0.0.1", "the host is missing"),
        ("http:\\\\127.0.0.1", NOT_HTTP),
        ("http//127.0.0.1", NOT_HTTP),
        ("ht\ttp://127.0.0.1", NOT_HTTP),
        ("127.0.0.1", NOT_HTTP),
        ("//127.0.0.1", NOT_HTTP),
        ("ftp://127.0.0.1", NOT_HTTP),
        ("https://127.1", "programs would send it as `https://"),
        ("https:127.0.0.1", NOT_HTTP),
        (" http://127.0.0.1", "leave out the blanks"),
        ("\u{a0}http://127.0.0.1", "leave out the blanks"),
    ]
    .map(|(host, words)| (format!("{host}:{port}/scep"), words));
    let ports = [
        (wraps.to_string(), PORT),
        (format!("-{port}"), PORT),
        (format!("+{port}"), PORT),
        (format!("0{port}"), PORT),
        (format!("{port:#x}"), PORT),
        (format!(" {port}"), PORT),
        (spaced, PORT),
        (format!("{port}.0"), PORT),
        (format!("{port}e0"), PORT),
        (wide, PORT),
        (String::new(), "the port is missing"),
        ("0".to_owned(), PORT),
        ("65536".to_owned(), PORT),
        ("99999".to_owned(), PORT),
        ("8O80".to_owned(), PORT),
    ]
    .map(|(port, words)| (format!("http://127.0.0.1:{port}/scep"), words));
    let rests = [
        ("\\scep", PORT),
        ("/a\\b", "in a path must be written in hexadecimal"),
        ("/a b", "in a path must be written in hexadecimal"),
        ("/\u{e9}", "in a path must be written in hexadecimal"),
        ("/%zz", "in a path must be written in hexadecimal"),
        ("/a/../b", SENT),
        ("/./scep", SENT),
        ("/a/%2E%2e/b", SENT),
        ("/scep?operation=GetCACert", "leave out the query"),
        ("/scep#a", "leave out the `#`"),
        ("/scep\n", "leave out the blanks"),
        (":80/scep", "a host has one port at most"),
    ]
    .map(|(rest, words)| (format!("http://127.0.0.1:{port}{rest}"), words));
    let long = format!("http://127.0.0.1:{port}/{}", "a".repeat(100_000));
    octets
        .into_iter()
        .chain(ports)
        .chain(rests)
        .chain([(long, "a URL has at most 2048 bytes"), (String::new(), NOT_HTTP)])
        .collect()
}

#[test]
fn url_that_would_be_sent_otherwise_is_refused_before_connecting() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let folder = tempfile::tempdir().unwrap();
    for (url, words) in urls(port) {
        let ended = run_in(folder.path(), &["health", &url]);
        assert_eq!(ended.code, Some(2), "{url:?}: {ended:?}");
        assert!(ended.stderr.contains(words), "{url:?}: {}", ended.stderr);
        assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    }
    let unconnected = listener.accept().unwrap_err();
    assert_eq!(unconnected.kind(), ErrorKind::WouldBlock);
}

#[test]
fn escapes_in_a_path_are_sent_as_they_were_typed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let path = "/a%0d%0aX:y%00%2fb;c=%7E";
    let url = format!("http://{address}{path}");
    for arguments in [&["health", &url][..], &["enrol", &url], &["conform", &url]] {
        let mut running = Running::start(command(workspace(), arguments));
        let (stream, _) = listener.accept().unwrap();
        let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
        let line = lines.next().unwrap();
        assert!(line.starts_with(&format!("GET {path}?operation=GetCAC")), "{arguments:?}: {line}");
        let names: Vec<String> = lines
            .take_while(|line| !line.is_empty())
            .map(|line| line.split(':').next().unwrap().to_lowercase())
            .collect();
        assert_eq!(names, ["host", "user-agent", "connection"], "{arguments:?}");
        running.kill();
    }
}

#[test]
fn every_command_and_file_refuses_the_same_urls() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |arguments: &[&str]| {
        let ended = run_in(folder.path(), arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {ended:?}");
        ended.stdout + &ended.stderr
    };
    let labs = workspace().join("scenarios/labs");
    for (url, words) in [
        ("http://127.0.0.1:99999/scep", "the port must be a number from 1 to 65535"),
        ("http://127.1/scep", "programs would send it as `http://127.0.0.1/scep`"),
        ("http://h/a/../scep", "programs would send it as `http://h/scep`"),
    ] {
        for arguments in [
            ["enrol", url, "--challenge", "s3cret"].as_slice(),
            &["conform", url, "--challenge", "s3cret", "--dry-run"],
            &["conform", "http://127.0.0.1:1/", "--ndes-admin", url, "--dry-run"],
        ] {
            let said = refused(arguments);
            assert!(said.contains(words), "{arguments:?}: {said}");
        }
        for key in ["url", "control"] {
            let lab = std::fs::read_to_string(labs.join("live-linux-pki.yaml")).unwrap();
            let line = lab.lines().find(|line| line.trim_start().starts_with("url:")).unwrap();
            let indent = &line[..line.len() - line.trim_start().len()];
            let other = if key == "url" { String::new() } else { format!("{line}\n") };
            let wrong = lab.replace(line, &format!("{other}{indent}{key}: '{url}'"));
            std::fs::write(folder.path().join("lab.yaml"), wrong).unwrap();
            let said = refused(&["check", "lab.yaml"]);
            assert!(said.contains(words), "{key}: {said}");
        }
    }
}
