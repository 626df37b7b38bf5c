//! Running a program for an enrolment: bounded in time and output, alone in its process group, ended with its enrolment.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::x509::X509;
use process::{Event, Lines, Process, Stream};
use tokio::process::Command;
use tokio::time::Instant;

use super::folder::Folder;
use super::{Installed, Trouble};
use crate::enrolment::http::connect;
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
pub(crate) struct Job<'a> {
    pub(crate) installed: &'a Installed,
    pub(crate) folder: Folder,
    pub(crate) order: &'a Order,
    pub(crate) journal: &'a mut Journal,
}

/// What a program left when it had ended; until then, what it has left so far.
#[derive(Default)]
pub(crate) struct Ended {
    /// The file's name: `pki`.
    pub(crate) program: &'static str,
    /// The exchange that it was run for.
    pub(crate) exchange: String,
    pub(crate) status: ExitStatus,
    /// The newest lines that it printed on both outputs, noise left out.
    pub(crate) lines: Vec<String>,
    pub(crate) stdout: Vec<u8>,
}

impl Job<'_> {
    /// The exchange in which a certificate is asked for, in the standard's words.
    pub(crate) fn exchange(&self) -> String {
        let message = if self.order.existing.is_some() { "RenewalReq" } else { "PKCSReq" };
        format!("PKIOperation ({message})")
    }

    /// The file's name: `pki`.
    pub(crate) fn program_name(&self) -> &'static str {
        self.installed.adapter.file
    }

    /// Runs the program for this exchange, which must succeed.
    pub(crate) async fn succeed(
        &mut self,
        exchange: &str,
        arguments: &[&str],
    ) -> Result<Ended, Trouble> {
        let ended = self.run(exchange, arguments).await?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err((self.installed.adapter.trouble)(&ended))
    }

    /// Runs the program for this exchange to its end, however that is.
    pub(crate) async fn run(
        &mut self,
        exchange: &str,
        arguments: &[&str],
    ) -> Result<Ended, Trouble> {
        let name = self.program_name();
        self.journal.log(&format!("{exchange}: runs {name} {}", arguments.join(" ")));
        let process = self.start(arguments);
        let printed = Printed::new(self, exchange);
        let refused = |error| printed.left.failure(&format!("cannot be run: {error}"));
        let process = process.map_err(refused)?;
        printed.until_end_of(process).await
    }

    fn start(&self, arguments: &[&str]) -> io::Result<Process> {
        let mut command = Command::new(&self.installed.program);
        command
            .args(arguments)
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

    /// Programs say less of a connection than the device can find out: it tries one of its own.
    pub(super) async fn unreached(&self, exchange: &str, line: &str) -> String {
        let network = &self.journal.surroundings.network;
        match connect(network, &self.order.settings.endpoint).await {
            Err(failure) => failure.at(exchange),
            Ok(_) => format!("{exchange}: {line}"),
        }
    }

    /// The certificate that the program was asked for, in PEM.
    pub(crate) fn issued(&self, ended: &Ended) -> Result<X509, Failure> {
        let written = self.folder.read("certificate.pem")?;
        let written = written.ok_or_else(|| ended.useless("it wrote no certificate"))?;
        X509::from_pem(&written).map_err(|_| ended.useless("what it wrote is no certificate"))
    }

    /// The certificates of the CA in those of these files that there are, which are then gone.
    pub(crate) fn stored(
        &self,
        ended: &Ended,
        files: impl IntoIterator<Item = String>,
        parse: fn(&[u8]) -> Result<X509, ErrorStack>,
    ) -> Result<Vec<X509>, Failure> {
        let mut certificates = Vec::new();
        for file in files {
            let Some(bytes) = self.folder.read(&file)? else { continue };
            let garbage = |_| ended.useless(&format!("its file `{file}` holds no certificate"));
            certificates.push(parse(&bytes).map_err(garbage)?);
            self.folder.remove(&file)?;
        }
        Ok(certificates)
    }
}

/// What one run has printed.
struct Printed<'a, 'b> {
    job: &'a mut Job<'b>,
    left: Ended,
    out: Lines,
    err: Lines,
    /// How many bytes and lines there were.
    bytes: usize,
    logged: usize,
    is_pending: bool,
}

impl<'a, 'b> Printed<'a, 'b> {
    fn new(job: &'a mut Job<'b>, exchange: &str) -> Self {
        let lines = || Lines::new(Arc::clone(&job.journal.masker));
        let (out, err) = (lines(), lines());
        let program = job.program_name();
        let left = Ended { program, exchange: exchange.to_owned(), ..Ended::default() };
        Self { job, left, out, err, bytes: 0, logged: 0, is_pending: false }
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
                self.left.stdout.extend_from_slice(bytes);
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
        Err(self.left.failure(&format!("printed more than {most} and was ended")))
    }

    fn line(&mut self, line: String) {
        if (self.job.installed.adapter.is_noise)(&line) {
            return;
        }
        if (self.job.installed.adapter.is_pending)(&line) {
            self.is_pending = true;
            self.job.journal.enter(Phase::Pending);
        }
        self.logged += 1;
        let shown = match self.logged {
            ..=MOST_LOGGED => Some(line.as_str()),
            more => (more == MOST_LOGGED + 1).then_some("(more is left out)"),
        };
        if let Some(shown) = shown {
            self.job.journal.log(&format!("{}: {shown}", self.job.program_name()));
        }
        if self.left.lines.len() == MOST_KEPT {
            self.left.lines.remove(0);
        }
        self.left.lines.push(line);
    }

    fn end(mut self, status: ExitStatus) -> Ended {
        let last = [self.out.finish(), self.err.finish()];
        for line in last.into_iter().flatten() {
            self.line(line);
        }
        Ended { status, ..self.left }
    }

    fn overdue(&self) -> Failure {
        let limit = self.job.journal.surroundings.program_limit.as_secs_f64();
        let last = self.left.lines.last().map(|line| format!("; it said last: {line}"));
        let last = last.unwrap_or_default();
        self.left.failure(&format!("did not end in {limit} s and was killed{last}"))
    }
}
