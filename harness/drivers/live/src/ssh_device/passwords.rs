//! Passwords and pass phrases that the user is asked for.

use std::collections::HashMap;
use std::io::{IsTerminal, stderr, stdin};
use std::sync::{Mutex, PoisonError};

use console::Term;

use model::lab::Secret;

/// Who is asked for a password that no file and no variable holds.
pub trait Passwords: Send + Sync {
    /// The answer to a question such as `Password of admin@198.51.100.7: `; `again` where the last one did not fit.
    ///
    /// # Errors
    /// Why there is none, and what would give one.
    fn ask(&self, question: &str, again: bool) -> Result<Secret, String>;
}

/// Asks at the terminal, without echo, and each question once.
#[derive(Debug, Default)]
pub struct AtTerminal {
    answers: Mutex<HashMap<String, Secret>>,
}

impl Passwords for AtTerminal {
    fn ask(&self, question: &str, again: bool) -> Result<Secret, String> {
        // Held while the user types: two questions at once cannot be told apart.
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
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
