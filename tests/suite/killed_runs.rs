//! A killed run leaves no process and no folder of the programs that it started, or the next run and `clean` remove them.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getuid};
use tempfile::TempDir;

use super::sceplab::{Ended, Running, command, finish, wait_until, workspace};

/// A client that leaves its process group, notes its process ID and its folder, and does not end.
const LEAVES: &str =
    "exec setsid --wait sh -c 'echo $$ $1 > $2.new; mv $2.new $2; exec sleep 600' sh \"$1\" \"$2\"";

/// A client that starts such a process, and succeeds at once.
const STARTS: &str =
    "setsid sh -c 'echo $$ > $2.new; mv $2.new $2; exec sleep 600' sh \"$1\" \"$2\" &
while [ ! -e \"$2\" ]; do sleep 0.01; done";

/// A client that starts such a process without an environment, and kills the process with the ID that `victim` prints.
fn kills(victim: &str) -> String {
    format!(
        "env -i \"$(command -v setsid)\" sh -c 'echo $$ > $2.new; mv $2.new $2; exec sleep 600' sh \"$1\" \"$2\" &
while [ ! -e \"$2\" ]; do sleep 0.01; done
kill -9 $({victim})
exec sleep 600"
    )
}

/// A run of one case, and the folder for its temporary files.
struct Run {
    folder: TempDir,
}

impl Run {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("temporary")).unwrap();
        Self { folder }
    }

    fn temporary(&self) -> PathBuf {
        self.folder.path().join("temporary")
    }

    fn noted(&self) -> PathBuf {
        self.folder.path().join("noted")
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command(workspace(), arguments);
        command.env("TMPDIR", self.temporary());
        command
    }

    fn client(&self, script: &str) -> Command {
        self.client_with(&["--no-gate"], script)
    }

    fn client_with(&self, gate: &[&str], script: &str) -> Command {
        let noted = self.noted();
        let case = ["conform-client", "--case", "enrolment/right", "--jobs", "1"];
        let client = ["--", "sh", "-c", script, "{url}", "{dir}", noted.to_str().unwrap()];
        self.command(&[&case[..], gate, &client].concat())
    }

    /// The process that the client has noted, and its folder.
    fn client_process(&self) -> (u32, PathBuf) {
        wait_until("the client runs", || self.noted().exists());
        let noted = fs::read_to_string(self.noted()).unwrap();
        let (process, folder) = noted.trim().split_once(' ').unwrap();
        (process.parse().unwrap(), folder.into())
    }

    fn clean(&self) -> Ended {
        let ended = finish(self.command(&["clean"]));
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        ended
    }

    fn left(&self) -> usize {
        fs::read_dir(self.temporary()).unwrap().count()
    }
}

fn is_alive(process: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

/// The processes between a process and its ancestor `run`, the nearest first.
fn between(process: u32, run: u32) -> Vec<u32> {
    let parent = |process: &u32| {
        let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
        let parent = status.lines().find_map(|line| line.strip_prefix("PPid:")).unwrap();
        Some(parent.trim().parse().unwrap()).filter(|parent| *parent != run)
    };
    std::iter::successors(parent(&process), parent).collect()
}

fn mode(folder: &Path) -> u32 {
    fs::metadata(folder).unwrap().permissions().mode() & 0o777
}

#[test]
fn client_that_left_its_process_group_ends_with_killed_run() {
    let run = Run::new();
    let mut killed = Running::start(run.client(LEAVES));
    let (process, folder) = run.client_process();
    assert!(is_alive(process));
    assert_eq!((mode(&folder), mode(folder.parent().unwrap())), (0o700, 0o700));
    killed.kill();
    wait_until("the client has ended", || !is_alive(process));
    assert_eq!(run.left(), 1);
    let cleaned = run.clean();
    assert!(cleaned.stdout.contains("removed folder"), "{}", cleaned.transcript());
    assert_eq!(run.left(), 0);
}

#[test]
fn next_run_removes_folder_of_killed_run() {
    let run = Run::new();
    let mut killed = Running::start(run.client(LEAVES));
    let (process, _) = run.client_process();
    killed.kill();
    wait_until("the client has ended", || !is_alive(process));
    finish(run.client("exit 1"));
    assert_eq!(run.left(), 0);
}

#[test]
fn clean_ends_client_whose_guards_were_killed_too() {
    let run = Run::new();
    let mut killed = Running::start(run.client(LEAVES));
    let (process, _) = run.client_process();
    let guards: Vec<_> = between(process, killed.id());
    let guards =
        guards[guards.len() - 2..].iter().map(|id| Pid::from_raw(i32::try_from(*id).unwrap()));
    // A stopped guard cannot act before it is killed.
    guards.clone().for_each(|guard| kill(guard, Signal::SIGSTOP).unwrap());
    killed.kill();
    guards.for_each(|guard| kill(guard, Signal::SIGKILL).unwrap());
    // The run of another test, which removes leftovers too, may be faster.
    run.clean();
    assert!(!is_alive(process));
    assert_eq!(run.left(), 0);
}

#[test]
fn process_that_a_client_leaves_ends_with_the_client() {
    let run = Run::new();
    finish(run.client(STARTS));
    let process = fs::read_to_string(run.noted()).unwrap().trim().parse().unwrap();
    assert!(!is_alive(process));
    assert_eq!(run.left(), 0);
}

#[test]
fn client_that_kills_its_guard_is_ended_and_not_judged() {
    let grandparent =
        "while read -r key value; do [ $key = PPid: ] && echo $value; done < /proc/$PPID/status";
    for victim in ["echo $PPID", grandparent] {
        for gate in [&["--no-gate"][..], &[]] {
            let run = Run::new();
            let ended = finish(run.client_with(gate, &kills(victim)));
            assert_eq!(ended.code, Some(3), "{}", ended.transcript());
            let told = "the guard of the program was killed (signal: 9 (SIGKILL))";
            assert!(ended.transcript().contains(told), "{}", ended.transcript());
            for blame in ["no case is tried", "crashes", "FAIL"] {
                assert!(!ended.transcript().contains(blame), "{}", ended.transcript());
            }
            let process = fs::read_to_string(run.noted()).unwrap().trim().parse().unwrap();
            wait_until("the client has ended", || !is_alive(process));
            assert_eq!(run.left(), 0);
        }
    }
}

#[test]
fn processes_of_living_runs_and_of_others_stay() {
    let run = Run::new();
    let running = Running::start(run.client(LEAVES));
    let (process, folder) = run.client_process();
    let cleaned = run.clean();
    assert!(is_alive(process) && folder.exists(), "{}", cleaned.transcript());
    assert_eq!(fs::metadata(&folder).unwrap().uid(), getuid().as_raw());
    drop(running);
    wait_until("the client has ended", || !is_alive(process));
}
