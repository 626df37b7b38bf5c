//! The commands of operational mode: the table of their words, and the lookup of a line in it.
//!
//! A new command needs a new line of the table and an action in `device::operation`.

use self::Arguments::{HostAndOptions, Nothing, One, Optional, Words};
use crate::config::message::{bracketed, possible};
use crate::config::parse::matching;

/// A word of a command, and the words that may follow it.
#[derive(Debug)]
pub(crate) struct Keyword {
    pub(crate) name: &'static str,
    pub(crate) help: &'static str,
    then: Then,
}

/// Words that may follow a keyword.
#[derive(Debug, Clone, Copy)]
enum Then {
    Keywords(&'static [Keyword]),
    Arguments(Action, Arguments),
}

/// Action of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Configure,
    CrlShow,
    Exit,
    JournalShow,
    Ping,
    Reboot,
    Save,
    ScepClear,
    ScepPoll,
    ScepRenew,
    ScepShow,
    SetDate,
    ShowCertificate,
    ShowDate,
    ShowLog,
    ShowRunning,
    TerminalLength,
    TerminalWidth,
}

/// Arguments of a command.
#[derive(Debug, Clone, Copy)]
enum Arguments {
    Nothing,
    One(Argument),
    /// One optional argument.
    Optional(Argument),
    /// One argument, which may have blanks.
    Words(Argument),
    /// A host and any number of further words, which `ping` parses.
    HostAndOptions,
}

/// Kind of an argument, for help and completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    Host,
    Csr,
    Certificate,
    Moment,
    Number,
}

/// Words that may come next on a line.
pub(crate) enum Next {
    Keywords(&'static [Keyword]),
    Argument(Argument),
    /// The options of `ping`, or the value of the last one.
    PingOptions,
    /// Further words of the argument.
    MoreWords,
    Nothing,
}

/// The options of `ping`, each followed by its value.
pub(crate) const PING_OPTIONS: &[(&str, &str)] = &[
    ("count", "Number of requests (1 to 65535, default 5)"),
    ("size", "Bytes of payload in each (0 to 65507, default 56)"),
    ("timeout", "Seconds to wait for each answer (up to 3600, default 10)"),
];

/// The commands at the `$` prompt.
const COMMANDS: &[Keyword] = &[
    command("configure", "Change the configuration", Action::Configure, Nothing),
    command("exit", "Leave the device", Action::Exit, Nothing),
    command("ping", "Send ICMP echo requests", Action::Ping, HostAndOptions),
    keyword("pki", "Certificates", PKI),
    command(
        "reboot",
        "Restart with the saved configuration (Sceplab's own: OSDx documents none)",
        Action::Reboot,
        Nothing,
    ),
    command(
        "save",
        "Keep the active configuration for the next start (Sceplab's own command)",
        Action::Save,
        Nothing,
    ),
    keyword("set", "Change the session or the clock", SET),
    keyword("show", "Show the device", SHOW),
    keyword("system", "The device itself", &[keyword("journal", "What happened", JOURNAL)]),
];

const PKI: &[Keyword] = &[
    keyword(
        "crl",
        "Revocation lists",
        &[command(
            "show",
            "The list that is kept, and the certificates in it (Sceplab's own command)",
            Action::CrlShow,
            Optional(Argument::Csr),
        )],
    ),
    keyword("scep", "Certificates by SCEP", SCEP),
    keyword(
        "show",
        "Show what is stored",
        &[command(
            "certificate",
            "A certificate as text",
            Action::ShowCertificate,
            One(Argument::Certificate),
        )],
    ),
];

const SCEP: &[Keyword] = &[
    command(
        "clear",
        "Delete certificates and key, and enrol anew (Sceplab's own command)",
        Action::ScepClear,
        One(Argument::Csr),
    ),
    command(
        "poll",
        "Ask now for the CA's decision (Sceplab's own command)",
        Action::ScepPoll,
        One(Argument::Csr),
    ),
    command(
        "renew",
        "Renew a certificate now (Sceplab's own command: OSDx documents none)",
        Action::ScepRenew,
        One(Argument::Csr),
    ),
    command("show", "Status of the certificates", Action::ScepShow, Optional(Argument::Csr)),
];

const SET: &[Keyword] = &[
    command(
        "date",
        "Set the clock, in UTC (Sceplab's own command)",
        Action::SetDate,
        Words(Argument::Moment),
    ),
    keyword("terminal", "The terminal", SET_TERMINAL),
];

const SET_TERMINAL: &[Keyword] = &[
    command(
        "length",
        "Lines that are shown at a time; 0 shows all at once",
        Action::TerminalLength,
        One(Argument::Number),
    ),
    command(
        "width",
        "Number of columns; this device accepts it and ignores it",
        Action::TerminalWidth,
        One(Argument::Number),
    ),
];

const SHOW: &[Keyword] = &[
    command("date", "Date and time", Action::ShowDate, Nothing),
    command(
        "log",
        "The journal, with date and time of each line (Sceplab's own command)",
        Action::ShowLog,
        Nothing,
    ),
    command("running", "The active configuration", Action::ShowRunning, Nothing),
];

const JOURNAL: &[Keyword] =
    &[command("show", "Show it, the newest last", Action::JournalShow, Nothing)];

const fn keyword(name: &'static str, help: &'static str, next: &'static [Keyword]) -> Keyword {
    Keyword { name, help, then: Then::Keywords(next) }
}

const fn command(
    name: &'static str,
    help: &'static str,
    action: Action,
    arguments: Arguments,
) -> Keyword {
    Keyword { name, help, then: Then::Arguments(action, arguments) }
}

impl Argument {
    pub(crate) fn placeholder(self) -> &'static str {
        match self {
            Self::Host => "<host>",
            Self::Csr => "<csr>",
            Self::Certificate => "<running://...>",
            Self::Moment => "<YYYY-MM-DDThh:mm:ssZ>",
            Self::Number => "<number>",
        }
    }
}

/// Why a line is not a command, with its valid words.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("Invalid command: {}", bracketed(good, bad))]
    Invalid { good: Vec<String>, bad: String },
    #[error("Ambiguous command: {}\n{}", bracketed(good, bad), possible(completions))]
    Ambiguous { good: Vec<String>, bad: String, completions: Vec<(&'static str, &'static str)> },
    #[error("Incomplete command: {}", good.join(" "))]
    Incomplete { good: Vec<String> },
}

/// The action of a line, and its arguments.
///
/// Keywords may be abbreviated if they stay unambiguous.
pub(crate) fn find(words: &[String]) -> Result<(Action, Vec<String>), CommandError> {
    let Line { then, good, arguments } = Line::read(words)?;
    match then {
        Then::Arguments(action, Nothing | Optional(_)) => Ok((action, arguments)),
        Then::Arguments(action, _) if !arguments.is_empty() => Ok((action, arguments)),
        _ => Err(CommandError::Incomplete { good }),
    }
}

/// Words that may follow `words`; [`Next::Nothing`] if `words` are invalid.
pub(crate) fn following(words: &[String]) -> Next {
    Line::read(words).map_or(Next::Nothing, |line| line.next())
}

/// State of parsing a line.
struct Line {
    then: Then,
    good: Vec<String>,
    arguments: Vec<String>,
}

impl Line {
    fn read(words: &[String]) -> Result<Self, CommandError> {
        let then = Then::Keywords(COMMANDS);
        let mut line = Self { then, good: Vec::new(), arguments: Vec::new() };
        for word in words {
            line.step(word)?;
        }
        Ok(line)
    }

    fn next(&self) -> Next {
        match (self.then, self.arguments.is_empty()) {
            (Then::Keywords(keywords), _) => Next::Keywords(keywords),
            (Then::Arguments(_, One(argument) | Optional(argument) | Words(argument)), true) => {
                Next::Argument(argument)
            }
            (Then::Arguments(_, Words(_)), false) => Next::MoreWords,
            (Then::Arguments(_, HostAndOptions), true) => Next::Argument(Argument::Host),
            (Then::Arguments(_, HostAndOptions), false) => Next::PingOptions,
            (Then::Arguments(..), _) => Next::Nothing,
        }
    }

    fn step(&mut self, word: &str) -> Result<(), CommandError> {
        let (good, bad) = (self.good.clone(), word.to_owned());
        match self.next() {
            Next::Keywords(keywords) => match matching(keywords, |it| it.name, word)[..] {
                [keyword] => {
                    self.then = keyword.then;
                    self.good.push(keyword.name.to_owned());
                }
                [] => return Err(CommandError::Invalid { good, bad }),
                ref several => {
                    let completions = several.iter().map(|it| (it.name, it.help)).collect();
                    return Err(CommandError::Ambiguous { good, bad, completions });
                }
            },
            Next::Argument(_) | Next::PingOptions | Next::MoreWords => {
                self.good.push(word.to_owned());
                self.arguments.push(word.to_owned());
            }
            Next::Nothing => return Err(CommandError::Invalid { good, bad }),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {

    use super::*;

    fn find(line: &str) -> Result<(Action, Vec<String>), CommandError> {
        let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
        super::find(&words)
    }

    #[test]
    fn documented_commands_are_found() {
        let (action, arguments) = find("ping 10.215.168.1 count 1 size 56 timeout 1").unwrap();
        assert_eq!((action, arguments.len()), (Action::Ping, 7));
        assert_eq!(find("pki scep show CSR").unwrap().1, ["CSR"]);
        let url = "running://auth/certificates/scep/CSR/ca/ca.der";
        let show = find(&format!("pki show certificate {url}")).unwrap();
        assert_eq!(show, (Action::ShowCertificate, vec![url.into()]));
        assert_eq!(find("show running").unwrap().0, Action::ShowRunning);
        assert_eq!(find("set date 2026-01-01 00:00Z").unwrap().1, ["2026-01-01", "00:00Z"]);
        assert_eq!(find("pki crl show").unwrap(), (Action::CrlShow, Vec::new()));
    }

    #[test]
    fn keywords_can_be_abbreviated() {
        assert_eq!(find("pk sc sh CSR").unwrap().0, Action::ScepShow);
        assert_eq!(find("pki scep show").unwrap().1, [""; 0]);
        assert_eq!(find("conf").unwrap().0, Action::Configure);
    }

    #[test]
    fn refusals_show_the_invalid_word() {
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
