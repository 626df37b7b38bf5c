//! Who logs in: by a key of a file or of the agent, or by a password.

mod answers;
mod files;

use std::path::Path;

use ssh2::{ErrorCode, Session};

use self::answers::Answers;
use super::TIMEOUT;
use crate::ssh_device::Passwords;
use model::lab::{PasswordSource, Secret, SshTarget, shown};

/// How many failures a login may have: at the sixth, OpenSSH's server ends the connection without a word.
const FAILURES: usize = 5;

/// How many keys of the agent are tried, so that two failures are left for a password.
const AGENT_KEYS: usize = FAILURES - 2;

/// How often the user may mistype.
const QUESTIONS: usize = 3;

/// Logs in; the error says what was tried, what the device offers, and what to give.
pub(super) fn log_in(
    target: &SshTarget,
    session: &Session,
    passwords: &dyn Passwords,
) -> Result<(), String> {
    let offered: Vec<String> = match session.auth_methods(&target.user) {
        Ok(methods) => methods.split(',').map(str::to_owned).collect(),
        // Some let everybody in.
        Err(_) if session.authenticated() => return Ok(()),
        Err(error) => return Err(dropped(target, &error)),
    };
    let mut login = Login { target, session, passwords, offered, tried: Vec::new(), failures: 0 };
    if login.by_key()? || login.by_password()? { Ok(()) } else { Err(login.refused()) }
}

struct Login<'a> {
    target: &'a SshTarget,
    session: &'a Session,
    passwords: &'a dyn Passwords,
    offered: Vec<String>,
    /// What was not accepted, or not tried and why.
    tried: Vec<String>,
    /// How often the device refused.
    failures: usize,
}

/// What became of one attempt.
enum Attempt {
    Accepted,
    Refused,
    /// What was shown cannot be: a key that does not open.
    Unusable(String),
}

/// How a password is shown: some devices offer both ways and have the password behind one of them alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    /// RFC 4252 §8.
    Password,
    /// RFC 4256.
    KeyboardInteractive,
}

impl Method {
    /// Those that are offered, the one that a password cannot be mistaken in first.
    fn of(offered: &[String]) -> Vec<Self> {
        let known =
            [("password", Self::Password), ("keyboard-interactive", Self::KeyboardInteractive)];
        let is_offered = |name: &str| offered.iter().any(|offered| offered == name);
        known.into_iter().filter(|(name, _)| is_offered(name)).map(|(_, method)| method).collect()
    }
}

impl Login<'_> {
    fn offers(&self, method: &str) -> bool {
        self.offered.iter().any(|offered| offered == method)
    }

    /// Sorts what libssh2 said.
    fn attempt(&mut self, outcome: Result<(), ssh2::Error>) -> Result<Attempt, String> {
        let Err(error) = outcome else { return Ok(Attempt::Accepted) };
        match error.code() {
            // Authentication failed, and a public key that was not verified.
            ErrorCode::Session(-18 | -19) => {
                self.failures += 1;
                Ok(Attempt::Refused)
            }
            // The connection is closed, or nothing comes.
            ErrorCode::Session(TIMEOUT | -7 | -13 | -43) => Err(dropped(self.target, &error)),
            _ => Ok(Attempt::Unusable(error.to_string())),
        }
    }

    fn by_key(&mut self) -> Result<bool, String> {
        let Some(path) = &self.target.identity else { return self.by_agent() };
        let encrypted = files::is_encrypted(path)?;
        let shown = path.display();
        if !self.offers("publickey") {
            self.tried.push(format!("the key `{shown}` was not shown, for the device takes none"));
            return Ok(false);
        }
        for nth in 0..if encrypted { QUESTIONS } else { 1 } {
            let phrase = if encrypted { Some(self.pass_phrase(path, nth > 0)?) } else { None };
            let phrase = phrase.as_ref().map(Secret::expose);
            let user = &self.target.user;
            match self.attempt(self.session.userauth_pubkey_file(user, None, path, phrase))? {
                Attempt::Accepted => return Ok(true),
                Attempt::Refused => {
                    self.tried.push(format!("the key `{shown}` was not accepted"));
                    return Ok(false);
                }
                Attempt::Unusable(_) if encrypted && nth + 1 < QUESTIONS => {}
                Attempt::Unusable(why) => {
                    self.tried.push(format!("the key `{shown}` cannot be used ({why})"));
                }
            }
        }
        Ok(false)
    }

    fn pass_phrase(&self, path: &Path, again: bool) -> Result<Secret, String> {
        self.passwords.ask(&format!("Pass phrase of {}: ", path.display()), again).map_err(|why| {
            format!(
                "the key `{}` has a pass phrase: {why}; the agent can have it instead",
                path.display()
            )
        })
    }

    /// Where no key is named, the agent has some.
    fn by_agent(&mut self) -> Result<bool, String> {
        if !self.offers("publickey") || std::env::var_os("SSH_AUTH_SOCK").is_none() {
            return Ok(false);
        }
        let Ok(mut agent) = self.session.agent() else { return Ok(false) };
        if agent.connect().and_then(|()| agent.list_identities()).is_err() {
            self.tried.push("the agent at SSH_AUTH_SOCK does not answer".to_owned());
            return Ok(false);
        }
        let keys = agent.identities().unwrap_or_default();
        for key in keys.iter().take(AGENT_KEYS) {
            let outcome = agent.userauth(&self.target.user, key);
            if matches!(self.attempt(outcome)?, Attempt::Accepted) {
                return Ok(true);
            }
        }
        let count = keys.len().min(AGENT_KEYS);
        self.tried.push(match count {
            0 => "the agent has no key".to_owned(),
            _ => format!("none of {count} keys of the agent was accepted"),
        });
        Ok(false)
    }

    fn by_password(&mut self) -> Result<bool, String> {
        let methods = Method::of(&self.offered);
        if methods.is_empty() {
            return Ok(false);
        }
        let is_asked = self.target.password == PasswordSource::Asked;
        let questions = (FAILURES - self.failures.min(FAILURES)) / methods.len();
        for nth in 0..if is_asked { questions.clamp(1, QUESTIONS) } else { 1 } {
            let password = self.password(nth > 0)?;
            for method in &methods {
                let outcome = self.show(&password, *method);
                match self.attempt(outcome)? {
                    Attempt::Accepted => return Ok(true),
                    Attempt::Refused => {}
                    Attempt::Unusable(why) => {
                        self.tried.push(format!("the password is of no use ({why})"));
                    }
                }
            }
        }
        let origin = match &self.target.password {
            PasswordSource::Asked => "typed at the terminal".to_owned(),
            PasswordSource::File(path) => format!("in `{}`", path.display()),
            PasswordSource::Environment(name) => {
                format!("in the environment variable{}", shown(name))
            }
        };
        self.tried.push(format!("the password {origin} was not accepted"));
        Ok(false)
    }

    fn show(&self, password: &Secret, method: Method) -> Result<(), ssh2::Error> {
        let user = &self.target.user;
        match method {
            Method::Password => self.session.userauth_password(user, password.expose()),
            Method::KeyboardInteractive => {
                let mut answers = Answers::new(password);
                self.session.userauth_keyboard_interactive(user, &mut answers)
            }
        }
    }

    fn password(&self, again: bool) -> Result<Secret, String> {
        match &self.target.password {
            PasswordSource::File(path) => files::password(path),
            PasswordSource::Environment(name) => match std::env::var(name) {
                Ok(password) if !password.is_empty() => Ok(Secret::new(password)),
                _ => Err(format!(
                    "the environment variable{} that `password-env` names holds no password",
                    shown(name)
                )),
            },
            PasswordSource::Asked => {
                let asked = self.passwords.ask(&format!("Password of {}: ", self.target), again);
                asked.map_err(|why| {
                    let tried: String =
                        self.tried.iter().flat_map(|tried| [tried.as_str(), "; "]).collect();
                    format!("{tried}{} wants a password: {why}", self.target)
                })
            }
        }
    }

    fn refused(&self) -> String {
        let tried = match self.tried.as_slice() {
            [] => "there was nothing to log in with".to_owned(),
            tried => tried.join("; "),
        };
        format!(
            "{} did not let the user in: {tried}; it takes {}; in the lab file, `identity` names a key, `password-file` or \
             `password-env` a password",
            self.target,
            self.offered.join(", ")
        )
    }
}

fn dropped(target: &SshTarget, error: &ssh2::Error) -> String {
    match error.code() {
        ErrorCode::Session(TIMEOUT) => {
            format!("{target} stopped answering while the user logged in")
        }
        _ => format!(
            "{target} ended the connection while the user logged in ({error}): after too many failures, or because the \
             user may not log in from here"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_shown_in_every_way_that_is_offered() {
        let of =
            |offered: &str| Method::of(&offered.split(',').map(str::to_owned).collect::<Vec<_>>());
        assert_eq!(of("publickey"), []);
        assert_eq!(of("publickey,keyboard-interactive"), [Method::KeyboardInteractive]);
        let both = [Method::Password, Method::KeyboardInteractive];
        assert_eq!(of("publickey,keyboard-interactive,password"), both);
    }
}
