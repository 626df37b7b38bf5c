//! Scenario files: one scenario each, known by its id.

mod check;
pub mod client;
mod conformance;
mod decode;
mod discover;
mod load;
pub mod scep;
pub mod seen;
mod steps;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use regex::Regex;

pub use self::conformance::Conformance;
pub use self::discover::{Found, LEDGER, TARGETS, discover, target_files};
pub use self::load::{LoadErrors, load};
use crate::lab::Lab;
use diagnostics::{Located, Place};

/// How long a check waits where the step does not say; the documented harness waits as long.
pub const DEFAULT_WITHIN: Duration = Duration::from_secs(20);

/// A scenario that was read, resolved and found to be in order.
#[derive(Debug, Clone)]
pub struct Scenario {
    /// Its path without the ending, relative to the folder it was found in: `scep/linux-pki`.
    pub id: String,
    /// The file it was read from.
    pub path: PathBuf,
    /// What it is called.
    pub title: String,
    /// What it is about.
    pub description: Option<String>,
    /// What it may be selected by.
    pub tags: Vec<String>,
    /// Where it takes place.
    pub lab: Lab,
    /// The file of the lab that the scenario names; none where the lab is written in its place.
    pub lab_file: Option<PathBuf>,
    /// Which requirement the scenario is a case of, where it is one.
    pub conformance: Option<Conformance>,
    /// What is done and expected, in this order.
    pub steps: Vec<Step>,
    /// Why it cannot be run in this lab, where it is known beforehand; it is skipped with this reason.
    pub not_here: Option<String>,
}

/// A step of a scenario.
#[derive(Debug, Clone)]
pub struct Step {
    /// What the scenario calls it.
    pub name: Option<String>,
    /// Whether the step is to succeed or to fail.
    pub expect: Expect,
    /// What is done.
    pub action: Action,
    /// Where its kind stands in the file.
    pub place: Place,
}

/// What is to become of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// It succeeds.
    Success,
    /// It fails: the device refuses, or the checks do not hold at any time.
    Failure,
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Gives a device a new configuration.
    Configure(Configuration),
    /// Changes a device's configuration.
    Modify(Configuration),
    /// Sends echo requests from a device; all must be answered.
    Ping(Ping),
    /// Runs a command at a device and checks its output.
    Run(Run),
    /// Lets a PKI issue the certificate of its oldest pending request.
    Approve(Verdict),
    /// Lets a PKI refuse its oldest pending request.
    Deny(Verdict),
    /// Checks the certificates that a PKI issued.
    Issued(Issued),
    /// Speaks SCEP to a PKI.
    Scep(Box<scep::Scep>),
    /// Lets the client under test enrol.
    Client(Box<client::ClientStep>),
    /// Checks what clients sent.
    Seen(Box<seen::Seen>),
}

/// Configuration lines for a device.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The device.
    pub device: String,
    /// The lines, comments left blank so that their numbers stay.
    pub lines: Located<String>,
    /// The PKI whose challenge password stands in place of a placeholder, by the placeholder's name.
    pub challenges: BTreeMap<String, String>,
}

/// The PKI whose challenge password a placeholder stands for: that of `challenge:windows-pki`; of `challenge` alone it is
/// the lab's only one, which has no name here.
pub fn challenge_of(placeholder: &str) -> Option<&str> {
    match placeholder.strip_prefix("challenge")? {
        "" => Some(""),
        rest => rest.strip_prefix(':').map(str::trim),
    }
}

impl Configuration {
    /// Where a line stands, counted from 1; the whole text where it is written in another way.
    pub fn place_of(&self, line: usize) -> Place {
        let text = line.checked_sub(1).and_then(|index| self.lines.value.lines().nth(index));
        let place = line.checked_sub(1).and_then(|index| self.lines.place.line_below(index));
        match (text, place) {
            (Some(text), Some(place)) if place.text() == text.trim() => place,
            _ => self.lines.place.clone(),
        }
    }
}

/// Echo requests from a device.
#[derive(Debug, Clone)]
pub struct Ping {
    /// The device.
    pub device: String,
    /// The address or name of who is to answer.
    pub address: String,
    /// How many are sent.
    pub count: u16,
    /// How many bytes of payload each has.
    pub size: u16,
    /// How long an answer may take, in whole seconds.
    pub timeout_seconds: u64,
    /// How long the ping is tried again until all are answered.
    pub within: Duration,
}

impl Ping {
    /// The command as it is sent to the device.
    pub fn command(&self) -> String {
        let Self { address, count, size, timeout_seconds, .. } = self;
        format!("ping {address} count {count} size {size} timeout {timeout_seconds}")
    }
}

/// A command and what is expected of its output.
#[derive(Debug, Clone)]
pub struct Run {
    /// The device.
    pub device: String,
    /// The command as it is sent to the device.
    pub command: String,
    /// What is expected of the output; where it is empty, that the device accepts the command.
    pub checks: Vec<Check>,
    /// How long the command is tried again until the checks hold; zero tries once.
    pub within: Duration,
}

/// A decision about a PKI's oldest pending request.
#[derive(Debug, Clone)]
pub struct Verdict {
    /// The PKI.
    pub pki: String,
    /// How long a request is waited for.
    pub within: Duration,
}

/// What is expected of the certificates that a PKI issued.
#[derive(Debug, Clone)]
pub struct Issued {
    /// The PKI.
    pub pki: String,
    /// How many there are; where neither this nor a check is given, at least one.
    pub count: Option<Located<usize>>,
    /// What is expected of their list: a line for each, its serial number and its subject.
    pub checks: Vec<Check>,
    /// How long they are waited for.
    pub within: Duration,
}

/// What is expected of an output.
#[derive(Debug, Clone)]
pub struct Check {
    /// What is looked for.
    pub pattern: Pattern,
    /// Whether it is to be found.
    pub found: bool,
    /// Where it stands in the file.
    pub place: Place,
}

/// What is looked for in an output.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// A regular expression, searched for; `^` and `$` stand for the ends of each line.
    Regex(Regex),
    /// A text, to be found literally.
    Token(String),
}

impl Check {
    /// Whether an output is as expected.
    pub fn holds(&self, output: &str) -> bool {
        let found = match &self.pattern {
            Pattern::Regex(regex) => regex.is_match(output),
            Pattern::Token(token) => output.contains(token.as_str()),
        };
        found == self.found
    }
}

impl Action {
    /// The kind of the step, as it is written in a file.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Configure(_) => "configure",
            Self::Modify(_) => "modify",
            Self::Ping(_) => "ping",
            Self::Run(_) => "run",
            Self::Approve(_) => "approve",
            Self::Deny(_) => "deny",
            Self::Issued(_) => "issued",
            Self::Scep(_) => "scep",
            Self::Client(_) => "client",
            Self::Seen(_) => "seen",
        }
    }
}

impl Step {
    /// What the step does, in words: its name, or else the documentation's.
    pub fn title(&self) -> String {
        if let Some(name) = &self.name {
            return name.clone();
        }
        match &self.action {
            Action::Configure(it) => format!("set the configuration in {}", it.device),
            Action::Modify(it) => format!("modify the configuration in {}", it.device),
            Action::Ping(it) => format!("ping {} from {}", it.address, it.device),
            Action::Run(it) => format!("run `{}` at {}", it.command, it.device),
            Action::Approve(it) => format!("approve a request at {}", it.pki),
            Action::Deny(it) => format!("deny a request at {}", it.pki),
            Action::Issued(it) => format!("check what {} issued", it.pki),
            Action::Scep(it) => format!("send {} to {}", it.request, it.pki),
            Action::Client(it) => format!("let the client enrol at {}", it.pki),
            Action::Seen(it) => format!("check each {} that came to {}", it.on.name(), it.pki),
        }
    }
}
