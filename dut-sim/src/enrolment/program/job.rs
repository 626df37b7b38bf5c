//! Running a program for an enrolment: bounded in time and output, alone in its process group, ended with its enrolment.

use std::collections::VecDeque;
use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use process::{Event, Lines, Process, Stream};
use tokio::process::Command;
use tokio::time::Instant;

use super::Trouble;
use super::folder::Folder;
use crate::enrolment::journal::Journal;
use crate::enrolment::order::{Failure, Order};
use crate::enrolment::progress::Phase;

/// The most that a program may print, in bytes, before it is ended.
const MOST_BYTES: usize = 1024 * 1024;
/// The most lines that it may print before it is ended.
const MOST_LINES: usize = 5000;
/// The most lines of one run that go to the log.
const MOST_LOGGED: usize = 40;
/// How many of the last lines are kept to find a reason in.
const MOST_KEPT: usize = 200;

/// What the runs of one enrolment share.
pub(in crate::enrolment) struct Job<'a> {
    pub(in crate::enrolment) program: &'a Path,
    pub(in crate::enrolment) folder: &'a Folder,
    pub(in crate::enrolment) order: &'a Order,
    pub(in crate::enrolment) journal: &'a mut Journal,
}

/// One run: which exchange it is for, and how its lines are to be read.
pub(in crate::enrolment) struct Run {
    pub(in crate::enrolment) exchange: String,
    pub(in crate::enrolment) arguments: Vec<OsString>,
    /// Whether a line says that the CA has not decided, and the program will ask again.
    pub(in crate::enrolment) is_pending: fn(&str) -> bool,
    /// Whether a line is of no interest, whatever happens.
    pub(in crate::enrolment) is_noise: fn(&str) -> bool,
}

/// What a program left when it had ended.
pub(in crate::enrolment) struct Ended {
    pub(in crate::enrolment) exchange: String,
    pub(in crate::enrolment) status: ExitStatus,
    /// What it printed on both outputs, noise left out.
    pub(in crate::enrolment) lines: Vec<String>,
    pub(in crate::enrolment) stdout: Vec<u8>,
}

impl Job<'_> {
    /// The exchange in which a certificate is asked for, in the standard's words.
    pub(in crate::enrolment) fn exchange(&self) -> String {
        let message = if self.order.existing.is_some() { "RenewalReq" } else { "PKCSReq" };
        format!("PKIOperation ({message})")
    }

    /// The program as it is known: `pki`.
    pub(in crate::enrolment) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Runs the program to its end.
    pub(in crate::enrolment) async fn run(&mut self, run: Run) -> Result<Ended, Trouble> {
        self.log_command(&run);
        let process = self.start(&run).map_err(|error| {
            let name = self.name();
            Failure::Ended(format!("{}: `{name}` cannot be run: {error}", run.exchange))
        })?;
        Printed::new(self, run).until_end_of(process).await
    }

    fn log_command(&self, run: &Run) {
        let arguments: Vec<_> =
            run.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        let folder = self.folder.path().display().to_string();
        let line = arguments.join(" ").replace(&format!("{folder}/"), "");
        self.journal.log(&format!("{}: runs {} {line}", run.exchange, self.name()));
    }

    fn start(&self, run: &Run) -> io::Result<Process> {
        let mut command = Command::new(self.program);
        command
            .args(&run.arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Process::start(&mut command)
    }

    /// Nothing of the caller's but where programs are: a proxy or a configuration of its own would change what is tried.
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let folder = self.folder.path().as_os_str();
        let path = self.journal.surroundings.program_path.clone();
        let path = path.or_else(|| env::var_os("PATH")).map(|path| ("PATH", path));
        let own = [("HOME", folder.to_owned()), ("TMPDIR", folder.to_owned())];
        own.into_iter().chain([("LC_ALL", "C".into())]).chain(path).collect()
    }
}

/// What one run has printed.
struct Printed<'a, 'b> {
    job: &'a mut Job<'b>,
    run: Run,
    out: Lines,
    err: Lines,
    /// The newest lines, noise left out.
    lines: VecDeque<String>,
    stdout: Vec<u8>,
    /// How many bytes and lines there were.
    bytes: usize,
    logged: usize,
    is_pending: bool,
}

impl<'a, 'b> Printed<'a, 'b> {
    fn new(job: &'a mut Job<'b>, run: Run) -> Self {
        let lines = || Lines::new(Arc::clone(job.journal.masker()));
        let (out, err, stdout) = (lines(), lines(), Vec::new());
        let (bytes, logged, is_pending) = (0, 0, false);
        Self { out, err, job, run, lines: VecDeque::new(), stdout, bytes, logged, is_pending }
    }

    /// Waits for the program no longer than its limit, but as long as the CA keeps it pending.
    async fn until_end_of(mut self, mut process: Process) -> Result<Ended, Trouble> {
        let deadline = Instant::now() + self.job.journal.surroundings.program_limit;
        loop {
            match process.next(Some(deadline).filter(|_| !self.is_pending)).await? {
                Event::Printed(stream, bytes) => self.take(stream, bytes)?,
                Event::Ended(status) => return Ok(self.end(status)),
                Event::Overdue => {
                    process.end().await;
                    return Err(self.overdue().into());
                }
            }
        }
    }

    fn take(&mut self, stream: Stream, bytes: &[u8]) -> Result<(), Failure> {
        let lines = match stream {
            Stream::Out => {
                self.stdout.extend_from_slice(bytes);
                self.out.push(bytes)
            }
            Stream::Err => self.err.push(bytes),
        };
        for line in lines {
            self.line(line);
        }
        self.bytes += bytes.len();
        if self.bytes <= MOST_BYTES && self.logged <= MOST_LINES {
            return Ok(());
        }
        let most = format!("{MOST_BYTES} bytes or {MOST_LINES} lines");
        Err(self.failure(&format!("printed more than {most} and was ended")))
    }

    fn line(&mut self, line: String) {
        if (self.run.is_noise)(&line) {
            return;
        }
        if (self.run.is_pending)(&line) {
            self.is_pending = true;
            self.job.journal.enter(Phase::Pending);
        }
        self.logged += 1;
        let shown = match self.logged {
            ..=MOST_LOGGED => Some(line.as_str()),
            more => (more == MOST_LOGGED + 1).then_some("(more is left out)"),
        };
        if let Some(shown) = shown {
            self.job.journal.log(&format!("{}: {shown}", self.job.name()));
        }
        if self.lines.len() == MOST_KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(line);
    }

    fn end(mut self, status: ExitStatus) -> Ended {
        let last = [self.out.finish(), self.err.finish()];
        for line in last.into_iter().flatten() {
            self.line(line);
        }
        let Self { run: Run { exchange, .. }, lines, stdout, .. } = self;
        Ended { exchange, status, lines: lines.into(), stdout }
    }

    fn overdue(&self) -> Failure {
        let limit = self.job.journal.surroundings.program_limit.as_secs_f64();
        let last = self.lines.back().map(|line| format!("; it said last: {line}"));
        let last = last.unwrap_or_default();
        self.failure(&format!("did not end in {limit} s and was killed{last}"))
    }

    fn failure(&self, what: &str) -> Failure {
        Failure::Ended(format!("{}: `{}` {what}", self.run.exchange, self.job.name()))
    }
}
