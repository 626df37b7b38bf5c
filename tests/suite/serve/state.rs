//! `serve --state`: what a user sees of a state directory.
#![cfg(unix)]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use super::client::{enrol, settings};
use super::{LINUX, Server};
use crate::suite::sceplab::{Ended, Running, command, run, workspace};

fn start(state: &Path) -> Server {
    Server::start(&["linux", "--state", state.to_str().unwrap()])
}

fn serve(state: &Path) -> Ended {
    run(&["serve", "linux", "--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()])
}

fn back_up(state: &Path, copy: &Path) -> Ended {
    let (state, copy) = (state.to_str().unwrap(), copy.to_str().unwrap());
    run(&["serve", "--state", state, "--backup", copy])
}

#[tokio::test]
async fn state_without_its_database_is_refused_and_its_key_unchanged() {
    let folder = tempfile::tempdir().unwrap();
    let server = start(folder.path());
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
    drop(server);
    let key = fs::read(folder.path().join("ca.key")).unwrap();
    fs::remove_file(folder.path().join("state.db")).unwrap();
    let ended = serve(folder.path());
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("`state.db` is missing"), "{}", ended.stderr);
    assert_eq!(fs::read(folder.path().join("ca.key")).unwrap(), key);
}

#[tokio::test]
async fn backup_of_a_running_server_can_be_started() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let copy = other.path().join("copy");
    let server = start(folder.path());
    enrol(&server.authority, LINUX, settings("CN=a", None)).await.unwrap();
    let ended = back_up(folder.path(), &copy);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stdout.starts_with("copied `"), "{}", ended.stdout);
    let copied = start(&copy);
    assert_eq!(copied.fingerprint("ca"), server.fingerprint("ca"));
    // The name is taken, because the copy has its certificate.
    enrol(&copied.authority, LINUX, settings("CN=a", None)).await.unwrap_err();
    let again = back_up(folder.path(), &copy);
    assert_eq!(again.code, Some(3));
    assert!(again.stderr.contains("a copy needs an empty directory"), "{}", again.stderr);
}

#[test]
fn backup_of_what_is_no_state_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let ended = back_up(folder.path(), &folder.path().join("copy"));
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr.contains("state.db` is missing"), "{}", ended.stderr);
    let alone = run(&["serve", "linux", "--backup", "copy"]);
    assert_eq!(alone.code, Some(2), "{}", alone.stderr);
}

#[test]
fn signal_ends_a_server_that_still_opens_its_state() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let options = ["serve", "ndes", "--listen", "127.0.0.1:0", "--state", state.to_str().unwrap()];
    let mut command = command(workspace(), &options);
    command.stdin(Stdio::null());
    let mut server = Running::start(command);
    // Three keys take a while; wherever the signal comes, the state is as good as before.
    while !state.join("lock").exists() {
        std::thread::yield_now();
    }
    server.signal("INT");
    assert_eq!(server.wait().code(), Some(0));
    let state = state.to_str().unwrap();
    drop(Server::start(&["ndes", "--state", state]));
}

#[test]
fn old_state_is_taken_over_and_one_line_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let old = workspace().join("mock-ca/tests/state-version-2");
    let copied = Command::new("cp").arg("-r").arg(old.join(".")).arg(folder.path()).status();
    assert!(copied.unwrap().success());
    fs::remove_file(folder.path().join("make.sh")).unwrap();
    let mode = "find . -type f -exec chmod 600 {} +";
    let chmod = Command::new("sh").args(["-c", mode]).current_dir(folder.path()).status();
    assert!(chmod.unwrap().success());
    let state = folder.path().to_str().unwrap();
    let (_, _, stderr) = Server::start(&["ndes", "--state", state]).interrupt();
    let notes: Vec<_> = stderr.lines().filter(|line| line.starts_with("note: ")).collect();
    assert_eq!(notes.len(), 1, "{stderr}");
    assert!(notes[0].contains("2 certificates, 2 requests"), "{}", notes[0]);
    assert!(folder.path().join("version-2/state.json").exists());
}

#[test]
fn file_beside_the_database_that_others_can_write_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let mut server = start(folder.path());
    // A server that is killed leaves these files.
    server.running.kill();
    drop(server);
    for name in ["state.db-wal", "state.db-shm", "next-number"] {
        let path = folder.path().join(name);
        let mode = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        let ended = serve(folder.path());
        ended.assert_orderly();
        assert_eq!(ended.code, Some(3), "{name}: {}", ended.transcript());
        let told = format!("the mode 0666 of `{}` lets other users", path.display());
        assert!(ended.stderr.contains(&told), "{name}: {}", ended.transcript());
        fs::set_permissions(&path, mode).unwrap();
    }
    start(folder.path());
}

#[test]
fn prepared_file_whose_place_is_taken_is_refused_with_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    drop(start(folder.path()));
    let complete = folder.path().join(".complete");
    fs::create_dir(&complete).unwrap();
    fs::write(complete.join("ca.key"), "of another CA").unwrap();
    fs::write(complete.join("a.pem"), "comes before it").unwrap();
    let key = fs::read(folder.path().join("ca.key")).unwrap();
    let ended = serve(folder.path());
    ended.assert_orderly();
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let told = format!("move `{}` out of the directory", complete.display());
    assert!(ended.stderr.contains(&told), "{}", ended.transcript());
    assert_eq!(fs::read(folder.path().join("ca.key")).unwrap(), key);
    assert!(complete.join("a.pem").exists());
    fs::rename(&complete, folder.path().with_extension("away")).unwrap();
    start(folder.path());
    fs::remove_dir_all(folder.path().with_extension("away")).unwrap();
}
