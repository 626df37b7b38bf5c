//! Ends of a server, and reasons for which it does not start.
#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use tokio::time::Instant;

use super::client::{enrol, settings};
use super::{LINUX, Server};
use crate::suite::sceplab::{DEADLINE, Running, command, run, workspace};

#[tokio::test]
async fn ctrl_c_ends_a_server_without_errors() {
    let server = Server::start(&["linux"]);
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
    let (code, _, stderr) = server.interrupt();
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!stderr.contains("error"), "{stderr}");
}

#[test]
fn open_connections_do_not_keep_a_server_from_ending() {
    let server = Server::start(&["ndes"]);
    let _idle = TcpStream::connect(&server.authority).unwrap();
    assert_eq!(server.interrupt().0, Some(0));
}

#[test]
fn sigterm_ends_a_server() {
    let mut server = Server::start(&["linux"]);
    server.running.signal("TERM");
    assert_eq!(server.running.wait().code(), Some(0));
}

#[test]
fn unread_log_keeps_a_server_neither_from_serving_nor_from_ending() {
    let mut command = command(workspace(), &["serve", "linux", "--listen", "127.0.0.1:0"]);
    command.stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = Child(command.spawn().unwrap());
    let mut output = BufReader::new(child.0.stdout.take().unwrap());
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    let authority = line.split_once("http://").unwrap().1.split('/').next().unwrap().to_owned();
    // From here on, the log is not read. A pipe holds 64 KiB, which these requests fill several times.
    let mut stream = TcpStream::connect(&authority).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = b"GET /scep?operation=GetCACaps HTTP/1.1\r\nHost: a\r\n\r\n";
    for _ in 0..50 {
        for _ in 0..100 {
            stream.write_all(request).unwrap();
        }
        let mut answers = String::new();
        while answers.matches("HTTP/1.1 200").count() < 100 {
            let mut bytes = [0; 4096];
            let length = stream.read(&mut bytes).expect("the server answers");
            assert!(length > 0, "the connection ended");
            answers += &String::from_utf8_lossy(&bytes[..length]);
        }
    }
    let kill = format!("kill -TERM {}", child.0.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let start = Instant::now();
    while child.0.try_wait().unwrap().is_none() {
        assert!(start.elapsed() < DEADLINE, "the server does not end");
        thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(child.0.wait().unwrap().code(), Some(0));
}

/// A process that is killed when dropped.
struct Child(std::process::Child);

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn invalid_ca_subject_is_wrong_usage() {
    for name in ["nonsense", "", "CN="] {
        let ended = run(&["serve", "linux", "--listen", "127.0.0.1:0", "--ca-subject", name]);
        ended.assert_orderly();
        assert_eq!(ended.code, Some(2), "{name:?}: {}", ended.stderr);
    }
}

#[test]
fn server_warns_that_it_is_a_test_ca() {
    let (_, _, stderr) = Server::start(&["linux"]).interrupt();
    assert!(stderr.contains("THIS IS A TEST CA"), "{stderr}");
    assert!(stderr.contains("no challenge password"), "{stderr}");
}

#[test]
fn port_in_use_is_reported() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let ended = run(&["serve", "linux", "--listen", &address]);
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains(&address), "{}", ended.stderr);
    assert!(ended.stderr.contains("`--listen 127.0.0.1:0`"), "{}", ended.stderr);
    let control = ["serve", "linux", "--listen", "127.0.0.1:0", "--control", &address];
    let ended = run(&control);
    assert!(ended.stderr.contains("`--control 127.0.0.1:0`"), "{}", ended.stderr);
}

#[test]
fn log_option_keeps_standard_output_free() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ca.log");
    let server = Server::start(&["linux", "--log", path.to_str().unwrap()]);
    assert_eq!(run(&["health", &server.url(LINUX)]).code, Some(0));
    let (_, stdout, _) = server.interrupt();
    assert!(!stdout.contains("GetCACaps"), "{stdout}");
    assert!(fs::read_to_string(&path).unwrap().contains(" GetCACaps 200"));
    let nowhere = folder.path().join("nowhere/ca.log");
    let ended = run(&["serve", "linux", "--log", nowhere.to_str().unwrap()]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("cannot write the log"), "{ended:?}");
}

#[test]
fn end_of_standard_input_names_the_control_port() {
    let options = ["serve", "linux", "--approval", "manual", "--listen", "127.0.0.1:0"];
    for (control, expected) in [
        (&["--control", "127.0.0.1:0"][..], "approved and denied through the control port only"),
        (&[], "`--control ADDR:PORT` takes decisions"),
    ] {
        let mut server = Running::start(command(workspace(), &[&options, control].concat()));
        let line = server.stderr_line(|line| {
            line.starts_with("standard input has ended").then(|| line.to_owned())
        });
        assert!(line.contains(expected), "{line}");
    }
}

#[test]
fn unusable_state_is_reported() {
    let state = tempfile::NamedTempFile::new().unwrap();
    let path = state.path().to_str().unwrap();
    let ended = run(&["serve", "linux", "--listen", "127.0.0.1:0", "--state", path]);
    ended.assert_orderly();
    assert_eq!((ended.code, ended.stderr.contains(path)), (Some(3), true), "{}", ended.stderr);
}

#[test]
fn damaged_state_is_reported_and_left_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    drop(Server::start(&["linux", "--state", path]));
    let key = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().path());
    let key = key
        .filter(|path| path.is_file())
        .max_by_key(|path| path.metadata().unwrap().len())
        .unwrap();
    fs::write(&key, "damaged").unwrap();
    let ended = run(&["serve", "linux", "--listen", "127.0.0.1:0", "--state", path]);
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert_eq!(fs::read_to_string(&key).unwrap(), "damaged");
}

#[test]
fn state_of_another_personality_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    drop(Server::start(&["linux", "--state", path]));
    let ended = run(&["serve", "ndes", "--listen", "127.0.0.1:0", "--state", path]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}

#[test]
fn state_in_use_by_another_server_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let _first = Server::start(&["linux", "--state", path]);
    let ended = run(&["serve", "linux", "--listen", "127.0.0.1:0", "--state", path]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
}
