//! A room: namespaces of mounts, processes and, where wanted, networks, which are gone with the process that holds it.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::trials::find_program;

/// What the rig needs, and the packages of Debian that have it.
const PROGRAMS: [(&str, &str); 6] = [
    ("/usr/sbin/sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("script", "util-linux"),
];

/// What the first process of a room does before it says that the room is ready: its own users, and no trace in the
/// machine's `/run` and logs.
const FURNISH: &str = r#"set -e
mount -t tmpfs -o mode=755 rig /run
mount -t tmpfs -o mode=755 rig /var/log
mkdir -p /run/rig /run/sshd /run/netns
mount --bind "$FOLDER" /run/rig
mount --bind "$SCEPLAB" /run/rig/sceplab
for file in passwd group shadow; do mount --bind "/run/rig/etc/$file" "/etc/$file"; done
"#;

/// The last lines: the end of standard input is that of the room.
const STAND: &str = "echo ready
read _ || true
";

/// The first process of the room, which ends when its standard input does, and the rest of the room with it.
pub(super) struct Room {
    holder: Child,
    first_process: u32,
}

/// What this machine lacks for a rig.
pub(super) fn missing() -> Option<String> {
    if !is_root() {
        return Some("only root may give an SSH server users and a network of its own".to_owned());
    }
    for (program, package) in PROGRAMS {
        if !is_there(program) {
            return Some(format!("there is no `{program}` (Debian's `{package}`)"));
        }
    }
    let tried =
        Command::new("unshare").args(["--mount", "--pid", "--net", "--fork", "true"]).output();
    let tried = tried.unwrap();
    let forbidden = || format!("namespaces: {}", String::from_utf8_lossy(&tried.stderr).trim());
    (!tried.status.success()).then(forbidden)
}

fn is_root() -> bool {
    fs::read_to_string("/proc/self/status")
        .unwrap()
        .lines()
        .any(|line| line.starts_with("Uid:\t0\t0"))
}

fn is_there(program: &str) -> bool {
    find_program(program).is_some() || Path::new("/usr/sbin").join(program).is_file()
}

impl Room {
    /// Makes the namespaces and what `further`, lines of a shell script, adds to them.
    #[track_caller]
    pub(super) fn new(folder: &Path, network: bool, further: &str) -> Self {
        let script = format!("{FURNISH}{further}{STAND}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--mount-proc"]);
        command.args(network.then_some("--net"));
        command.args(["--", "sh", "-c", &script]);
        command.env("FOLDER", folder).env("SCEPLAB", env!("CARGO_BIN_EXE_sceplab"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "the room cannot be furnished");
        let first_process = child_of(holder.id());
        Self { holder, first_process }
    }

    /// The number of the process whose end is that of the room.
    pub(super) fn first_process(&self) -> u32 {
        self.first_process
    }

    /// A command in the room, in one of its networks or in that of the room itself.
    pub(super) fn command(
        &self,
        network: Option<&str>,
        program: &str,
        arguments: &[&str],
    ) -> Command {
        let mut command = Command::new("nsenter");
        let process = self.first_process.to_string();
        command.args(["--target", &process, "--mount", "--pid", "--net", "--wd=/", "--"]);
        if let Some(network) = network {
            command.args(["ip", "netns", "exec", network]);
        }
        // It and all that it starts end with `nsenter`, which is what the test can kill.
        command.args(["setpriv", "--pdeathsig", "KILL", "--"]);
        command.args(["unshare", "--pid", "--fork", "--kill-child", "--"]);
        command.arg(program).args(arguments).stdin(Stdio::null());
        command
    }

    /// Stops all processes in a network of the room.
    pub(super) fn freeze(&self, network: &str) {
        let stop = format!("kill -STOP $(ip netns pids {network})");
        let process = self.first_process.to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &process, "--mount", "--pid", "--", "sh", "-c", &stop]);
        assert!(command.status().unwrap().success());
    }

    /// A command in a network of the room, and in nothing else of it.
    pub(super) fn in_network(&self, network: &str, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.network(network).display())).args(["--", program]);
        command
    }

    /// The file of a network of the room, as it is found from outside.
    pub(super) fn network(&self, name: &str) -> PathBuf {
        format!("/proc/{}/root/run/netns/{name}", self.first_process).into()
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        let _ = self.holder.wait();
    }
}

fn child_of(process: u32) -> u32 {
    let children = format!("/proc/{process}/task/{process}/children");
    let children = fs::read_to_string(children).unwrap();
    children.trim().parse().unwrap()
}
