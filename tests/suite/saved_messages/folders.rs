//! Folders for saved messages and captures: on a full disk, not empty, and beside those of other options.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use super::{PASSWORD, RUN, assert_private, run, run_in, scenario};
use crate::support::sceplab::{finish, without_environment};

#[test]
fn file_that_cannot_be_written_ends_the_recording_and_not_the_lab() {
    let text = scenario("linux", "");
    // No file may be longer than this many blocks, as if the disk were full: not the first index, and then not the first long message.
    for (blocks, is_begun) in [("0", false), ("2", true)] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.yaml"), &text).unwrap();
        fs::write(folder.path().join("b.yaml"), &text).unwrap();
        let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\"");
        let mut limited = Command::new("sh");
        limited.args(["-c", &script, super::SCEPLAB]).args(["run", "a.yaml", "b.yaml"]);
        limited.args(["--save-messages", "m"]).current_dir(folder.path());
        without_environment(&mut limited);
        let ended = finish(limited);
        assert_eq!(ended.code, Some(3), "{}", ended.transcript());
        assert!(ended.stdout.contains("2 passed"), "{}", ended.transcript());
        for id in ["a", "b"] {
            let folder = folder.path().join("m").join(id);
            let path = folder.canonicalize().unwrap();
            let warning = format!(
                "warning: the saved messages in `{}` are incomplete: File too large",
                path.display()
            );
            assert_eq!(ended.stderr.matches(&warning).count(), 1, "{}", ended.transcript());
            // What was saved before can be read.
            let read = recording::read(&folder).map(|it| it.exchanges.len()).unwrap_or_default();
            assert_eq!(read > 0, is_begun, "{}", ended.transcript());
        }
    }
}

#[test]
fn capture_that_cannot_be_written_ends_itself_and_not_the_lab() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.yaml"), scenario("linux", "")).unwrap();
    // No file may have a byte, as if the disk were full from the start.
    let script = "trap '' XFSZ; ulimit -f 0; exec \"$0\" \"$@\"";
    let mut limited = Command::new("sh");
    limited.args(["-c", script, super::SCEPLAB, "run", "a.yaml", "--pcap", "there"]);
    limited.current_dir(folder.path());
    without_environment(&mut limited);
    let ended = finish(limited);
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stdout.contains("1 passed"), "{}", ended.transcript());
    assert!(
        ended.stderr.contains(".pcap` is incomplete: File too large"),
        "{}",
        ended.transcript()
    );
}

#[test]
fn folder_of_another_option_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let serve = |state: &str| {
        run_in(folder.path(), &["serve", "linux", "--state", state, "--save-messages", "m"])
    };
    let text = scenario("linux", "");
    let pcap = |to: &str| run(folder.path(), &[&RUN[..], &["--pcap", to]].concat(), &text);
    for (ended, option) in [
        (serve("m"), "`--state m`"),
        (serve("./m/state"), "`--state ./m/state`"),
        (serve("."), "`--state .`"),
        (pcap("m"), "`--pcap m`"),
    ] {
        assert_eq!(ended.code, Some(2), "{}", ended.transcript());
        let words = format!("`--save-messages m` and {option} name one folder, or one lies in");
        assert!(ended.stderr.contains(&words), "{}", ended.transcript());
    }
    assert!(!folder.path().join("m").exists());
}

#[test]
fn folder_for_captures_is_new_or_empty_and_private() {
    let folder = tempfile::tempdir().unwrap();
    let text = scenario("linux", "");
    let run = |to: &str| run(folder.path(), &["run", "a.yaml", "--pcap", to], &text);
    let there = folder.path().join("there");
    fs::create_dir(&there).unwrap();
    fs::set_permissions(&there, fs::Permissions::from_mode(0o755)).unwrap();
    let ended = run("there");
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    assert_private(&there);
    let ended = run("there");
    assert_eq!(ended.code, Some(2), "{}", ended.transcript());
    let words = "`there` is not empty, and captures are written to a folder of their own";
    assert!(ended.stderr.contains(words), "{}", ended.transcript());
    assert!(!ended.stderr.contains(PASSWORD), "{}", ended.transcript());
}
