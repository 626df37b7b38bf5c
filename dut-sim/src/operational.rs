//! The commands beside the configuration: a table of their words, and the way from a line to one of them.

pub(crate) mod table;

use std::collections::BTreeSet;

use self::table::{COMMANDS, Command, Word};
use crate::config::message::possible;

/// A command of the table with the words that were given for its arguments.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) command: &'static Command,
    pub(crate) arguments: Vec<String>,
}

/// Why a line is no command, with the words that were understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("Invalid command: {}[{bad}]", prefix(good))]
    Invalid { good: Vec<String>, bad: String },
    #[error("Ambiguous command: {}[{bad}]\n{}", prefix(good), possible(completions))]
    Ambiguous { good: Vec<String>, bad: String, completions: Vec<(&'static str, &'static str)> },
    #[error("Incomplete command: {}", good.join(" "))]
    Incomplete { good: Vec<String> },
}

/// Finds the command of a line; any unambiguous beginning of a keyword will do.
pub(crate) fn find(words: &[String]) -> Result<Invocation, CommandError> {
    let mut search = Search::default();
    for word in words {
        search.step(word)?;
    }
    search.finish()
}

/// What may follow `words`: keywords and placeholders with their help, or nothing where they lead nowhere.
pub(crate) fn following(words: &[String]) -> Vec<&'static Word> {
    let mut search = Search::default();
    match words.iter().try_for_each(|word| search.step(word)) {
        Ok(()) => search.next_words(),
        Err(_) => Vec::new(),
    }
}

/// The commands that the words so far may belong to.
struct Search {
    commands: Vec<&'static Command>,
    good: Vec<String>,
    arguments: Vec<String>,
}

impl Default for Search {
    fn default() -> Self {
        Self { commands: COMMANDS.iter().collect(), good: Vec::new(), arguments: Vec::new() }
    }
}

impl Search {
    /// Keywords go before arguments, and whole keywords before beginnings of others.
    fn step(&mut self, word: &str) -> Result<(), CommandError> {
        let keywords = self.keywords(|keyword| keyword == word);
        let keywords = if keywords.is_empty() && !word.is_empty() {
            self.keywords(|keyword| keyword.starts_with(word))
        } else {
            keywords
        };
        let place = self.good.len();
        match keywords.iter().copied().collect::<Vec<_>>()[..] {
            [] => self.take_argument(word),
            [(keyword, _)] => {
                self.commands.retain(|command| command.keyword(place) == Some(keyword));
                self.good.push(keyword.to_owned());
                Ok(())
            }
            ref completions => Err(CommandError::Ambiguous {
                good: self.good.clone(),
                bad: word.to_owned(),
                completions: completions.to_vec(),
            }),
        }
    }

    fn take_argument(&mut self, word: &str) -> Result<(), CommandError> {
        let place = self.good.len();
        self.commands.retain(|command| command.takes_argument(place));
        if self.commands.is_empty() {
            return Err(CommandError::Invalid { good: self.good.clone(), bad: word.to_owned() });
        }
        self.good.push(word.to_owned());
        self.arguments.push(word.to_owned());
        Ok(())
    }

    fn finish(self) -> Result<Invocation, CommandError> {
        let complete = self.commands.iter().find(|command| command.is_complete(self.good.len()));
        match complete {
            Some(command) => Ok(Invocation { command, arguments: self.arguments }),
            None => Err(CommandError::Incomplete { good: self.good }),
        }
    }

    fn keywords(&self, fits: impl Fn(&str) -> bool) -> BTreeSet<(&'static str, &'static str)> {
        let place = self.good.len();
        let keyword = |command: &&'static Command| match command.word(place)? {
            Word::Keyword(keyword, help) if fits(keyword) => Some((*keyword, *help)),
            _ => None,
        };
        self.commands.iter().filter_map(keyword).collect()
    }

    fn next_words(&self) -> Vec<&'static Word> {
        let place = self.good.len();
        self.commands.iter().filter_map(|command| command.word(place)).collect()
    }
}

fn prefix(good: &[String]) -> String {
    good.iter().flat_map(|word| [word.as_str(), " "]).collect()
}

#[cfg(test)]
mod tests {
    use super::table::Action;
    use super::*;

    fn find(line: &str) -> Result<Invocation, CommandError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        super::find(&words)
    }

    #[test]
    fn documented_commands_are_there() {
        let ping = find("ping 10.215.168.1 count 1 size 56 timeout 1").unwrap();
        assert_eq!(ping.command.action, Action::Ping);
        assert_eq!(ping.arguments.len(), 7);
        assert_eq!(find("pki scep show CSR").unwrap().arguments, ["CSR"]);
        let url = "running://auth/certificates/scep/CSR/ca/ca.der";
        let show = find(&format!("pki show certificate {url}")).unwrap();
        assert_eq!(
            (show.command.action, show.arguments),
            (Action::ShowCertificate, vec![url.into()])
        );
        assert_eq!(find("show running").unwrap().command.action, Action::ShowRunning);
    }

    #[test]
    fn beginnings_of_words_will_do() {
        assert_eq!(find("pk sc sh CSR").unwrap().command.action, Action::ScepShow);
        assert_eq!(find("pki scep show").unwrap().arguments, [""; 0]);
        assert_eq!(find("conf").unwrap().command.action, Action::Configure);
    }

    #[test]
    fn refusals_show_the_word() {
        let refusal = |line: &str| find(line).unwrap_err().to_string();
        assert_eq!(refusal("frobnicate"), "Invalid command: [frobnicate]");
        assert_eq!(refusal("pki scep [x"), "Invalid command: pki scep [[x]");
        assert_eq!(refusal("pki scep show CSR more"), "Invalid command: pki scep show CSR [more]");
        assert_eq!(refusal("pki scep"), "Incomplete command: pki scep");
        assert_eq!(refusal("ping"), "Incomplete command: ping");
        assert!(
            refusal("p 10.0.0.1").starts_with("Ambiguous command: [p]\nPossible completions:\n")
        );
    }
}
