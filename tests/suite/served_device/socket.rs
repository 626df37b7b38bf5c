//! The socket of a served device: its users, and files in its place.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::Stdio;

use crate::suite::sceplab::{Running, command, run_in, wait_until};
use crate::support::served::{Served, refused_to_serve, serve};

#[test]
fn sigterm_ends_a_device_and_removes_its_socket() {
    let mut served = Served::start(&[]);
    assert_eq!(served.mode(), 0o600);
    assert_eq!(served.says("show date").code, Some(0));
    served.running.signal("TERM");
    assert_eq!(served.running.wait().code(), Some(0));
    assert_eq!(fs::read_dir(served.folder.path()).unwrap().count(), 0);
    assert_eq!(
        served.says("show date").transcript(),
        "exit code: 3\n--- stderr\nerror: no device is served at `dut`: there is no such file; \
         `sceplab dut --serve dut` serves one\n"
    );
    assert_eq!(Served::start(&["--mode", "660"]).mode(), 0o660);
}

#[test]
fn stale_socket_is_replaced_and_a_served_one_is_kept() {
    let mut served = Served::start(&[]);
    let second = run_in(served.folder.path(), &["dut", "--serve", "dut"]);
    assert_eq!(
        second.transcript(),
        "exit code: 3\n--- stderr\nerror: a device is already served at `dut`; \
         `sceplab dut --attach dut` opens a session\n"
    );
    served.running.kill();
    let stale = served.says("show date");
    assert!(stale.stderr.contains("no device is served at `dut` any more"), "{stale:?}");
    served.running = serve(served.folder.path(), &[]);
    assert_eq!(served.says("show date").code, Some(0));
    fs::write(served.folder.path().join("file"), "mine").unwrap();
    let file = run_in(served.folder.path(), &["dut", "--serve", "file"]);
    let refused = "`file` exists and is not a socket; it is not replaced";
    assert!(file.stderr.contains(refused), "{file:?}");
    assert_eq!(fs::read_to_string(served.folder.path().join("file")).unwrap(), "mine");
    let long = "x".repeat(200);
    let long = run_in(served.folder.path(), &["dut", "--serve", &long]);
    assert!(long.code == Some(3) && long.stderr.contains("cannot be made"), "{long:?}");
}

#[test]
fn another_protocol_on_the_socket_is_reported_and_harmless() {
    let folder = tempfile::tempdir().unwrap();
    let listener = UnixListener::bind(folder.path().join("dut")).unwrap();
    let answering = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n").unwrap();
    });
    let stranger = run_in(folder.path(), &["dut", "--attach", "dut"]);
    answering.join().unwrap();
    assert!(stranger.stderr.starts_with("error: the device accepts no session: "), "{stranger:?}");

    let served = Served::start(&[]);
    let mut garbage = UnixStream::connect(served.folder.path().join("dut")).unwrap();
    // This is longer than a line may be, so the device need not read to its end.
    let flood = vec![b'x'; 20 << 20];
    let _ = garbage.write_all(&flood);
    assert_eq!(served.says("show date").code, Some(0));
}

#[test]
fn device_accepts_64_users_at_once() {
    let served = Served::start(&[]);
    let socket = served.folder.path().join("dut");
    let users: Vec<_> = (0..64).map(|_| user(&socket)).collect();
    let told = served.says("show date").stderr;
    assert_eq!(told, "error: the device accepts no session: it has 64 sessions already\n");
    drop(users);
    wait_until("there is room again", || served.says("show date").code == Some(0));
}

/// A connection whose session has begun.
fn user(socket: &Path) -> UnixStream {
    let mut user = UnixStream::connect(socket).unwrap();
    user.write_all(b"\"attach\"\n").unwrap();
    let mut answer = String::new();
    BufReader::new(&user).read_line(&mut answer).unwrap();
    assert_eq!(answer, "\"ready\"\n");
    user
}

#[test]
fn connections_that_say_nothing_make_room_and_sessions_stay() {
    let served = Served::start(&[]);
    let socket = served.folder.path().join("dut");
    let mut first = user(&socket);
    let silent: Vec<_> = (0..200).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    // Part of a greeting is none.
    let mut slow: Vec<_> = (0..200).map(|_| UnixStream::connect(&socket).unwrap()).collect();
    for one in &mut slow {
        drop(one.write_all(b"\"att"));
    }
    assert_eq!(served.says("show date").code, Some(0));
    // The connection that was made first gave its place first, and the session has its own still.
    assert_eq!((&silent[0]).read(&mut [0]).unwrap(), 0);
    first.write_all(b"{\"id\":1,\"call\":\"prompt\"}\n").unwrap();
    assert!(first.read(&mut [0]).unwrap() > 0);
}

#[test]
fn flooding_and_disconnecting_users_do_not_disturb_others() {
    let served = Served::start(&[]);
    let mut flooding = command(served.folder.path(), &["dut", "--attach", "dut"]);
    flooding.stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut flooding = flooding.spawn().unwrap();
    let mut input = flooding.stdin.take().unwrap();
    input.write_all(&vec![b'x'; 4 << 20]).unwrap();
    input.write_all(b"\nset terminal length 0\n").unwrap();
    drop(input);
    let flooded = flooding.wait_with_output().unwrap();
    assert_eq!(flooded.stdout, b"CLI Error: the line is longer than 64 KiB\n");
    let mut hanging = command(served.folder.path(), &["dut", "--attach", "dut"]);
    hanging.stdin(Stdio::piped());
    let mut hanging = Running::start(hanging);
    hanging.write_line("configure");
    hanging.stdout_line(|line| line.starts_with("[edit]").then_some(()));
    hanging.signal("HUP");
    assert_eq!(hanging.wait().code(), None);
    assert_eq!(served.says("show date").code, Some(0));
}

#[test]
fn misnamed_and_missing_interfaces_are_rejected() {
    let name = refused_to_serve(&["--interface", "wlan0"]);
    assert!(name.contains("not a name of a device's interface"), "{name}");
    let absent = refused_to_serve(&["--interface", "eth4711"]);
    assert!(absent.contains("there is no interface `eth4711`"), "{absent}");
}
