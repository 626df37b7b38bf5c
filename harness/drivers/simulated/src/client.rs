//! SCEP clients under test: the built-in one, and any program.

mod enrolment;

use std::collections::BTreeMap;
use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use process::{Event, Process, Tail, find, is_executable};
use redact::Masker;
use regex::{Captures, Regex};
use scep::client::Settings;
use scep::name;
use tokio::time::timeout;

pub use self::enrolment::{
    Enrolled, EnrolmentError, Files, FilesError, Polling, enrol, fingerprint_of, new_key,
};
use model::lab::Secret;
use testbed::client::{Client, ClientEnd, ClientOrder, ClientRun};
use testbed::pki::Pki;

/// The pause before each CertPoll. It is short because a user who tests a PKI knows how long the CA takes to decide.
const PAUSE: Duration = Duration::from_millis(50);

/// `scep::client`, which calls the PKIs of a lab directly.
pub struct Builtin {
    pkis: BTreeMap<String, Arc<dyn Pki>>,
}

impl Builtin {
    /// A client that finds these PKIs by their URLs.
    pub fn new(pkis: BTreeMap<String, Arc<dyn Pki>>) -> Self {
        Self { pkis }
    }

    async fn pki_at(&self, url: &str) -> Option<&dyn Pki> {
        for pki in self.pkis.values() {
            if pki.url().await.is_ok_and(|its| its == url) {
                return Some(pki.as_ref());
            }
        }
        None
    }

    async fn try_to_enrol(
        &self,
        order: &ClientOrder,
    ) -> Result<String, Box<dyn Error + Send + Sync>> {
        let pki = self.pki_at(&order.url).await;
        let pki = pki.ok_or_else(|| format!("there is no PKI at `{}`", order.url))?;
        let subject = name::parse("CN=sceplab client")?;
        let files = Files::in_folder(&order.folder);
        let key = new_key().await?;
        let existing = files.identity()?;
        // A renewal is authorised by the certificate that signs it (RFC 8894 §2.4).
        let challenge = order.challenge.as_ref().filter(|_| existing.is_none());
        let settings = Settings {
            challenge: challenge.cloned(),
            ca_fingerprint: Some(fingerprint_of(&order.ca)?.octets().to_vec()),
            existing,
            ..Settings::new(key.clone(), subject)
        };
        let polling = Polling { pause: PAUSE, within: order.limit };
        let enrolled = enrol(pki.scep()?, settings, polling).await?;
        files.write(&key, &enrolled)?;
        let subject = name::to_text(enrolled.certificate.subject_name());
        Ok(format!("has the certificate {subject}"))
    }
}

#[async_trait]
impl Client for Builtin {
    fn name(&self) -> String {
        "the built-in client".to_owned()
    }

    async fn enrol(&self, order: &ClientOrder) -> ClientRun {
        let start = Instant::now();
        let (end, output) = match timeout(order.limit, self.try_to_enrol(order)).await {
            Ok(Ok(words)) => (ClientEnd::Succeeded, vec![words]),
            Ok(Err(reason)) => {
                let how = "it ended without a certificate".to_owned();
                (ClientEnd::Failed { how }, vec![reason.to_string()])
            }
            Err(_) => (ClientEnd::Overdue { limit: order.limit }, Vec::new()),
        };
        ClientRun { end, output, elapsed: start.elapsed() }
    }
}

/// The maximum number of lines of a program's output that are kept.
const LINES: usize = 40;

/// The prefix of `sceplab`'s own environment variables, which are not passed on to clients.
const OWN_VARIABLES: &str = "SCEPLAB_";

/// A program that enrols once per run; its exit status is the result.
#[derive(Debug, Clone)]
pub struct Command {
    program: PathBuf,
    words: Vec<String>,
    limit: Option<Duration>,
}

/// Why a command cannot be the client under test.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// The command is empty.
    #[error("no command is given; it follows `--`")]
    Empty,
    /// There is no such program.
    #[error("there is no program `{0}`")]
    Missing(String),
    /// The file exists, but is not executable.
    #[error("`{0}` is not executable")]
    NotExecutable(String),
}

impl Command {
    /// A program and its arguments. `{url}`, `{challenge}`, `{dir}` and `{ca}` in them are replaced for each run, without a
    /// shell. `limit` is the timeout of each run, and overrides the one of the order.
    ///
    /// # Errors
    /// If there is no such program, or it is not executable.
    pub fn new(words: Vec<String>, limit: Option<Duration>) -> Result<Self, CommandError> {
        let name = words.first().ok_or(CommandError::Empty)?;
        let path = env::var_os("PATH").unwrap_or_default();
        let program = find(name, &path).ok_or_else(|| CommandError::Missing(name.clone()))?;
        if !is_executable(&program) {
            return Err(CommandError::NotExecutable(name.clone()));
        }
        Ok(Self { program, words, limit })
    }

    fn spawn(&self, order: &ClientOrder) -> io::Result<Process> {
        let mut command = tokio::process::Command::new(&self.program);
        command
            .args(self.words.iter().skip(1).map(|word| filled(word, order)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let is_own = |name: &OsString| name.to_string_lossy().starts_with(OWN_VARIABLES);
        for (name, _) in env::vars_os().filter(|(name, _)| is_own(name)) {
            command.env_remove(name);
        }
        Process::start(&mut command)
    }
}

#[async_trait]
impl Client for Command {
    fn name(&self) -> String {
        format!("`{}`", self.words.join(" ").escape_debug())
    }

    async fn enrol(&self, order: &ClientOrder) -> ClientRun {
        let start = Instant::now();
        let limit = self.limit.unwrap_or(order.limit);
        let (end, output) = match self.spawn(order) {
            Ok(process) => watch(process, limit, order.challenge.as_ref()).await,
            Err(error) => (ClientEnd::NotRun { reason: error.to_string() }, Vec::new()),
        };
        ClientRun { end, output, elapsed: start.elapsed() }
    }
}

/// Reads a program's output until it ends or the timeout expires.
async fn watch(
    mut process: Process,
    limit: Duration,
    secret: Option<&Secret>,
) -> (ClientEnd, Vec<String>) {
    let deadline = tokio::time::Instant::now() + limit;
    let mut tail = Tail::new(&Arc::new(Masker::new(secret.cloned())), LINES);
    let end = loop {
        match process.next(Some(deadline)).await {
            Ok(Event::Printed(stream, bytes)) => tail.push(stream, bytes),
            Ok(Event::Ended(status)) if status.success() => break ClientEnd::Succeeded,
            Ok(Event::Ended(status)) => {
                break ClientEnd::Failed { how: format!("it ended with {status}") };
            }
            Ok(Event::Overdue) => {
                process.end().await;
                break ClientEnd::Overdue { limit };
            }
            Err(error) => break ClientEnd::NotRun { reason: error.to_string() },
        }
    };
    tail.finish();
    (end, tail.lines().map(str::to_owned).collect())
}

/// Replaces each placeholder once: a password that looks like another placeholder stays as it is.
fn filled(word: &str, order: &ClientOrder) -> String {
    let places = Regex::new(r"\{(url|challenge|dir|ca)\}").expect("the pattern is valid");
    let value = |place: &Captures<'_>| match &place[1] {
        "url" => order.url.clone(),
        "challenge" => order.challenge.as_ref().map(Secret::expose).unwrap_or_default().to_owned(),
        "dir" => order.folder.display().to_string(),
        _ => order.ca.display().to_string(),
    };
    places.replace_all(word, value).into_owned()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::path::Path;

    use super::*;

    fn order(folder: &Path, limit: Duration) -> ClientOrder {
        ClientOrder {
            url: "http://127.0.0.1:1/scep".to_owned(),
            challenge: Some(Secret::new("{dir} secret")),
            ca: folder.join("ca"),
            folder: folder.to_owned(),
            limit,
        }
    }

    async fn run(script: &str, limit: Duration) -> ClientRun {
        let words = ["sh", "-c", script, "sh", "{url}", "{challenge}", "{dir}"].map(str::to_owned);
        let command = Command::new(words.to_vec(), None).unwrap();
        let folder = tempfile::tempdir().unwrap();
        command.enrol(&order(folder.path(), limit)).await
    }

    #[tokio::test]
    async fn arguments_and_output_of_a_program_are_masked() {
        let run = run("echo $1; echo $2 >&2; test -d $3", Duration::from_secs(60)).await;
        assert_eq!(run.end, ClientEnd::Succeeded);
        let mut output = run.output;
        output.sort();
        assert_eq!(output, ["****", "http://127.0.0.1:1/scep"]);
    }

    #[tokio::test]
    async fn failing_program_is_reported_and_hanging_program_is_killed() {
        let failed = run("exit 3", Duration::from_secs(60)).await;
        assert!(failed.end.to_string().contains("exit status: 3"), "{}", failed.end);
        let limit = Duration::from_millis(200);
        let hung = run("echo here; sleep 600 & sleep 600", limit).await;
        assert_eq!(
            (hung.end, hung.output),
            (ClientEnd::Overdue { limit }, vec!["here".to_owned()])
        );
    }

    #[test]
    fn missing_or_not_executable_program_is_rejected() {
        let missing = Command::new(vec!["no-such-client".to_owned()], None).unwrap_err();
        assert_eq!(missing.to_string(), "there is no program `no-such-client`");
        let folder = Command::new(vec!["/etc/passwd".to_owned()], None).unwrap_err();
        assert_eq!(folder.to_string(), "`/etc/passwd` is not executable");
        assert_eq!(Command::new(Vec::new(), None).unwrap_err(), CommandError::Empty);
    }
}
