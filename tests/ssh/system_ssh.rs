//! The system's `ssh`: missing, configured by the user, and hiding passwords from other processes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};

use driver_live::ssh_device::{Passwords, SshSessions};
use model::lab::{Secret, SshTarget};

use super::device::script;
use super::sshd::{Sshd, write};
use crate::support::rig::files::{PASSWORD, USER};
use crate::support::sceplab::{self, Ended, Running, workspace};
use crate::support::trials::{Need, Planned, trials};

pub(crate) fn trials(needs: &[&Need]) -> Vec<Planned> {
    trials![
        needs;
        ssh_configuration_of_the_user_gives_host_and_jump_host,
        password_appears_in_no_process_and_no_file,
        password_variable_is_not_passed_to_ssh,
        ssh_ends_when_the_run_is_killed,
    ]
}

pub(crate) fn without_servers() -> Vec<Planned> {
    trials![&[]; missing_ssh_program_is_reported_with_its_package]
}

/// Writes a scenario that reads a device's configuration and a lab with that device; returns the arguments to run it.
fn arguments(folder: &Path, device: &str) -> Vec<String> {
    let (scenario, lab) = (folder.join("asks.yaml"), folder.join("lab.yaml"));
    let steps =
        "title: T\nlab: unused\nsteps:\n  - run: {command: show running, contains: set a before}\n";
    fs::write(&scenario, steps).unwrap();
    let keep = "keep: interfaces ethernet mgmt0, answer-within: 20s";
    fs::write(&lab, format!("devices:\n  DUT0: {{{device}, {keep}}}\n")).unwrap();
    let (scenario, lab) = (scenario.display().to_string(), lab.display().to_string());
    ["run", &scenario, "--driver", "live", "--lab", &lab, "--yes"].map(str::to_owned).to_vec()
}

fn server() -> Sshd {
    let server = Sshd::start(&script(""));
    fs::write(server.path("running"), "set a before\n").unwrap();
    server
}

#[track_caller]
fn finish(mut command: Command, folder: &Path) -> Ended {
    sceplab::without_environment(&mut command);
    command.current_dir(workspace()).env("XDG_STATE_HOME", folder.join("state"));
    let ended = sceplab::finish(command);
    ended.assert_orderly();
    assert!(!ended.transcript().contains(PASSWORD), "{}", ended.transcript());
    ended
}

fn missing_ssh_program_is_reported_with_its_package() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    command.args(arguments(folder.path(), "ssh: admin@127.0.0.1"));
    command.env("PATH", folder.path());
    let ended = finish(command, folder.path());
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    let told = "error: device `DUT0`: the program `ssh`, which connects to devices, is not installed: install OpenSSH's client \
                (Debian: `apt-get install openssh-client`)";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
    assert_eq!(ended.stdout, "");
}

/// `sceplab` with another home folder of the user in `/etc/passwd`, where `ssh` reads it.
fn at_home(server: &Sshd) -> Command {
    let (home, users) = (server.path("home"), server.path("users"));
    write(&users, &format!("root:x:0:0::{}:/bin/sh\n", home.display()), 0o644);
    let script = format!("mount --bind {} /etc/passwd && exec \"$0\" \"$@\"", users.display());
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "sh", "-c", &script]);
    command.arg(env!("CARGO_BIN_EXE_sceplab"));
    command
}

fn ssh_configuration_of_the_user_gives_host_and_jump_host() {
    let server = server();
    let folder = server.path("home").join(".ssh");
    fs::create_dir_all(&folder).unwrap();
    let (port, identity) = (server.target().port, server.path("identity"));
    let identity = identity.display();
    let config = format!(
        "Host dut\n  HostName 127.0.0.1\nHost behind\n  HostName localhost\n  ProxyJump {USER}@dut\nHost *\n  Port {port}\n  \
         IdentityFile {identity}\n  HostKeyAlias known\n  StrictHostKeyChecking no\n"
    );
    write(&folder.join("config"), &config, 0o600);
    let key = server.text("host_key.pub");
    write(&folder.join("known_hosts"), &format!("known {key}"), 0o600);
    for (alias, place) in
        [("dut", "(127.0.0.1)".to_owned()), ("behind", format!("(localhost through {USER}@dut)"))]
    {
        let mut command = at_home(&server);
        command.args(arguments(&server.path(""), &format!("ssh: {USER}@{alias}")));
        let ended = finish(command, &server.path(""));
        assert_eq!(ended.code, Some(0), "{}", ended.transcript());
        let listed = format!("device DUT0  ssh {USER}@{alias}  {place}");
        assert!(ended.stderr.contains(&listed), "{}", ended.stderr);
    }
    // Its `StrictHostKeyChecking no` is ignored.
    fs::remove_file(folder.join("known_hosts")).unwrap();
    let mut command = at_home(&server);
    command.args(arguments(&server.path(""), &format!("ssh: {USER}@dut")));
    let ended = finish(command, &server.path(""));
    assert_eq!(ended.code, Some(3), "{}", ended.transcript());
    assert!(ended.stderr.contains("is not known"), "{}", ended.stderr);
}

/// Answers with the password, after listing all processes.
struct ProcessLister(Mutex<Vec<Seen>>);

/// A process as other processes see it.
#[derive(Debug)]
struct Seen {
    name: String,
    socket: Option<PathBuf>,
}

/// Lists all processes. Fails if one has the password in its arguments, or in its environment if it serves a login.
fn list_processes() -> Vec<Seen> {
    let mut seen = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let read = |name| fs::read(entry.path().join(name)).unwrap_or_default();
        let read = |name| String::from_utf8_lossy(&read(name)).into_owned();
        let (line, environment) = (read("cmdline"), read("environ"));
        assert!(!line.contains(PASSWORD), "{line}");
        let mut variables = environment.split('\0');
        let socket = variables.find_map(|it| it.strip_prefix("SCEPLAB_ASKPASS="));
        // Other processes may have it: a parallel test gives `sceplab` a password by a variable.
        let is_shown = socket.is_some() && environment.contains(PASSWORD);
        assert!(!is_shown, "the password is in the environment of {line}");
        let name = line.split('\0').next().unwrap_or_default().to_owned();
        seen.push(Seen { name, socket: socket.map(PathBuf::from) });
    }
    seen
}

impl Passwords for ProcessLister {
    fn ask(&self, _: &str, _: bool) -> Result<Secret, String> {
        *self.0.lock().unwrap() = list_processes();
        Ok(Secret::new(PASSWORD))
    }
}

async fn password_appears_in_no_process_and_no_file() {
    let server = server();
    let target = SshTarget { password: None, identity: None, ..server.target() };
    let looks = Arc::new(ProcessLister(Mutex::default()));
    let program = env!("CARGO_BIN_EXE_sceplab");
    let sessions = SshSessions::new(Arc::<ProcessLister>::clone(&looks), Some(program.into()));
    let device = sessions.open("DUT0", &target, false).await.unwrap();
    let asked = std::mem::take(&mut *looks.0.lock().unwrap());
    // `ssh` and the `sceplab` that it runs as askpass both waited for the answer.
    for name in ["ssh", program] {
        let is_there = |seen: &&Seen| seen.name == name && seen.socket.is_some();
        let seen = asked.iter().find(is_there).unwrap_or_else(|| panic!("no {name}: {asked:?}"));
        assert!(seen.socket.is_some());
    }
    let of_login = |seen: &Seen| (seen.name == program).then(|| seen.socket.clone()).flatten();
    let folder = asked.iter().find_map(of_login).unwrap().parent().unwrap().to_owned();
    assert!(!folder.exists(), "{} is left", folder.display());
    assert!(list_processes().iter().any(|seen| seen.name == "ssh"));
    device.restore().await;
}

/// Number of `ssh` processes of a server, which have its `known_hosts` in their arguments.
fn ssh_processes(server: &Sshd) -> usize {
    let known_hosts = server.path("known_hosts").display().to_string();
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let lines = processes.map(|it| fs::read(it.path().join("cmdline")).unwrap_or_default());
    lines.filter(|line| String::from_utf8_lossy(line).contains(&known_hosts)).count()
}

fn ssh_ends_when_the_run_is_killed() {
    for through in [&[][..], &["nohup"]] {
        kill_a_run(through);
    }
}

/// Starts a run through a program, kills it while the device is asked, and waits for the end of `ssh`.
fn kill_a_run(through: &[&str]) {
    // The device prints nothing, and would continue for ten minutes.
    let server = Sshd::start(&script(
        r#"special() { [ "$1" = "show running" ] || return 1; touch asked; exec sleep 600; }"#,
    ));
    let device = format!(
        "ssh: {USER}@127.0.0.1, port: {}, known-hosts: {}, identity: {}",
        server.target().port,
        server.path("known_hosts").display(),
        server.path("identity").display()
    );
    let program = [through, &[env!("CARGO_BIN_EXE_sceplab")]].concat();
    let mut command = Command::new(program[0]);
    sceplab::without_environment(&mut command);
    command.args(&program[1..]);
    command.args(arguments(&server.path(""), &device)).current_dir(workspace());
    command.env("XDG_STATE_HOME", server.path("state"));
    let mut running = Running::start(command);
    sceplab::wait_until("the device is asked", || server.path("asked").exists());
    assert_eq!(ssh_processes(&server), 1);
    running.kill();
    sceplab::wait_until("ssh has ended", || ssh_processes(&server) == 0);
}

fn password_variable_is_not_passed_to_ssh() {
    let server = server();
    let programs = server.path("programs");
    fs::create_dir(&programs).unwrap();
    let (record, known_hosts) = (server.path("record"), server.path("known_hosts"));
    // The wrapper records its environment and arguments, and the mode of the socket's folder.
    let wrapper = format!(
        "#!/bin/sh\n{{ env | grep -e SCEPLAB -e DUT0 -e '{PASSWORD}'; echo \"$@\"; stat -c 'mode %a' \"${{SCEPLAB_ASKPASS%/*}}\"; }} >> {} 2>&1\nexec /usr/bin/ssh \"$@\"\n",
        record.display()
    );
    write(&programs.join("ssh"), &wrapper, 0o755);
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    let device = format!(
        "ssh: {USER}@127.0.0.1, port: {}, known-hosts: {}, password-env: DUT0_PASSWORD",
        server.target().port,
        known_hosts.display()
    );
    command.args(arguments(&server.path(""), &device));
    command.env("PATH", path).env("DUT0_PASSWORD", PASSWORD);
    let ended = finish(command, &server.path(""));
    assert_eq!(ended.code, Some(0), "{}", ended.transcript());
    let record = server.text("record");
    assert!(record.contains("SCEPLAB_ASKPASS=/") && record.contains("mode 700\n"), "{record}");
    assert!(!record.contains(PASSWORD), "{record}");
}
