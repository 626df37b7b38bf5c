//! A child process in its own process group.

use std::future::{pending, ready};
use std::io::{self, Read};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, ChildStderr, ChildStdout, Command};
use tokio::time::{Instant, sleep_until, timeout};

use crate::guard::{self, REPORT_LENGTH, Report};

/// Time limit for the end of a killed process.
const KILL_LIMIT: Duration = Duration::from_secs(2);

/// Time limit for a guard to start a program.
const START_LIMIT: Duration = Duration::from_secs(30);

/// Time limit for reading the output of a process that has ended, because other processes may still hold the pipe.
const DRAIN_LIMIT: Duration = Duration::from_millis(500);

/// Size of a read, in bytes.
const CHUNK: usize = 8192;

/// Number of reads after a time limit; more than what two full pipes have.
const MOST_LATE_READS: u32 = 32;

/// A process and those it starts, unless it moves them to another process group. Dropping it kills them.
#[derive(Debug)]
pub struct Process {
    child: Child,
    group: Option<u32>,
    /// The socket to its guard, if it has one, which then ends its processes.
    guard: Option<UnixStream>,
    out: Open<ChildStdout>,
    err: Open<ChildStderr>,
    /// Its end, and the time until which the outputs are read.
    ended: Option<(End, Instant)>,
    /// Number of reads after a time limit.
    late_reads: u32,
}

/// An output of a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

/// An event of a process.
#[derive(Debug, PartialEq, Eq)]
pub enum Event<'a> {
    /// The process printed these bytes.
    Printed(Stream, &'a [u8]),
    /// The process has ended, and all its output was reported before.
    Ended(ExitStatus),
    /// Its guard was killed, and ended with this status; so the process and what it started were ended, too.
    GuardKilled(ExitStatus),
    /// The process has not ended before the deadline.
    Overdue,
}

/// The end of a process.
#[derive(Debug, Clone, Copy)]
enum End {
    Exited(ExitStatus),
    GuardKilled(ExitStatus),
}

impl From<End> for Event<'_> {
    fn from(end: End) -> Self {
        match end {
            End::Exited(status) => Self::Ended(status),
            End::GuardKilled(status) => Self::GuardKilled(status),
        }
    }
}

/// What a guard that was killed means, in words: `status` is its end.
pub fn guard_killed(status: ExitStatus) -> String {
    format!(
        "the guard of the program was killed ({status}), so the program was ended as well, and its own end is not known; perhaps it \
         kills its parent process (`kill $PPID`), or the system had too little memory"
    )
}

impl Process {
    /// Starts a command in a new process group.
    ///
    /// # Errors
    /// If the command cannot be started.
    pub fn start(command: &mut Command) -> io::Result<Self> {
        Self::start_by(command, Command::spawn)
    }

    /// Like [`Process::start`], but with another function than [`Command::spawn`], for example to start it in a namespace.
    ///
    /// # Errors
    /// If the command cannot be started.
    pub fn start_by(
        command: &mut Command,
        spawn: impl FnOnce(&mut Command) -> io::Result<Child>,
    ) -> io::Result<Self> {
        command.process_group(0);
        let mut child = spawn(command.kill_on_drop(true))?;
        let (out, err) = (Open::of(child.stdout.take()), Open::of(child.stderr.take()));
        Ok(Self { group: child.id(), guard: None, child, out, err, ended: None, late_reads: 0 })
    }

    /// Starts a command that was made by [`guard::command`]; its standard input is empty. Everything that it starts ends with it, and
    /// with this process.
    ///
    /// # Errors
    /// If the command or its guard cannot be started.
    pub async fn start_guarded(command: &mut Command) -> io::Result<Self> {
        if !guard::is_installed() {
            return Self::start(command.stdin(Stdio::null()));
        }
        let (near, far) = UnixStream::pair()?;
        command.process_group(0).stdin(OwnedFd::from(far));
        let mut child = command.spawn()?;
        // The command would keep its end of the socket open.
        command.stdin(Stdio::null());
        await_start(&near).await?;
        let (out, err) = (Open::of(child.stdout.take()), Open::of(child.stderr.take()));
        Ok(Self { group: None, guard: Some(near), child, out, err, ended: None, late_reads: 0 })
    }

    /// Waits for the next event, and for the end until `deadline`, if there is one. After the end, the rest of the process
    /// group is killed.
    ///
    /// # Errors
    /// If the system does not report the end of the process.
    pub async fn next(&mut self, deadline: Option<Instant>) -> io::Result<Event<'_>> {
        loop {
            let until = match self.ended {
                Some((end, _)) if self.out.is_closed() && self.err.is_closed() => {
                    return Ok(end.into());
                }
                Some((_, until)) => Some(until),
                None => deadline,
            };
            tokio::select! {
                read = self.out.read() => if let Some(count) = read {
                    return Ok(Event::Printed(Stream::Out, &self.out.buffer[..count]));
                },
                read = self.err.read() => if let Some(count) = read {
                    return Ok(Event::Printed(Stream::Err, &self.err.buffer[..count]));
                },
                status = self.child.wait(), if self.ended.is_none() => {
                    let end = self.reported(status?);
                    self.ended = Some((end, Instant::now() + DRAIN_LIMIT));
                    self.kill_group();
                }
                () = reached(until) => {
                    // The time limit and output can come together, if this process was not scheduled for a while. What was printed
                    // before the limit counts, but an endless output does not put the limit off.
                    self.late_reads += 1;
                    tokio::select! {
                        biased;
                        () = ready(()), if self.late_reads > MOST_LATE_READS => {}
                        read = self.out.read() => match read {
                            Some(count) => {
                                return Ok(Event::Printed(Stream::Out, &self.out.buffer[..count]));
                            }
                            None => continue,
                        },
                        read = self.err.read() => match read {
                            Some(count) => {
                                return Ok(Event::Printed(Stream::Err, &self.err.buffer[..count]));
                            }
                            None => continue,
                        },
                        () = ready(()) => {}
                    }
                    return Ok(match self.ended {
                        Some((end, _)) => end.into(),
                        None => Event::Overdue,
                    });
                }
            }
        }
    }

    /// Waits until it ends. Processes that it started continue. The process must have no guard.
    ///
    /// # Errors
    /// If the system does not report the end of the process.
    pub async fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait().await
    }

    /// The end of the program: that of the child, or what the child reports if it is a guard.
    fn reported(&self, child: ExitStatus) -> End {
        let Some(mut socket) = self.guard.as_ref() else { return End::Exited(child) };
        let mut report = [0; REPORT_LENGTH];
        let read = socket.read_exact(&mut report);
        match Report::decode(report).filter(|_| read.is_ok()) {
            Some(Report::Ended(status)) => End::Exited(status),
            Some(Report::Lost(parent)) => End::GuardKilled(parent),
            _ => End::GuardKilled(child),
        }
    }

    /// Kills it and its process group, and waits for its end.
    pub async fn end(&mut self) {
        if let Some(guard) = &self.guard {
            // The guard then kills them.
            let _ = guard.shutdown(Shutdown::Write);
            if timeout(KILL_LIMIT, self.child.wait()).await.is_ok() {
                return;
            }
        }
        self.kill_unless_ended();
        let _ = self.child.start_kill();
        let _ = timeout(KILL_LIMIT, self.child.wait()).await;
    }

    fn kill_unless_ended(&self) {
        // After `wait`, the process id may belong to another process.
        if self.child.id().is_some() {
            self.kill_group();
        }
    }

    fn kill_group(&self) {
        if let Some(id) = self.group.and_then(|id| i32::try_from(id).ok()) {
            // It is no error if the group is empty.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        match &mut self.guard {
            Some(guard) if self.child.id().is_some() => end_guarded(guard),
            _ => self.kill_unless_ended(),
        }
    }
}

/// Lets a guard end its program, and waits until it has, because folders of the program may be removed next.
fn end_guarded(guard: &mut UnixStream) {
    let waits = guard.shutdown(Shutdown::Write).and_then(|()| guard.set_nonblocking(false));
    if waits.and_then(|()| guard.set_read_timeout(Some(KILL_LIMIT))).is_ok() {
        let _ = guard.read_to_end(&mut Vec::new());
    }
}

/// Waits until a guard has started its program; the socket does not block afterwards.
async fn await_start(near: &UnixStream) -> io::Result<()> {
    near.set_nonblocking(true)?;
    let mut socket = tokio::net::UnixStream::from_std(near.try_clone()?)?;
    let mut report = [0; REPORT_LENGTH];
    timeout(START_LIMIT, socket.read_exact(&mut report)).await.map_err(io::Error::from)??;
    match Report::decode(report) {
        Some(Report::Started) => Ok(()),
        Some(Report::Refused(error)) => Err(io::Error::from_raw_os_error(error)),
        _ => Err(io::Error::other("its guard sent something else")),
    }
}

async fn reached(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

/// An output until it is closed.
#[derive(Debug)]
struct Open<R> {
    source: Option<R>,
    buffer: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Open<R> {
    fn of(source: Option<R>) -> Self {
        let buffer = if source.is_some() { vec![0; CHUNK] } else { Vec::new() };
        Self { source, buffer }
    }

    fn is_closed(&self) -> bool {
        self.source.is_none()
    }

    /// Number of bytes read; none, once, at the end.
    async fn read(&mut self) -> Option<usize> {
        let Some(open) = &mut self.source else { return pending().await };
        let count = open.read(&mut self.buffer).await.ok().filter(|count| *count > 0);
        if count.is_none() {
            self.source = None;
        }
        count
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn shell(script: &str) -> Process {
        let mut command = Command::new("sh");
        command.args(["-c", script]).stdin(Stdio::null());
        Process::start(command.stdout(Stdio::piped()).stderr(Stdio::piped())).unwrap()
    }

    async fn printed(process: &mut Process, deadline: Option<Instant>) -> (String, Option<i32>) {
        let mut printed = String::new();
        loop {
            match process.next(deadline).await.unwrap() {
                Event::Printed(_, bytes) => printed += &String::from_utf8_lossy(bytes),
                Event::Ended(status) => return (printed, status.code()),
                Event::GuardKilled(_) | Event::Overdue => return (printed, None),
            }
        }
    }

    #[tokio::test]
    async fn all_output_is_reported_before_the_end() {
        let mut process = shell("echo out; echo err >&2; exit 3");
        let (printed, code) = printed(&mut process, None).await;
        assert_eq!((printed.len(), code), ("out\nerr\n".len(), Some(3)), "{printed}");
    }

    #[tokio::test]
    async fn processes_left_behind_are_not_waited_for() {
        let (printed, code) = printed(&mut shell("echo here; sleep 600 & exit 0"), None).await;
        assert_eq!((printed.as_str(), code), ("here\n", Some(0)));
    }

    /// Waits until the file exists; the runtime can do nothing meanwhile.
    fn block_until_there_is(file: &Path) {
        while !file.exists() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    #[tokio::test]
    async fn output_before_the_deadline_is_reported_if_it_is_read_later() {
        let folder = tempfile::tempdir().unwrap();
        for number in 0..20 {
            let file = folder.path().join(number.to_string());
            let mut process = shell(&format!("echo here; : > {}; sleep 600", file.display()));
            let deadline = Instant::now() + Duration::from_millis(5);
            let late = async {
                block_until_there_is(&file);
                std::thread::sleep(deadline.saturating_duration_since(Instant::now()));
            };
            let (next, ()) = tokio::join!(process.next(Some(deadline)), late);
            assert_eq!(next.unwrap(), Event::Printed(Stream::Out, b"here\n"));
            assert_eq!(process.next(Some(deadline)).await.unwrap(), Event::Overdue);
        }
    }

    #[tokio::test]
    async fn endless_output_does_not_put_the_deadline_off() {
        let mut process = shell("yes");
        // A timer is late by up to a millisecond, in which any number of reads are in time.
        let over = Instant::now().checked_sub(Duration::from_millis(10)).unwrap();
        let (printed, code) = printed(&mut process, Some(over)).await;
        assert_eq!(code, None);
        assert!(printed.len() <= MOST_LATE_READS as usize * CHUNK, "{}", printed.len());
    }

    #[tokio::test]
    async fn an_overdue_process_is_killed_with_its_group() {
        let mut process = shell("sleep 600 & echo $!; wait");
        let Event::Printed(Stream::Out, child) = process.next(None).await.unwrap() else {
            panic!("it printed nothing")
        };
        let child = String::from_utf8_lossy(child).trim().parse().unwrap();
        assert_eq!(process.next(Some(Instant::now())).await.unwrap(), Event::Overdue);
        process.end().await;
        let child = Pid::from_raw(child);
        let gone = timeout(Duration::from_secs(60), async {
            let stat = format!("/proc/{child}/stat");
            // A killed process may be a zombie until its parent waits for it.
            while std::fs::read_to_string(&stat).is_ok_and(|stat| !stat.contains(") Z ")) {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        gone.await.unwrap();
    }
}
