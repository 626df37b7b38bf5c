//! Any program as the client under test.

mod program;

use std::env;
use std::ffi::OsString;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use async_trait::async_trait;
use diagnostics::Diagnostic;
use process::faketime::{Faketime, SharedMemory, TimeFile};
use process::{Event, Process, Stream, Tail, guard, guard_killed};
use redact::{Masker, passwords_of_command};

pub use self::program::CommandError;
use super::placeholder::{Placeholder, Word};
use model::lab::Secret;
use testbed::client::{Client, ClientEnd, ClientOrder, ClientRun};
use testbed::injection::panic_if_asked;

/// The maximum number of lines of a program's output that are kept.
const LINES: usize = 40;

/// The maximum number of lines of a program's standard error that are kept.
const ERRORS: usize = 10;

/// The prefix of `sceplab`'s own environment variables, which are not passed on to clients.
const OWN_VARIABLES: &str = "SCEPLAB_";

/// Exit statuses with which shells report that a program crashed: 128 and the signal.
const CRASHES: [(i32, &str); 7] = [
    (132, "SIGILL"),
    (133, "SIGTRAP"),
    (134, "SIGABRT"),
    (135, "SIGBUS"),
    (136, "SIGFPE"),
    (139, "SIGSEGV"),
    (159, "SIGSYS"),
];

/// A program that enrols once per run; its exit status is the result.
#[derive(Debug, Clone)]
pub struct Command {
    program: PathBuf,
    /// The command line with its passwords masked.
    shown: String,
    /// The passwords that stand in the command line.
    secrets: Vec<Secret>,
    arguments: Vec<Word>,
    limit: Option<Duration>,
}

impl Command {
    /// A program and its arguments. `{url}`, `{challenge}`, `{dir}` and `{ca}` in them are replaced for each run, without a
    /// shell. `limit` is the timeout of each run, and overrides the one of the order.
    ///
    /// # Errors
    /// If there is no such program, it is not executable, or an argument has an unknown placeholder.
    pub fn new(words: &[String], limit: Option<Duration>) -> Result<Self, Vec<Diagnostic>> {
        let program = program::find(words).map_err(|error| vec![error.into_diagnostic()])?;
        let (mut arguments, mut wrong) = (Vec::new(), Vec::new());
        for (number, word) in words.iter().enumerate().skip(1) {
            match Word::parse(word, number) {
                Ok(word) => arguments.push(word),
                Err(mistakes) => wrong.extend(mistakes),
            }
        }
        let secrets = passwords_of_command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        let masker = Masker::new(secrets.iter().cloned());
        let shown = diagnostics::visible(&masker.text(&words.join(" ")));
        if wrong.is_empty() {
            Ok(Self { program, shown, secrets, arguments, limit })
        } else {
            Err(wrong)
        }
    }

    /// The command line with its passwords masked.
    pub fn shown(&self) -> &str {
        &self.shown
    }

    /// The passwords that stand in the command line.
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }

    /// True if the command is given the challenge password.
    pub fn takes_challenge(&self) -> bool {
        self.arguments.iter().any(|word| word.has(Placeholder::Challenge))
    }

    /// True if the command is given the URL.
    pub fn takes_url(&self) -> bool {
        self.arguments.iter().any(|word| word.has(Placeholder::Url))
    }

    /// The placeholders that the command does not use, as they are written.
    pub fn unused(&self) -> Vec<String> {
        let is_used = |one: &Placeholder| self.arguments.iter().any(|word| word.has(*one));
        let unused = Placeholder::ALL.iter().filter(|one| !is_used(one));
        unused.map(|one| format!("{{{one}}}")).collect()
    }

    /// The command line of a run with this order, as a shell takes it, with its passwords masked.
    pub fn shown_for(&self, order: &ClientOrder) -> String {
        let program = self.program.display().to_string();
        let arguments = self.arguments.iter().map(|word| word.filled(order));
        let words: Vec<String> = std::iter::once(program).chain(arguments).collect();
        let masker = Masker::new(self.secrets.iter().chain(&order.challenge).cloned());
        let words = words.iter().map(|word| quoted(&masker.text(word)));
        diagnostics::visible(&words.collect::<Vec<_>>().join(" "))
    }

    async fn spawn(&self, order: &ClientOrder) -> io::Result<Started> {
        let (mut command, shared) = self.command_at(order)?;
        command
            .args(self.arguments.iter().map(|word| word.filled(order)))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let is_own = |name: &OsString| name.to_string_lossy().starts_with(OWN_VARIABLES);
        for (name, _) in env::vars_os().filter(|(name, _)| is_own(name)) {
            command.env_remove(name);
        }
        Ok(Started { process: Process::start_guarded(&mut command).await?, _shared: shared })
    }

    /// The command without its arguments, with the clock of the order.
    fn command_at(
        &self,
        order: &ClientOrder,
    ) -> io::Result<(tokio::process::Command, Option<SharedMemory>)> {
        if order.ahead_ms == 0 {
            return Ok((guard::command(&self.program), None));
        }
        let faketime = Faketime::find().map_err(|error| io::Error::other(error.to_string()))?;
        // Beside the client's own folder, whose files are its own.
        let time = TimeFile::at(order.folder.with_extension("time"));
        time.write(order.ahead_ms)?;
        let [env, variables @ ..] = faketime.command(&time);
        let mut command = guard::command(env);
        command.args(variables).arg(&self.program);
        Ok((command, Some(SharedMemory::watch())))
    }
}

/// A client that was started.
struct Started {
    // Ended first.
    process: Process,
    _shared: Option<SharedMemory>,
}

#[async_trait]
impl Client for Command {
    fn name(&self) -> String {
        format!("`{}`", self.shown)
    }

    async fn enrol(&self, order: &ClientOrder) -> ClientRun {
        panic_if_asked("client");
        let start = Instant::now();
        let limit = self.limit.unwrap_or(order.limit);
        let (end, output, errors) = match self.spawn(order).await {
            Ok(mut started) => {
                let secrets = self.secrets.iter().chain(&order.challenge).cloned();
                watch(&mut started.process, limit, &Arc::new(Masker::new(secrets))).await
            }
            Err(error) => (ClientEnd::NotRun { reason: error.to_string() }, Vec::new(), Vec::new()),
        };
        ClientRun { end, output, errors, elapsed: start.elapsed() }
    }
}

/// The word as a shell takes it: in quotation marks, unless all its characters stand for themselves.
fn quoted(word: &str) -> String {
    let is_plain = |one: char| one.is_alphanumeric() || "_-./:=@%+,*".contains(one);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// Reads a program's output until it ends or the timeout expires: its end, the last lines of both outputs, and those of its standard
/// error.
async fn watch(
    process: &mut Process,
    limit: Duration,
    masker: &Arc<Masker>,
) -> (ClientEnd, Vec<String>, Vec<String>) {
    let deadline = Instant::now() + limit;
    let (mut tail, mut errors) = (Tail::new(masker, LINES), Tail::new(masker, ERRORS));
    let end = loop {
        match process.next(Some(deadline)).await {
            Ok(Event::Printed(stream, bytes)) => {
                tail.push(stream, bytes);
                if stream == Stream::Err {
                    errors.push(stream, bytes);
                }
            }
            Ok(Event::Ended(status)) => break end_of(status),
            Ok(Event::GuardKilled(status)) => {
                break ClientEnd::Lost { reason: guard_killed(status) };
            }
            Ok(Event::Overdue) => {
                process.end().await;
                break ClientEnd::Overdue { limit };
            }
            Err(error) => break ClientEnd::NotRun { reason: error.to_string() },
        }
    };
    let lines = |mut tail: Tail| {
        tail.finish();
        tail.lines()
    };
    (end, lines(tail), lines(errors))
}

/// The end of a client by its exit status.
fn end_of(status: ExitStatus) -> ClientEnd {
    let crash = CRASHES.iter().find(|(code, _)| status.code() == Some(*code));
    match (status.signal(), crash) {
        _ if status.success() => ClientEnd::Succeeded,
        (Some(_), _) => ClientEnd::Crashed { how: format!("it was ended by {status}") },
        (None, Some((code, signal))) => {
            let how = format!("it ended with exit status: {code}, as a shell reports {signal}");
            ClientEnd::Crashed { how }
        }
        (None, None) => ClientEnd::Failed { how: format!("it ended with {status}") },
    }
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
            ahead_ms: 0,
        }
    }

    #[test]
    fn command_of_a_run_is_shown_as_a_shell_takes_it() {
        let order = order(Path::new("/d"), Duration::ZERO);
        let shown = command("echo it's").shown_for(&order);
        let arguments = r" -c 'echo it'\''s' sh http://127.0.0.1:1/scep **** /d";
        assert!(shown.ends_with(arguments), "{shown}");
    }

    fn command(script: &str) -> Command {
        let words = ["sh", "-c", script, "sh", "{url}", "{challenge}", "{dir}"].map(str::to_owned);
        Command::new(&words, None).unwrap()
    }

    async fn run(script: &str, limit: Duration) -> ClientRun {
        let folder = tempfile::tempdir().unwrap();
        command(script).enrol(&order(folder.path(), limit)).await
    }

    /// Runs a script that writes the file `hangs` in its folder, and lets its time limit expire then.
    async fn overdue(script: &str, limit: Duration) -> ClientRun {
        let folder = tempfile::tempdir().unwrap();
        let (command, order) = (command(script), order(folder.path(), limit));
        let expire = async {
            while !folder.path().join("hangs").exists() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            tokio::time::pause();
            tokio::time::advance(limit).await;
            tokio::time::resume();
        };
        tokio::join!(command.enrol(&order), expire).0
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
        let limit = Duration::from_secs(60);
        let hung = overdue("echo here; : > $3/hangs; sleep 600 & sleep 600", limit).await;
        assert_eq!(
            (hung.end, hung.output),
            (ClientEnd::Overdue { limit }, vec!["here".to_owned()])
        );
    }

    #[tokio::test]
    async fn crash_is_distinguished_from_a_failure_even_through_a_shell() {
        let limit = Duration::from_secs(60);
        let script = "echo progress; echo trouble >&2; kill -SEGV $$";
        let crashed = run(script, limit).await;
        assert!(
            matches!(&crashed.end, ClientEnd::Crashed { how } if how.contains("SIGSEGV")),
            "{:?}",
            crashed.end
        );
        assert_eq!(crashed.errors, ["trouble"]);
        let through_shell = run("exit 139", limit).await.end.to_string();
        assert!(
            through_shell.contains("exit status: 139") && through_shell.contains("SIGSEGV"),
            "{through_shell}"
        );
        assert!(matches!(run("exit 130", limit).await.end, ClientEnd::Failed { .. }));
    }

    #[test]
    fn missing_or_not_executable_program_is_rejected() {
        let error = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            Command::new(&words, None).unwrap_err().remove(0).message
        };
        assert_eq!(error(&["no-such-client"]), "there is no program `no-such-client`");
        assert_eq!(error(&["/etc/passwd"]), "`/etc/passwd` is not executable");
        assert_eq!(error(&[]), CommandError::Empty.to_string());
    }

    #[test]
    fn command_in_quotes_and_file_of_this_folder_get_advice() {
        let notes =
            |word: &str| Command::new(&[word.to_owned()], None).unwrap_err().remove(0).notes;
        let quoted = notes("sscep enroll -u {url}");
        assert!(
            quoted[0].ends_with("without quotes around all of it: `-- sscep enroll -u {url}`"),
            "{quoted:?}"
        );
        assert_eq!(notes("Cargo.toml"), ["it is a file in this folder: `./Cargo.toml`"]);
        assert!(notes("no-such-client").is_empty());
    }
}
