//! Limits of the program itself: its memory, its files, and what it tells of them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::thread;

use super::client::{enrol, get, settings};
use super::{LINUX, Server};
use crate::suite::sceplab::{DEADLINE, Running, run, run_program, without_environment, workspace};

/// The largest memory that a process has had so far, in KiB.
fn peak_memory(process: u32) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    peak.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Sends a request whose body comes in pieces of one byte, until the server closes the connection.
fn send_tiny_chunks(authority: &str) {
    let mut stream = TcpStream::connect(authority).unwrap();
    let head = "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let chunks = "1\r\na\r\n".repeat(1_000);
    let _ = stream.write_all(head.as_bytes());
    while stream.write_all(chunks.as_bytes()).is_ok() {}
}

#[tokio::test]
async fn bodies_in_pieces_of_one_byte_occupy_little_memory() {
    let server = Server::start(&["linux"]);
    let before = peak_memory(server.running.id());
    let senders: Vec<_> = (0..32)
        .map(|_| {
            let authority = server.authority.clone();
            thread::spawn(move || send_tiny_chunks(&authority))
        })
        .collect();
    for sender in senders {
        sender.join().unwrap();
    }
    let more = peak_memory(server.running.id()) - before;
    // A connection has a buffer for its head, one for its body, and little beside them.
    assert!(more < 32 * 1_024, "{more} KiB more than before");
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
}

/// `sceplab serve` in a shell that first carries out `limit`.
fn limited(limit: &str, arguments: &str) -> Running {
    let program = env!("CARGO_BIN_EXE_sceplab");
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("{limit}; exec {program} serve {arguments} --listen 127.0.0.1:0")]);
    without_environment(&mut shell);
    shell.current_dir(workspace()).stdin(Stdio::null());
    Running::start(shell)
}

fn authority(running: &mut Running) -> String {
    running.stdout_line(|line| {
        let url = line.strip_prefix("url")?.trim().strip_prefix("http://")?;
        Some(url.split('/').next()?.to_owned())
    })
}

#[tokio::test]
async fn few_open_files_are_for_few_connections() {
    let mut running = limited("ulimit -n 100", "linux");
    let warning = running.stderr_line(|line| line.contains("open files").then(|| line.to_owned()));
    assert!(warning.contains("no more than 36 connections"), "{warning}");
    let authority = authority(&mut running);
    let idle: Vec<_> = (0..200).map(|_| TcpStream::connect(&authority).unwrap()).collect();
    enrol(&authority, LINUX, settings("CN=a", None)).await.unwrap();
    drop(idle);
}

#[tokio::test]
async fn low_limit_of_open_files_is_raised() {
    let mut running = limited("ulimit -S -n 64", "linux");
    let authority = authority(&mut running);
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", running.id())).unwrap();
    let files = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    assert!(files.split_whitespace().nth(3).unwrap().parse::<u32>().unwrap() >= 256, "{files}");
    assert_eq!(get(&authority, LINUX, "operation=GetCACaps").await.status, 200);
}

#[tokio::test]
async fn full_disk_tells_the_peer_nothing_of_paths() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("the-state");
    // Without the trap, a file that may not grow ends the process.
    let arguments = format!("rfc8894 --state {}", state.display());
    let mut running = limited("trap '' XFSZ", &arguments);
    let authority = authority(&mut running);
    let path = "/cgi-bin/pkiclient.exe";
    enrol(&authority, path, settings("CN=a", None)).await.unwrap();
    run_program("prlimit", &["--pid", &running.id().to_string(), "--fsize=0"]);
    let refused = enrol(&authority, path, settings("CN=b", None)).await.unwrap_err().to_string();
    assert!(!refused.contains("the-state"), "{refused}");
    assert!(refused.contains("the server cannot do this at the moment"), "{refused}");
    let logged = running.stdout_line(|line| line.contains("FAILURE").then(|| line.to_owned()));
    assert!(logged.contains("the-state"), "{logged}");
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_wait_for_a_full_disk_all_fail_and_later_ones_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = format!("rfc8894 --state {}", folder.path().join("state").display());
    let mut running = limited("trap '' XFSZ", &arguments);
    let (authority, path) = (authority(&mut running), "/cgi-bin/pkiclient.exe");
    let limit = |size: &str| {
        let size = format!("--fsize={size}:unlimited");
        run_program("prlimit", &["--pid", &running.id().to_string(), &size]);
    };
    let enrol_all = |subject: &'static str| {
        let requests: Vec<_> = (0..32)
            .map(|number| {
                let (authority, subject) = (authority.clone(), format!("CN={subject}{number}"));
                tokio::spawn(async move {
                    enrol(&authority, path, settings(&subject, None)).await.is_ok()
                })
            })
            .collect();
        async move {
            let mut issued = 0;
            for request in requests {
                issued += usize::from(request.await.unwrap());
            }
            issued
        }
    };
    assert_eq!(enrol_all("before").await, 32);
    // Files may grow no more, now or soon, so that a commit of several requests fails in its midst.
    let largest = |name: &str| {
        std::fs::metadata(folder.path().join("state").join(name)).map_or(0, |it| it.len())
    };
    let size = largest("state.db").max(largest("state.db-wal"));
    let mut issued = 32;
    for room in [0, 5_000, 20_000] {
        limit(&(size + room).to_string());
        issued += enrol_all("full").await;
    }
    limit("unlimited");
    assert_eq!(enrol_all("after").await, 32);
    issued += 32;
    // Each client that was answered has a certificate of the state, and the state has no other.
    drop(running);
    let mut settings = mock_ca::Settings::new("ca", mock_ca::PersonalityName::Rfc8894);
    settings.state = Some(folder.path().join("state"));
    let ca = mock_ca::Ca::open(settings, scep::clock::Clock::system()).unwrap();
    assert_eq!(ca.issued().unwrap().len(), issued);
}

#[test]
fn options_for_limits_must_make_sense() {
    for (option, value) in [("--memory", "7"), ("--max-message", "0"), ("--max-message", "2049")] {
        let ended = run(&["serve", "linux", option, value]);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(option), "{ended:?}");
    }
}

/// The server's answer to a body of this size.
fn answer_to(authority: &str, size: usize) -> String {
    let mut stream = TcpStream::connect(authority).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let head = format!(
        "POST /scep?operation=PKIOperation HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {size}\r\n\r\n"
    );
    stream.write_all(&[head.as_bytes(), &vec![b'x'; size]].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[test]
fn longest_message_is_an_option() {
    for (arguments, longest) in
        [(&["linux"][..], 65_536), (&["linux", "--max-message", "1"], 1_024)]
    {
        let server = Server::start(arguments);
        assert_eq!(answer_to(&server.authority, longest), "HTTP/1.1 500 Internal Server Error");
        assert_eq!(answer_to(&server.authority, longest + 1), "HTTP/1.1 413 Payload Too Large");
    }
}
