//! What a server that asks at the keyboard (RFC 4256) is answered.

use ssh2::{KeyboardInteractivePrompt, Prompt};

use model::lab::Secret;

/// How many questions are answered: whoever asks for ever learns nothing more.
const QUESTIONS: usize = 8;

/// The password, where something secret is asked for.
pub(super) struct Answers<'a> {
    password: &'a Secret,
    asked: usize,
}

impl<'a> Answers<'a> {
    pub(super) fn new(password: &'a Secret) -> Self {
        Self { password, asked: 0 }
    }
}

impl KeyboardInteractivePrompt for Answers<'_> {
    fn prompt(&mut self, _: &str, _: &str, prompts: &[Prompt<'_>]) -> Vec<String> {
        self.asked += prompts.len();
        let enough = self.asked > QUESTIONS;
        let answer = |prompt: &Prompt<'_>| {
            if prompt.echo || enough { String::new() } else { self.password.expose().to_owned() }
        };
        prompts.iter().map(answer).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_asked_for_in_secret_is_told_and_not_for_ever() {
        let password = Secret::new("s3cret");
        let mut answers = Answers::new(&password);
        let prompt = |echo| Prompt { text: "x".into(), echo };
        assert_eq!(answers.prompt("", "", &[prompt(true), prompt(false)]), ["", "s3cret"]);
        for _ in 0..3 {
            answers.prompt("", "", &[prompt(false), prompt(false)]);
        }
        assert_eq!(answers.prompt("", "", &[prompt(false)]), [""]);
    }
}
