//! Runs a program for an enrolment, with limits for time and output, in its own process group. It ends with the enrolment.

use std::env;
use std::ffi::OsString;
use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;

use openssl::error::ErrorStack;
use openssl::x509::X509;
use process::{Event, Lines, Process, Stream, guard, guard_killed};
use scep::attribute::MessageType;
use scep::client::Exchange;
use scep::clock::Clock;
use scep::http::{HttpResponse, Method, Operation};
use tokio::time::Instant;

use super::folder::Folder;
use super::{Error, Installed};
use crate::enrolment::http::HttpFailure;
use crate::enrolment::journal::Journal;
use crate::enrolment::order::{Failure, Order};
use crate::enrolment::progress::Phase;

/// Maximum output of a program, in bytes, before it is killed.
const MOST_BYTES: usize = 1024 * 1024;
/// Maximum number of printed lines before it is killed.
const MOST_LINES: usize = 5000;
/// Maximum number of lines of one run in the log.
const MOST_LOGGED: usize = 40;
/// Number of last lines that are kept to find a reason in.
const MOST_KEPT: usize = 200;
/// Exchange of the messages that ask for the decision about a request.
const POLLING: Exchange = Exchange::of(MessageType::CertPoll);

/// State that the runs of one enrolment share.
pub(crate) struct Job<'a> {
    pub(crate) installed: &'a Installed,
    pub(crate) folder: Folder,
    pub(crate) order: &'a Order,
    pub(crate) journal: &'a mut Journal,
}

/// Result of a run: exit status and output, or the output so far.
#[derive(Default)]
pub(crate) struct Run {
    /// File name of the program: `pki`.
    pub(crate) program: &'static str,
    /// The exchange that it was run for.
    pub(crate) exchange: Exchange,
    pub(crate) status: ExitStatus,
    /// Newest lines of both outputs, without irrelevant ones.
    pub(crate) lines: Vec<String>,
    /// The newest lines of its standard error among them.
    pub(crate) errors: Vec<String>,
    pub(crate) stdout: Vec<u8>,
}

impl Job<'_> {
    /// The clock of the device.
    pub(crate) fn clock(&self) -> Clock {
        self.journal.context.clock.clone()
    }

    /// The exchange that requests the certificate.
    pub(crate) fn exchange(&self) -> Exchange {
        let is_renewal = self.order.existing.is_some();
        Exchange::of(if is_renewal { MessageType::RenewalReq } else { MessageType::PkcsReq })
    }

    /// File name of the program: `pki`.
    pub(crate) fn program_name(&self) -> &'static str {
        self.installed.adapter.file
    }

    /// Runs the program for this exchange; returns an error if it fails.
    pub(crate) async fn succeed(
        &mut self,
        exchange: &Exchange,
        arguments: &[&str],
    ) -> Result<Run, Error> {
        let ended = self.run(exchange, arguments).await?;
        if ended.status.success() {
            return Ok(ended);
        }
        Err((self.installed.adapter.error)(&ended))
    }

    /// Runs the program for this exchange until it exits with any status.
    pub(crate) async fn run(
        &mut self,
        exchange: &Exchange,
        arguments: &[&str],
    ) -> Result<Run, Error> {
        let name = self.program_name();
        self.journal.log(&format!("{exchange}: runs {name} {}", arguments.join(" ")));
        let process = self.start(arguments).await;
        let collector = OutputCollector::new(self, exchange);
        let refused = |error| collector.result.failure(&format!("cannot be run: {error}"));
        let process = process.map_err(refused)?;
        collector.until_end_of(process).await
    }

    async fn start(&self, arguments: &[&str]) -> io::Result<Process> {
        let mut command = self.command();
        command
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .envs(self.environment())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Process::start_guarded(&mut command).await
    }

    /// The command of the program, which is shown the device's time if that is possible.
    fn command(&self) -> tokio::process::Command {
        let program = &self.installed.program;
        let time = match self.journal.context.time_for(program) {
            Ok(Some(time)) => time,
            Ok(None) => return guard::command(program),
            Err(hindrance) => {
                self.journal.note(&format!(
                    "the program goes by the system's clock and not by the device's: {hindrance}"
                ));
                return guard::command(program);
            }
        };
        let [env, variables @ ..] = time.faketime.command(&time.file);
        let mut command = guard::command(env);
        command.args(variables).arg(program);
        command
    }

    /// The environment of the program. Only the path is passed on, because a proxy or a configuration would change the test.
    fn environment(&self) -> Vec<(&'static str, OsString)> {
        let folder = self.folder.path().as_os_str();
        let path = self.journal.context.program_path.clone();
        let path = path.or_else(|| env::var_os("PATH")).map(|path| ("PATH", path));
        let own = [("HOME", folder.to_owned()), ("TMPDIR", folder.to_owned())];
        own.into_iter().chain([("LC_ALL", "C".into())]).chain(path).collect()
    }

    /// Sends a request itself, for what the program does not ask or does not tell.
    pub(crate) async fn fetch(
        &self,
        exchange: &Exchange,
        operation: &Operation,
    ) -> Result<HttpResponse, Error> {
        let request = operation.to_http(Method::Get);
        let server = self.journal.context.server(&self.order.settings);
        let answer = server.exchange(&request).await;
        answer.map_err(|failure| match failure {
            HttpFailure::Http(transport::http::HttpFailure::Unwritable(error)) => {
                Failure::Unwritable { exchange: exchange.clone(), error }.into()
            }
            failure => Error::Retry(failure.at(exchange)),
        })
    }

    /// Tries a connection itself, because the device's error is more specific than the program's.
    pub(super) async fn unreached(&self, exchange: &Exchange, line: &str) -> String {
        match self.journal.context.server(&self.order.settings).connect().await {
            Err(failure) => failure.at(exchange),
            Ok(_) => format!("{exchange}: {line}"),
        }
    }

    /// Reads the issued certificate, in PEM.
    pub(crate) fn issued(&self, ended: &Run) -> Result<X509, Failure> {
        let written = self.folder.read("certificate.pem")?;
        let written = written.ok_or_else(|| ended.bad_result("it wrote no certificate"))?;
        X509::from_pem(&written)
            .map_err(|_| ended.bad_result("the file that it wrote is not a certificate"))
    }

    /// Reads the CA's certificates from those of `files` that exist, and removes the files.
    pub(crate) fn stored(
        &self,
        ended: &Run,
        files: impl IntoIterator<Item = String>,
        parse: fn(&[u8]) -> Result<X509, ErrorStack>,
    ) -> Result<Vec<X509>, Failure> {
        let mut certificates = Vec::new();
        for file in files {
            let Some(bytes) = self.folder.read(&file)? else { continue };
            let garbage = |_| ended.bad_result(&format!("its file `{file}` holds no certificate"));
            certificates.push(parse(&bytes).map_err(garbage)?);
            self.folder.remove(&file)?;
        }
        Ok(certificates)
    }
}

/// Collects the output of one run.
struct OutputCollector<'a, 'b> {
    job: &'a mut Job<'b>,
    result: Run,
    out: Lines,
    err: Lines,
    /// Number of printed bytes; `logged` is the number of lines.
    bytes: usize,
    logged: usize,
    is_pending: bool,
}

impl<'a, 'b> OutputCollector<'a, 'b> {
    fn new(job: &'a mut Job<'b>, exchange: &Exchange) -> Self {
        let lines = || Lines::new(Arc::clone(&job.journal.masker));
        let (out, err) = (lines(), lines());
        let program = job.program_name();
        let result = Run { program, exchange: exchange.clone(), ..Run::default() };
        Self { job, result, out, err, bytes: 0, logged: 0, is_pending: false }
    }

    /// Waits for the program until its time limit has expired; without a limit while the CA keeps it pending.
    async fn until_end_of(mut self, mut process: Process) -> Result<Run, Error> {
        let deadline = Instant::now() + self.job.journal.context.program_limit;
        let timer = Arc::clone(&self.job.journal.context.timer);
        loop {
            let next = process.next(Some(deadline).filter(|_| !self.is_pending));
            // A program that polls by itself is not busy, and nobody knows when it goes on.
            let next = tokio::select! {
                next = next => next?,
                () = timer.rest(None), if self.is_pending => continue,
            };
            match next {
                Event::Printed(stream, bytes) => self.take(stream, bytes)?,
                Event::Ended(status) => return Ok(self.end(status)),
                Event::GuardKilled(status) => {
                    return Err(self.result.failure(&guard_killed(status)).into());
                }
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
                self.result.stdout.extend_from_slice(bytes);
                self.out.push(bytes)
            }
            Stream::Err => self.err.push(bytes),
        };
        for line in lines {
            self.line(stream, line);
        }
        self.bytes += bytes.len();
        if self.bytes <= MOST_BYTES && self.logged <= MOST_LINES {
            return Ok(());
        }
        let most = format!("{MOST_BYTES} bytes or {MOST_LINES} lines");
        Err(self.result.failure(&format!("printed more than {most} and was ended")))
    }

    fn line(&mut self, stream: Stream, line: String) {
        let adapter = self.job.installed.adapter;
        if (adapter.is_noise)(&line) {
            return;
        }
        let is_first_answer = (adapter.is_pending)(&line) && !self.is_pending;
        if is_first_answer {
            self.is_pending = true;
            self.job.journal.enter(Phase::Pending);
            if adapter.sends_cert_polls {
                self.result.exchange = POLLING;
            }
        }
        self.logged += 1;
        let shown = match self.logged {
            ..=MOST_LOGGED => Some(line.as_str()),
            more => (more == MOST_LOGGED + 1).then_some("(more lines are not shown)"),
        };
        if let Some(shown) = shown {
            self.job.journal.log(&format!("{}: {shown}", self.job.program_name()));
        }
        if is_first_answer {
            let (exchange, program) = (self.job.exchange(), self.job.program_name());
            let text = format!("{exchange} was answered PENDING; `{program}` asks again by itself");
            self.job.journal.log(&text);
        }
        if stream == Stream::Err && !(adapter.is_progress)(&line) {
            keep(&mut self.result.errors, line.clone());
        }
        keep(&mut self.result.lines, line);
    }

    fn end(mut self, status: ExitStatus) -> Run {
        self.finish();
        Run { status, ..self.result }
    }

    /// Takes the last lines.
    fn finish(&mut self) {
        let last = [(Stream::Out, self.out.finish()), (Stream::Err, self.err.finish())];
        for (stream, lines) in last {
            for line in lines {
                self.line(stream, line);
            }
        }
    }

    fn overdue(&mut self) -> Failure {
        self.finish();
        let limit = self.job.journal.context.program_limit.as_secs_f64();
        let last = self.result.lines.last().map(|line| format!("; it said last: {line}"));
        let last = last.unwrap_or_default();
        self.result.failure(&format!("did not end in {limit} s and was killed{last}"))
    }
}

fn keep(lines: &mut Vec<String>, line: String) {
    if lines.len() == MOST_KEPT {
        lines.remove(0);
    }
    lines.push(line);
}
