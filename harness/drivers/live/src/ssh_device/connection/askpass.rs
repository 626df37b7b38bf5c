//! Answers `ssh`'s questions for passwords and pass phrases. `ssh` runs this program again for each question (`SSH_ASKPASS`).
//! That process asks the one that has the answer, over a socket in a folder that only the user may enter.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{self, IsTerminal, Read, Write, stderr, stdin};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::os::unix::process::parent_id;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use console::Term;
use files::PrivateFolder;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream as Stream};
use tokio::process::Command;
use tokio::sync::oneshot;

use super::SshConnector;
use diagnostics::visible;
use model::lab::{PasswordSource, Secret, shown};

/// The environment variable with the path of the socket.
const SOCKET: &str = "SCEPLAB_ASKPASS";

/// The prefix of an answer; without an answer nothing is sent.
const ANSWER: &str = "+";

/// The maximum length of a question, in bytes.
const QUESTION_SIZE: u64 = 4096;

/// The maximum number of questions that are answered, against endless ones.
const QUESTIONS: usize = 8;

/// Supplies passwords that are in no file and no variable.
pub trait Passwords: Send + Sync {
    /// The answer to a question such as `Password of admin@198.51.100.7: `; `again` if the last one was wrong.
    ///
    /// # Errors
    /// Why there is no answer, with advice.
    fn ask(&self, question: &str, again: bool) -> Result<Secret, String>;
}

/// Asks at the terminal, without echo; each question once.
#[derive(Debug, Default)]
pub struct AtTerminal {
    answers: Mutex<HashMap<String, Secret>>,
}

impl Passwords for AtTerminal {
    fn ask(&self, question: &str, again: bool) -> Result<Secret, String> {
        // Locked while the user types, so that there is one question at a time.
        let mut answers = self.answers.lock();
        if let Some(known) = answers.get(question).filter(|_| !again) {
            return Ok(known.clone());
        }
        let answer = read(question)?;
        answers.insert(question.to_owned(), answer.clone());
        Ok(answer)
    }
}

fn read(question: &str) -> Result<Secret, String> {
    if !(stdin().is_terminal() && stderr().is_terminal()) {
        return Err("there is no terminal to ask at: name a `password-file` or a `password-env` in the lab file, or a key \
                    with `identity`"
            .to_owned());
    }
    let terminal = Term::stderr();
    let typed = terminal.write_str(question).and_then(|()| terminal.read_secure_line());
    typed.map(Secret::new).map_err(|error| format!("nothing was typed at the terminal: {error}"))
}

/// Answers `ssh`, if `ssh` started this process for that; returns nothing otherwise.
pub fn answer_ssh() -> Option<ExitCode> {
    let socket = std::env::var_os(SOCKET)?;
    let question = std::env::args().nth(1).unwrap_or_default();
    let answer = ask(&socket, &question).ok().and_then(|answer| {
        let answer = answer.strip_prefix(ANSWER)?;
        writeln!(io::stdout(), "{answer}").ok()
    });
    Some(if answer.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ask(socket: &OsStr, question: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect(socket)?;
    write!(stream, "{} {question}", parent_id())?;
    stream.shutdown(Shutdown::Write)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}

/// Answers the questions of one login.
pub(super) struct Askpass<'a> {
    connector: &'a SshConnector,
    listener: UnixListener,
    /// True while a user is being asked, who may take a long time.
    pub(super) is_asking: AtomicBool,
    /// True if a password was sent to the device.
    has_shown_password: AtomicBool,
    /// The folder of the socket, which is removed on drop.
    _folder: PrivateFolder,
}

impl<'a> Askpass<'a> {
    /// Makes an `ssh` that is about to be started ask here.
    pub(super) fn listen(connector: &'a SshConnector, ssh: &mut Command) -> io::Result<Self> {
        let folder = PrivateFolder::new("sceplab-ssh-")?;
        let socket = folder.path().join("socket");
        let listener = UnixListener::bind(&socket)?;
        ssh.env("SSH_ASKPASS", &connector.program).env("SSH_ASKPASS_REQUIRE", "force");
        ssh.env(SOCKET, socket);
        let (is_asking, has_shown_password) = (AtomicBool::new(false), AtomicBool::new(false));
        Ok(Self { connector, listener, is_asking, has_shown_password, _folder: folder })
    }

    /// Answers questions until one has no answer; returns why. `ssh` is the ID of the process that logs in; other processes
    /// belong to jump hosts.
    pub(super) async fn serve(&self, ssh: Option<u32>) -> String {
        let mut asked: Vec<String> = Vec::new();
        loop {
            let Ok((mut stream, _)) = self.listener.accept().await else {
                return "`ssh` cannot ask for passwords here".to_owned();
            };
            let Some((process, text)) = question(&mut stream).await else { continue };
            if asked.len() == QUESTIONS {
                return format!(
                    "{} asks for more than {QUESTIONS} passwords",
                    self.connector.target
                );
            }
            let again = asked.contains(&text);
            self.is_asking.store(true, Ordering::Relaxed);
            let answer = self.answer(&text, Some(process) == ssh, again).await;
            self.is_asking.store(false, Ordering::Relaxed);
            asked.push(text);
            match answer {
                Ok(Some(secret)) => {
                    let answer = Secret::new(format!("{ANSWER}{}", secret.expose()));
                    let _ = stream.write_all(answer.expose().as_bytes()).await;
                }
                Ok(None) => {}
                Err(reason) => return reason,
            }
        }
    }

    /// The answer to a question of the `ssh` that logs in to the device, or of another; `None` if there may be another way to log
    /// in.
    async fn answer(
        &self,
        text: &str,
        is_of_device: bool,
        again: bool,
    ) -> Result<Option<Secret>, String> {
        if let Some(path) = key_of(text) {
            let asked = self.ask(format!("Pass phrase of {}: ", visible(path)), again).await;
            if self.connector.target.identity.as_deref() != Some(Path::new(path)) {
                // Without this key, another key or a password may work.
                return Ok(asked.ok());
            }
            let wanted = |why| {
                format!("the key `{path}` has a pass phrase: {why}; the agent can have it instead")
            };
            return asked.map(Some).map_err(wanted);
        }
        if is_of_device && is_for_password(text) {
            let password = self.password(again).await?;
            self.has_shown_password.store(true, Ordering::Relaxed);
            return Ok(Some(password));
        }
        // A question of a jump host, or for a token.
        let text = visible(text.trim_end());
        let asked = self.ask(format!("{text} "), again).await;
        asked.map(Some).map_err(|why| format!("`ssh` asks `{text}`: {why}"))
    }

    async fn password(&self, again: bool) -> Result<Secret, String> {
        let target = &self.connector.target;
        if let Some(source) = &target.password {
            let source = source.clone();
            let reading = tokio::task::spawn_blocking(move || source.read());
            let read = reading.await.map_err(|error| error.to_string())?;
            return read.map_err(|error| error.to_string());
        }
        let asked = self.ask(format!("Password of {target}: "), again).await;
        asked.map_err(|why| format!("{target} wants a password: {why}"))
    }

    /// A message that the password was not accepted, if one was sent to the device.
    pub(super) fn password_tried(&self) -> Option<String> {
        let origin = match &self.connector.target.password {
            None => "typed at the terminal".to_owned(),
            Some(PasswordSource::Given(_)) => "in the lab file".to_owned(),
            Some(PasswordSource::File(path)) => format!("in `{}`", path.display()),
            Some(PasswordSource::Environment(name)) => {
                format!("in the environment variable{}", shown(name))
            }
        };
        let is_shown = self.has_shown_password.load(Ordering::Relaxed);
        is_shown.then(|| format!("the password {origin} was not accepted"))
    }

    /// Asks in a thread, because waiting at a terminal cannot be cancelled.
    async fn ask(&self, question: String, again: bool) -> Result<Secret, String> {
        let (reply, answer) = oneshot::channel();
        let passwords = Arc::clone(&self.connector.passwords);
        std::thread::spawn(move || reply.send(passwords.ask(&question, again)));
        answer.await.map_err(|_| "no question could be asked".to_owned())?
    }
}

/// The process that asks, and its question.
async fn question(stream: &mut Stream) -> Option<(u32, String)> {
    let mut text = String::new();
    stream.take(QUESTION_SIZE).read_to_string(&mut text).await.ok()?;
    let (process, text) = text.split_once(' ')?;
    Some((process.parse().ok()?, text.to_owned()))
}

/// The key of a question for a pass phrase.
fn key_of(question: &str) -> Option<&str> {
    question.strip_prefix("Enter passphrase for key '")?.trim_end().strip_suffix("':")
}

/// True if a question may be for a device's password, in any language: `ssh` does not say whether the answer would be echoed.
fn is_for_password(question: &str) -> bool {
    // As in `(admin@198.51.100.7) Password: `.
    let text = question.split_once(") ").map_or(question, |(_, text)| text).to_lowercase();
    let is_of_token = text.starts_with("enter pin") || text.starts_with("confirm ");
    let is_of_name = ["user", "login"].iter().any(|word| text.contains(word));
    !is_of_token && (text.contains("pass") || !is_of_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn questions_for_passwords_are_recognised() {
        for text in [
            "admin@10.0.0.1's password: ",
            "(user@login.example) Contraseña: ",
            "Password for user admin: ",
        ] {
            assert!(is_for_password(text), "{text}");
        }
        for text in ["(admin@10.0.0.1) Username: ", "Enter PIN for ED25519-SK key id: "] {
            assert!(!is_for_password(text), "{text}");
        }
        let phrase = "Enter passphrase for key '/home/me/it's': ";
        assert_eq!(key_of(phrase), Some("/home/me/it's"));
        assert_eq!(key_of("admin@10.0.0.1's password: "), None);
    }
}
