//! Namespaces of mounts, processes and, if wanted, networks. They end with the process that holds them.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::support::trials::find_program;

/// Programs that the rig needs, and their Debian packages.
const PROGRAMS: [(&str, &str); 6] = [
    ("/usr/sbin/sshd", "openssh-server"),
    ("ssh", "openssh-client"),
    ("ip", "iproute2"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("script", "util-linux"),
];

/// Script of the first process: it mounts the rig's users, and keeps the machine's `/run` and logs unchanged.
const SETUP: &str = r#"set -e
mount -t tmpfs -o mode=755 rig /run
mount -t tmpfs -o mode=755 rig /var/log
mkdir -p /run/rig /run/sshd /run/netns
mount --bind "$FOLDER" /run/rig
mount --bind "$SCEPLAB" /run/rig/sceplab
for file in passwd group shadow; do mount --bind "/run/rig/etc/$file" "/etc/$file"; done
"#;

/// Last lines of the script: the namespaces end with its standard input.
const HOLD: &str = "echo ready
read _ || true
";

/// Namespaces. Their first process ends with its standard input, and all other processes with it.
pub(super) struct Namespaces {
    holder: Child,
    first_process: u32,
}

/// The reason why a rig cannot run on this machine, if there is one.
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

impl Namespaces {
    /// Makes the namespaces; `further` has lines of a shell script that runs in them.
    #[track_caller]
    pub(super) fn new(folder: &Path, network: bool, further: &str) -> Self {
        let script = format!("{SETUP}{further}{HOLD}");
        let mut command = Command::new("unshare");
        command.args(["--mount", "--pid", "--fork", "--mount-proc"]);
        command.args(network.then_some("--net"));
        command.args(["--", "sh", "-c", &script]);
        command.env("FOLDER", folder).env("SCEPLAB", env!("CARGO_BIN_EXE_sceplab"));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut holder = command.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "ready\n", "the namespaces cannot be prepared");
        let first_process = child_of(holder.id());
        Self { holder, first_process }
    }

    /// Number of the first process of the namespaces.
    pub(super) fn first_process(&self) -> u32 {
        self.first_process
    }

    /// A command in the namespaces, in one of their named networks or in the first process's own.
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
        // The command and its children end with `nsenter`, because the test can kill only that.
        command.args(["setpriv", "--pdeathsig", "KILL", "--"]);
        command.args(["unshare", "--pid", "--fork", "--kill-child", "--"]);
        command.arg(program).args(arguments).stdin(Stdio::null());
        command
    }

    /// Suspends all processes in a named network.
    pub(super) fn freeze(&self, network: &str) {
        let stop = format!("kill -STOP $(ip netns pids {network})");
        let process = self.first_process.to_string();
        let mut command = Command::new("nsenter");
        command.args(["--target", &process, "--mount", "--pid", "--", "sh", "-c", &stop]);
        assert!(command.status().unwrap().success());
    }

    /// A command in a named network, and in no other of the namespaces.
    pub(super) fn in_network(&self, network: &str, program: &str) -> Command {
        let mut command = Command::new("nsenter");
        command.arg(format!("--net={}", self.network(network).display())).args(["--", program]);
        command
    }

    /// Path of a named network, as seen from outside.
    pub(super) fn network(&self, name: &str) -> PathBuf {
        format!("/proc/{}/root/run/netns/{name}", self.first_process).into()
    }
}

impl Drop for Namespaces {
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
