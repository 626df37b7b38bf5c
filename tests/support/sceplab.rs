//! Starts, watches and stops the binary, and makes its output comparable.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tokio::time::Instant;

use tokio::net::TcpSocket;

/// Time after which a test gives up waiting. No test measures time.
pub(crate) const DEADLINE: Duration = Duration::from_secs(300);

/// Exit code and output of a run of the binary.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ended {
    /// Both outputs and the exit code as one text, for snapshots.
    pub(crate) fn transcript(&self) -> String {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        let outputs = [("stdout", &self.stdout), ("stderr", &self.stderr)].into_iter();
        let outputs = outputs.filter(|(_, text)| !text.is_empty());
        let blocks = outputs.map(|(name, text)| format!("--- {name}\n{}\n", text.trim_end()));
        std::iter::once(format!("exit code: {code}\n")).chain(blocks).collect()
    }

    /// Fails if the process ended by a signal, with a panic or with a backtrace.
    #[track_caller]
    pub(crate) fn assert_orderly(&self) {
        assert!(self.code.is_some(), "ended by a signal: {self:?}");
        for word in ["panicked", "RUST_BACKTRACE", "error: internal error", "stack backtrace"] {
            assert!(!self.stderr.contains(word), "{}", self.stderr);
        }
    }
}

/// The binary with these arguments, in a folder, without environment variables that change its output.
pub(crate) fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sceplab"));
    command.args(arguments).current_dir(folder);
    without_environment(&mut command);
    command
}

/// Removes environment variables that change a command's output, and closes its input.
pub(crate) fn without_environment(command: &mut Command) {
    command.stdin(Stdio::null());
    for variable in [
        "NO_COLOR",
        "CLICOLOR_FORCE",
        "FORCE_COLOR",
        "RUST_LOG",
        "RUST_BACKTRACE",
        "SCEPLAB_CHALLENGE",
        "SCEPLAB_LISTEN",
    ] {
        command.env_remove(variable);
    }
    command.env("TERM", "xterm-256color").env("COLUMNS", "100");
}

/// Runs the binary to its end in a folder.
#[track_caller]
pub(crate) fn run_in(folder: &Path, arguments: &[&str]) -> Ended {
    finish(command(folder, arguments))
}

/// Runs the binary to its end at the root of the workspace.
#[track_caller]
pub(crate) fn run(arguments: &[&str]) -> Ended {
    run_in(workspace(), arguments)
}

/// Runs a command to its end.
#[track_caller]
pub(crate) fn finish(command: Command) -> Ended {
    let mut running = Running::start(command);
    let status = running.wait();
    Ended {
        code: status.code(),
        stdout: running.rest_of_stdout(),
        stderr: running.rest_of_stderr(),
    }
}

/// Runs a program that must succeed.
#[track_caller]
pub(crate) fn run_program(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program} {arguments:?}: {output:?}");
}

/// Waits until the condition `holds`.
#[track_caller]
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < DEADLINE, "timed out waiting until {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// An address that refuses every connection, reserved as long as the socket lives.
pub(crate) fn refusing() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    (socket, address)
}

/// The root of the workspace.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// A process. Threads read its output; it is killed when dropped.
pub(crate) struct Running {
    child: Child,
    stdout: Lines,
    stderr: Lines,
}

/// The lines of an output. A thread reads them, so that no pipe fills up.
struct Lines {
    receiver: Receiver<String>,
    seen: String,
    reader: Option<JoinHandle<()>>,
}

impl Running {
    pub(crate) fn start(mut command: Command) -> Self {
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stdout = Lines::of(child.stdout.take().unwrap());
        let stderr = Lines::of(child.stderr.take().unwrap());
        Self { child, stdout, stderr }
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Writes a line to standard input, which the command must have as a pipe.
    pub(crate) fn write_line(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Closes standard input.
    pub(crate) fn close_stdin(&mut self) {
        self.child.stdin = None;
    }

    /// Sends keys to standard input, which leads to a terminal.
    pub(crate) fn type_in(&mut self, keys: &str) {
        let input = self.child.stdin.as_mut().unwrap();
        input.write_all(keys.as_bytes()).and_then(|()| input.flush()).unwrap();
    }

    /// Waits for the next line of standard output for which `wanted` returns a value, and returns that value.
    #[track_caller]
    pub(crate) fn stdout_line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.stdout.find(wanted).unwrap_or_else(|| {
            let _ = self.child.kill();
            panic!("no expected line:\n{}\n{}", self.stdout.seen, self.stderr.read_to_end())
        })
    }

    /// The same for standard error.
    #[track_caller]
    pub(crate) fn stderr_line<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> T {
        self.stderr.find(wanted).unwrap_or_else(|| {
            let _ = self.child.kill();
            panic!("no expected line:\n{}", self.stderr.seen)
        })
    }

    /// Waits for the end of the process.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        while start.elapsed() < DEADLINE {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            thread::sleep(Duration::from_millis(5));
        }
        panic!("the process does not end");
    }

    /// Kills the process.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Sends a signal by its name, such as `INT`.
    #[cfg(unix)]
    pub(crate) fn signal(&self, name: &str) {
        let kill = format!("kill -{name} {}", self.child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    }

    /// All of standard output, once the process has ended.
    pub(crate) fn rest_of_stdout(&mut self) -> String {
        self.stdout.read_to_end()
    }

    /// All of standard error, once the process has ended.
    pub(crate) fn rest_of_stderr(&mut self) -> String {
        self.stderr.read_to_end()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lines {
    fn of(output: impl Read + Send + 'static) -> Self {
        let (sender, receiver) = channel();
        let reader = thread::spawn(move || {
            let mut output = BufReader::new(output);
            let mut line = Vec::new();
            while output.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) {
                let text = String::from_utf8_lossy(&line).into_owned();
                line.clear();
                if sender.send(text).is_err() {
                    return;
                }
            }
        });
        Self { receiver, seen: String::new(), reader: Some(reader) }
    }

    fn find<T>(&mut self, wanted: impl Fn(&str) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let line = self.receiver.recv_timeout(left).ok()?;
            self.seen += &line;
            if let Some(found) = wanted(line.trim_end()) {
                return Some(found);
            }
        }
    }

    fn read_to_end(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.seen.extend(self.receiver.try_iter());
        self.seen.clone()
    }
}
