//! Servers that send nothing, too much, or nonsense: each run ends and reports the problem.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use crate::suite::sceplab::{Ended, command, finish, workspace};

/// Runs some cases at a server that handles each connection with `treat`, and waits for each answer for so many seconds; the server
/// ends with the test's process.
fn conform(timeout: &str, treat: fn(TcpStream)) -> Ended {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/scep", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || treat(stream));
        }
    });
    let cases = ["--case", "discovery", "--case", "ca-certificates", "--case", "attributes"];
    let limits = ["--timeout", timeout, "--jobs", "16"];
    finish(command(workspace(), &[&["conform", &url], cases.as_slice(), &limits].concat()))
}

fn ask(stream: &mut TcpStream) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head);
}

fn answer(stream: &mut TcpStream, body: &[u8]) {
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len());
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
}

#[test]
fn silent_server_is_given_up() {
    let ended = conform("1", |stream| {
        // Keeps the connection open until the other side closes it.
        let _ = (&stream).read_to_end(&mut Vec::new());
    });
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    assert!(ended.stderr.contains("answers neither GetCACaps nor GetCACert"), "{}", ended.stderr);
}

#[test]
fn server_that_closes_each_connection_is_given_up() {
    let ended = conform("60", drop);
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    ended.assert_orderly();
}

#[test]
fn endless_reply_is_cut_off() {
    let ended = conform("60", |mut stream| {
        ask(&mut stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n");
        while stream.write_all(&[b'A'; 8192]).is_ok() {}
    });
    assert_eq!(ended.code, Some(3), "{}", ended.stdout);
    assert!(ended.stderr.contains("longer than 2097152 bytes"), "{}", ended.stderr);
}

#[test]
fn nonsense_replies_fail_cases_in_an_orderly_way() {
    for nonsense in [
        &b"<html><body>\x1b[31mNot here</body></html>"[..],
        &[0x30, 0x80].repeat(50_000),
        &[0xff; 3000],
        b"\n\n\n",
    ] {
        let body: &'static [u8] = nonsense.to_vec().leak();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/scep", listener.local_addr().unwrap());
        thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                ask(&mut stream);
                answer(&mut stream, body);
            }
        });
        let cases = ["--case", "discovery", "--case", "ca-certificates", "--case", "attributes"];
        let options = ["conform", &url, "--no-gate"];
        let ended = finish(command(workspace(), &[&options, cases.as_slice()].concat()));
        assert_eq!(ended.code, Some(4), "{}\n{}", ended.stdout, ended.stderr);
        assert!(!ended.transcript().contains('\x1b'), "escape sequences are shown as they came");
        ended.assert_orderly();
    }
}
