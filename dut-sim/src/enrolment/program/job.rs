//! Running a program for an enrolment: bounded in time and output, alone in its process group, ended with its enrolment.

use std::env;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::{Child, Command};
use tokio::time::{Instant, sleep_until, timeout};

use super::folder::Folder;
use super::output::{Lines, MOST_BYTES, MOST_LINES};
use super::{ProgramFailure, Trouble};
use crate::enrolment::attempt::Order;
use crate::enrolment::journal::Journal;
use crate::enrolment::progress::Phase;

/// The most lines of one run that go to the log.
const MOST_LOGGED: usize = 40;
/// How many of the last lines are kept to find a reason in.
const MOST_KEPT: usize = 200;
/// For the rest of the output, once the program has ended.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the runs of one enrolment share.
pub(super) struct Job<'a> {
    pub(super) program: &'a Path,
    pub(super) folder: &'a Folder,
    pub(super) order: &'a Order,
    pub(super) journal: &'a mut Journal,
}

/// One run: which exchange it is for, and how its lines are to be read.
pub(super) struct Run {
    pub(super) exchange: String,
    pub(super) arguments: Vec<OsString>,
    /// Whether a line says that the CA has not decided, and the program will ask again.
    pub(super) is_pending: fn(&str) -> bool,
    /// Whether a line is of no interest, whatever happens.
    pub(super) is_noise: fn(&str) -> bool,
}

/// What a program left when it had ended.
pub(super) struct Ended {
    pub(super) exchange: String,
    pub(super) status: ExitStatus,
    /// What it printed on both outputs, noise left out.
    pub(super) lines: Vec<String>,
    pub(super) stdout: Vec<u8>,
}

impl Job<'_> {
    /// The exchange in which a certificate is asked for, in the standard's words.
    pub(super) fn exchange(&self) -> String {
        let message = if self.order.existing.is_some() { "RenewalReq" } else { "PKCSReq" };
        format!("PKIOperation ({message})")
    }

    /// The program as it is known: `pki`.
    pub(super) fn name(&self) -> String {
        self.program.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Runs the program to its end.
    pub(super) async fn run(&mut self, run: Run) -> Result<Ended, Trouble> {
        self.log_command(&run);
        let child = self.spawn(&run).map_err(|error| {
            let name = self.name();
            ProgramFailure::Ended(format!("{}: `{name}` cannot be run: {error}", run.exchange))
        })?;
        let group = Group::of(&child);
        let limit = self.journal.surroundings.program_limit;
        let watch = Watch {
            deadline: Some(Instant::now() + limit),
            run,
            group,
            logged: 0,
            printed: 0,
            lines: Vec::new(),
            stdout: Vec::new(),
            job: self,
        };
        watch.until_it_ends(child).await
    }

    fn log_command(&self, run: &Run) {
        let arguments: Vec<_> =
            run.arguments.iter().map(|argument| argument.to_string_lossy()).collect();
        let folder = self.folder.path().display().to_string();
        let line = arguments.join(" ").replace(&format!("{folder}/"), "");
        self.journal.log(&format!("{}: runs {} {line}", run.exchange, self.name()));
    }

    fn spawn(&self, run: &Run) -> io::Result<Child> {
        let mut command = Command::new(self.program);
        command
            .args(&run.arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true);
        #[cfg(unix)]
        command.process_group(0);
        command.spawn()
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

/// The watch over one run.
struct Watch<'a, 'b> {
    job: &'a mut Job<'b>,
    run: Run,
    group: Group,
    /// When it is ended; never as long as the CA keeps it pending.
    deadline: Option<Instant>,
    logged: usize,
    printed: usize,
    lines: Vec<String>,
    stdout: Vec<u8>,
}

impl Watch<'_, '_> {
    async fn until_it_ends(mut self, mut child: Child) -> Result<Ended, Trouble> {
        let (mut out, mut err) = (child.stdout.take(), child.stderr.take());
        let (mut out_lines, mut err_lines) = (Lines::default(), Lines::default());
        let (mut out_buffer, mut err_buffer) = (vec![0; 8192], vec![0; 8192]);
        let mut status = None;
        while out.is_some() || err.is_some() || status.is_none() {
            let deadline = self.deadline.unwrap_or_else(Instant::now);
            tokio::select! {
                read = read(&mut out, &mut out_buffer) => {
                    self.stdout.extend_from_slice(&out_buffer[..read]);
                    self.take(&mut out_lines, &out_buffer[..read])?;
                }
                read = read(&mut err, &mut err_buffer) => {
                    self.take(&mut err_lines, &err_buffer[..read])?;
                }
                ended = child.wait(), if status.is_none() => {
                    status = Some(ended.map_err(ProgramFailure::Folder)?);
                    // Children that it left may keep its outputs open.
                    self.group.end();
                    self.deadline = Some(Instant::now() + FAREWELL);
                }
                () = sleep_until(deadline), if self.deadline.is_some() => match status {
                    None => return Err(self.overdue(child).await),
                    Some(_) => break,
                },
            }
        }
        for line in [out_lines.finish(), err_lines.finish()].into_iter().flatten() {
            self.line(line);
        }
        let Some(status) = status else { return Err(self.overdue(child).await) };
        Ok(Ended { exchange: self.run.exchange, status, lines: self.lines, stdout: self.stdout })
    }

    fn take(&mut self, lines: &mut Lines, bytes: &[u8]) -> Result<(), Trouble> {
        for line in lines.push(bytes) {
            self.line(line);
        }
        self.printed += bytes.len();
        if self.printed <= MOST_BYTES && self.logged <= MOST_LINES {
            return Ok(());
        }
        self.group.end();
        let (exchange, name) = (&self.run.exchange, self.job.name());
        let most = format!("{MOST_BYTES} bytes or {MOST_LINES} lines");
        let text = format!("{exchange}: `{name}` printed more than {most} and was ended");
        Err(ProgramFailure::Ended(text).into())
    }

    fn line(&mut self, line: String) {
        if (self.run.is_noise)(&line) {
            return;
        }
        if (self.run.is_pending)(&line) {
            self.deadline = None;
            self.job.journal.enter(Phase::Pending);
        }
        self.logged += 1;
        match self.logged {
            ..=MOST_LOGGED => self.job.journal.log(&format!("{}: {line}", self.job.name())),
            more if more == MOST_LOGGED + 1 => {
                self.job.journal.log(&format!("{}: (more is left out)", self.job.name()));
            }
            _ => {}
        }
        if self.lines.len() == MOST_KEPT {
            self.lines.remove(0);
        }
        self.lines.push(line);
    }

    async fn overdue(&self, mut child: Child) -> Trouble {
        self.group.end();
        let _ = child.start_kill();
        let _ = timeout(FAREWELL, child.wait()).await;
        let limit = self.job.journal.surroundings.program_limit.as_secs_f64();
        let (exchange, name) = (&self.run.exchange, self.job.name());
        let last = self.lines.last().map(|line| format!("; it said last: {line}"));
        let last = last.unwrap_or_default();
        let text = format!("{exchange}: `{name}` did not end in {limit} s and was killed{last}");
        ProgramFailure::Ended(text).into()
    }
}

/// Reads from an output that is still open, and forgets it at its end.
async fn read(source: &mut Option<impl AsyncReadExt + Unpin>, buffer: &mut [u8]) -> usize {
    let Some(open) = source else { return std::future::pending().await };
    match open.read(buffer).await {
        Ok(read) if read > 0 => read,
        _ => {
            *source = None;
            0
        }
    }
}

/// The process group of a program; nothing of it outlives this.
struct Group(
    #[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no groups there"))]
    Option<u32>,
);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id())
    }

    #[cfg(target_os = "linux")]
    fn end(&self) {
        use nix::sys::signal::{Signal, killpg};
        use nix::unistd::Pid;
        if let Some(id) = self.0.and_then(|id| i32::try_from(id).ok()) {
            // Nobody of the group may be left, which is as well.
            let _ = killpg(Pid::from_raw(id), Signal::SIGKILL);
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn end(&self) {}
}

impl Drop for Group {
    fn drop(&mut self) {
        self.end();
    }
}
