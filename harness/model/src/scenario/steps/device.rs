//! The steps at a device: `configure`, `modify`, `ping` and `run`.

mod other_braces;
mod texts;

pub use self::texts::challenge_of;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use super::Given;
use crate::scenario::check::{self, Check};
use crate::scenario::{Expect, typographic};
use diagnostics::{Diagnostic, Located, Place, did_you_mean, suggestions};

/// Configuration lines for a device.
#[derive(Debug, Clone)]
pub struct Configuration {
    /// The device.
    pub device: String,
    /// The lines. Comments are left blank, so that line numbers stay.
    pub lines: Located<String>,
    /// PKIs whose challenge passwords replace placeholders, by the placeholder's name.
    pub challenges: BTreeMap<String, String>,
    /// True if the lines replace the whole configuration; false if they change it.
    pub replaces: bool,
}

impl Configuration {
    /// Place of a line, counted from 1; the place of the whole text if it is not a block.
    pub fn place_of(&self, line: usize) -> Place {
        let text = line.checked_sub(1).and_then(|index| self.lines.value.lines().nth(index));
        let place = line.checked_sub(1).and_then(|index| self.lines.place.line_below(index));
        match (text, place) {
            (Some(text), Some(place)) if place.text() == text.trim() => place,
            _ => self.lines.place.clone(),
        }
    }

    /// Reads the lines. Each must begin with one of the verbs.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let replaces = given.kind == "configure";
        let (key, verbs): (_, &[_]) =
            if replaces { ("set", &["set"]) } else { ("lines", &["set", "delete"]) };
        let device = given.device();
        let node = given.fields.required(key)?;
        let lines = node.located(given.problems)?;
        let challenges = BTreeMap::new();
        let mut read = Self { device: String::new(), lines, challenges, replaces };
        for (index, line) in read.lines.value.lines().map(str::trim).enumerate() {
            let verb = line.split_whitespace().next().unwrap_or_default();
            if !line.is_empty() && !line.starts_with('#') && !verbs.contains(&verb) {
                given.problems.add_with(|| {
                    let message = format!("a line begins with {}, not `{verb}`", either(verbs));
                    let wrong = Diagnostic::at(&read.place_of(index + 1), message);
                    advised(wrong, verb, verbs)
                });
            }
            if !line.starts_with('#') && typographic::quotes_a_word(line) {
                typographic::refuse_word(&read.place_of(index + 1), given.problems);
            }
        }
        given.refuse_joined(node, &read.lines.value);
        if read.lines.value.trim().is_empty() {
            let message = format!("`{key}` holds no lines");
            given.problems.add(Diagnostic::at(&node.place, message));
        }
        let lines = without_comments(&read.lines.value);
        read.challenges = given.challenges(&lines, &read);
        read.lines.value = lines;
        Some(Self { device: device?, ..read })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        let verb = if self.replaces { "set" } else { "modify" };
        format!("{verb} the configuration in {}", self.device)
    }
}

/// Adds advice about a line that begins with another word.
fn advised(wrong: Diagnostic, verb: &str, verbs: &[&str]) -> Diagnostic {
    match verb {
        "commit" | "save" | "exit" | "configure" | "end" => {
            wrong.note("the step itself enters configuration mode, commits and leaves it")
        }
        "delete" => {
            wrong.note("`configure` sets a whole configuration; `modify` has `lines` that delete")
        }
        _ => match did_you_mean(&suggestions(verb, verbs)) {
            Some(question) => wrong.label(question),
            None => wrong,
        },
    }
}

fn either(verbs: &[&str]) -> String {
    verbs.iter().map(|verb| format!("`{verb}`")).collect::<Vec<_>>().join(" or ")
}

/// Makes comments blank lines, so that the device counts lines as the file does.
fn without_comments(lines: &str) -> String {
    lines
        .lines()
        .map(|line| if line.trim_start().starts_with('#') { "" } else { line })
        .collect::<Vec<_>>()
        .join("\n")
}

/// Echo requests from a device.
#[derive(Debug, Clone)]
pub struct Ping {
    /// The device.
    pub device: String,
    /// Address or name that is pinged.
    pub address: String,
    /// Number of requests.
    pub count: u16,
    /// Payload of each in bytes.
    pub size: u16,
    /// Time limit of each answer in whole seconds.
    pub timeout_seconds: u64,
    /// Time limit for repeating the ping until all requests are answered.
    pub within: Duration,
    /// True if the device is simulated, so that only steps configure it.
    pub is_simulated: bool,
}

impl Ping {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] =
        &[&["device", "address", "count", "size", "timeout", "within"]];

    /// The command for the device.
    pub fn command(&self) -> String {
        let Self { address, count, size, timeout_seconds, .. } = self;
        format!("ping {address} count {count} size {size} timeout {timeout_seconds}")
    }

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let device = given.device();
        let node = given.fields.required("address");
        let address = node.and_then(|node| given.host(node));
        let is_simulated = device.as_deref().is_some_and(|device| given.is_simulated(device));
        if let (Some(node), Some(address), true) = (node, &address, is_simulated) {
            given.refuse_unknown_host(node, address);
        }
        let count = given.number("count", 1..=u16::MAX, "a count from 1 to 65535");
        let size = given.number("size", 0..=65507, "a size from 0 to 65507 bytes");
        let timeout_seconds = whole_seconds(given);
        // A ping has its own time limit, so one that must fail is tried once by default.
        let is_tried_once =
            given.expect == Expect::Failure && given.fields.optional("within").is_none();
        Some(Self {
            device: device?,
            address: address?,
            count: count.unwrap_or(1),
            size: size.unwrap_or(56),
            timeout_seconds: timeout_seconds.unwrap_or(1),
            within: if is_tried_once { Duration::ZERO } else { given.within() },
            is_simulated,
        })
    }

    /// True if the device pings itself.
    pub fn is_local(&self) -> bool {
        let is_loopback = |address: Ipv4Addr| address.is_loopback();
        self.address.eq_ignore_ascii_case("localhost")
            || self.address.parse().is_ok_and(is_loopback)
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("ping {} from {}", self.address, self.device)
    }
}

/// The field `timeout` in seconds. It must be whole, because the device's `ping` takes only whole seconds.
fn whole_seconds(given: &Given<'_>) -> Option<u64> {
    let node = given.fields.optional("timeout")?;
    let timeout = node.duration(given.problems)?;
    if timeout.is_zero() || timeout.subsec_nanos() != 0 {
        node.expected("whole seconds, as the device's `ping` takes them", given.problems);
    }
    Some(timeout.as_secs())
}
/// A command and checks on its output.
#[derive(Debug, Clone)]
pub struct Run {
    /// The device.
    pub device: String,
    /// The command for the device.
    pub command: String,
    /// Place of the command in the file.
    pub place: Place,
    /// Checks on the output; if empty, the device must accept the command.
    pub checks: Vec<Check>,
    /// Time limit for repeating the command until the checks hold; zero means a single attempt.
    pub within: Duration,
    /// True if the device is simulated, so that it learns no further names of hosts.
    pub is_simulated: bool,
}

impl Run {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["device", "command", "within"], &check::FIELDS];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let device = given.device();
        let node = given.fields.required("command");
        let command = node.and_then(|node| given.command(node));
        let checks = given.checks();
        let unchecked = check::FIELDS.iter().all(|field| given.fields.optional(field).is_none());
        let within = given.within();
        if unchecked && !within.is_zero() {
            given.refuse("within", "`within` waits for a check, but the step has none");
        }
        let place = node?.place.clone();
        let is_simulated = device.as_deref().is_some_and(|device| given.is_simulated(device));
        Some(Self { device: device?, command: command?, place, checks, within, is_simulated })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("run `{}` at {}", self.command, self.device)
    }
}
