//! The commands themselves. A new command is a new line here, and an action in `device::operation`.

/// A command: its words, and what it does.
#[derive(Debug)]
pub(crate) struct Command {
    words: &'static [Word],
    pub(crate) action: Action,
}

/// A word of a command.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Word {
    /// The word itself, with its help.
    Keyword(&'static str, &'static str),
    /// Something of the user's choice.
    Argument(Argument),
    /// The same, that may be left out.
    Optional(Argument),
    /// Any number of further words, which the command reads itself.
    Options(&'static [(&'static str, &'static str)]),
}

/// What an argument is, for help and completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Argument {
    Host,
    Csr,
    Certificate,
    Number,
}

impl Argument {
    pub(crate) fn placeholder(self) -> &'static str {
        match self {
            Self::Host => "<host>",
            Self::Csr => "<csr>",
            Self::Certificate => "<running://...>",
            Self::Number => "<number>",
        }
    }
}

/// What a command does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    Configure,
    Exit,
    JournalShow,
    Ping,
    Reboot,
    ScepRenew,
    ScepShow,
    ShowCertificate,
    ShowDate,
    ShowRunning,
    TerminalLength,
    TerminalWidth,
}

/// The options of `ping`, each followed by its value.
pub(crate) const PING_OPTIONS: &[(&str, &str)] = &[
    ("count", "Number of requests (1 to 65535, default 5)"),
    ("size", "Bytes of payload in each (0 to 65507, default 56)"),
    ("timeout", "Seconds to wait for each answer (up to 3600, default 10)"),
];

use Word::{Argument as A, Keyword as K, Optional as O};

/// Everything that can be typed at the `$` prompt.
pub(super) const COMMANDS: &[Command] = &[
    command(&[K("configure", "Change the configuration")], Action::Configure),
    command(&[K("exit", "Leave the device")], Action::Exit),
    command(
        &[K("ping", "Send ICMP echo requests"), A(Argument::Host), Word::Options(PING_OPTIONS)],
        Action::Ping,
    ),
    command(
        &[
            K("pki", "Certificates"),
            K("scep", "Certificates by SCEP"),
            K("show", "How it stands with them"),
            O(Argument::Csr),
        ],
        Action::ScepShow,
    ),
    command(
        &[
            K("pki", "Certificates"),
            K("scep", "Certificates by SCEP"),
            K("renew", "Renew a certificate now (Sceplab's own command: OSDx documents none)"),
            A(Argument::Csr),
        ],
        Action::ScepRenew,
    ),
    command(
        &[
            K("pki", "Certificates"),
            K("show", "Show what is stored"),
            K("certificate", "A certificate as text"),
            A(Argument::Certificate),
        ],
        Action::ShowCertificate,
    ),
    command(
        &[K("reboot", "Restart with the saved configuration (Sceplab's own: OSDx documents none)")],
        Action::Reboot,
    ),
    command(
        &[
            K("set", "Change the session"),
            K("terminal", "The terminal"),
            K("length", "Lines that are shown at a time; 0 shows all at once"),
            A(Argument::Number),
        ],
        Action::TerminalLength,
    ),
    command(
        &[
            K("set", "Change the session"),
            K("terminal", "The terminal"),
            K("width", "Columns, which need no setting here"),
            A(Argument::Number),
        ],
        Action::TerminalWidth,
    ),
    command(&[K("show", "Show the device"), K("date", "Date and time")], Action::ShowDate),
    command(
        &[K("show", "Show the device"), K("running", "The active configuration")],
        Action::ShowRunning,
    ),
    command(
        &[
            K("system", "The device itself"),
            K("journal", "What happened"),
            K("show", "Show it, the newest last"),
        ],
        Action::JournalShow,
    ),
];

const fn command(words: &'static [Word], action: Action) -> Command {
    Command { words, action }
}

impl Command {
    /// The word at a place; the last stands for all further ones where it is for any number.
    pub(super) fn word(&self, place: usize) -> Option<&'static Word> {
        let last = self.words.last().filter(|word| matches!(word, Word::Options(_)));
        self.words.get(place).or(last)
    }

    pub(super) fn keyword(&self, place: usize) -> Option<&'static str> {
        match self.word(place) {
            Some(Word::Keyword(keyword, _)) => Some(keyword),
            _ => None,
        }
    }

    pub(super) fn takes_argument(&self, place: usize) -> bool {
        !matches!(self.word(place), None | Some(Word::Keyword(..)))
    }

    /// Whether so many words are enough.
    pub(super) fn is_complete(&self, count: usize) -> bool {
        let needed = |word: &&Word| matches!(word, Word::Keyword(..) | Word::Argument(_));
        count >= self.words.iter().filter(needed).count()
    }
}
