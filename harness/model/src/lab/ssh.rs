//! A real device, reached over SSH.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::password::PasswordSource;
use super::values::{path, port};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// The port of SSH.
const DEFAULT_PORT: u16 = 22;

/// Time limit for a command if the lab file gives none.
const DEFAULT_ANSWER_WITHIN: Duration = Duration::from_secs(120);

/// The fields that `ssh` needs beside it.
pub(super) const OPTIONS: [&str; 8] = [
    "port",
    "identity",
    "known-hosts",
    "password-file",
    "password-env",
    "prompt",
    "keep",
    "answer-within",
];

/// The fields that only simulated devices have.
const OF_SIMULATED: [&str; 3] = ["interfaces", "keyring", "clock"];

const USER_AND_HOST: &str = "a user and a host, such as `admin@198.51.100.7`";

/// Advice about a wrong prompt.
const WHOLE_PROMPT: &str =
    "a prompt is a regular expression of all of it, such as `admin@osdx[$] ?`";

/// Address and login of a real device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SshTarget {
    /// User name.
    pub user: String,
    /// Name or address of the device.
    pub host: String,
    /// The TCP port.
    pub port: u16,
    /// Private key for the login; the agent's keys if absent.
    pub identity: Option<PathBuf>,
    /// File of trusted host keys, in OpenSSH's format; the user's own if absent.
    pub known_hosts: Option<PathBuf>,
    /// Source of the password; if one is needed and this is absent, the user is asked at the terminal.
    pub password: Option<PasswordSource>,
    /// Patterns of the prompts.
    pub prompt: Prompts,
    /// Configuration that is never deleted: the words that its lines begin with after `set`.
    pub keep: Vec<Vec<String>>,
    /// Time limit for a command.
    pub answer_within: Duration,
}

/// Regular expressions of whole prompts; the default matches prompts such as `admin@osdx$`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prompts {
    /// Prompt of the operational mode.
    pub operational: Option<String>,
    /// Prompt of the configuration mode.
    pub configuration: Option<String>,
}

impl SshTarget {
    /// A device at `host` with default settings.
    pub fn new(user: impl Into<String>, host: impl Into<String>, port: u16) -> Self {
        Self {
            user: user.into(),
            host: host.into(),
            port,
            identity: None,
            known_hosts: None,
            password: None,
            prompt: Prompts::default(),
            keep: Vec::new(),
            answer_within: DEFAULT_ANSWER_WITHIN,
        }
    }
}

impl fmt::Display for SshTarget {
    /// Such as `admin@198.51.100.7`, with the port if it is not 22.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            DEFAULT_PORT => write!(f, "{}@{}", self.user, self.host),
            port if self.host.contains(':') => write!(f, "{}@[{}]:{port}", self.user, self.host),
            port => write!(f, "{}@{}:{port}", self.user, self.host),
        }
    }
}

/// Reads the fields of a device that has `ssh`.
pub(super) fn target(node: &Node, fields: &Fields<'_>, problems: &Problems) -> Option<SshTarget> {
    for key in OF_SIMULATED {
        if let Some(wrong) = fields.optional(key) {
            let message = format!("`{key}` is for simulated devices, and this one is real");
            let wrong = Diagnostic::at(&wrong.place, message);
            problems.add(wrong.note("leave it out, or leave out `ssh`"));
        }
    }
    let given = |key| fields.optional(key);
    let (user, host) = user_and_host(node, problems)?;
    let keep = given("keep").map(|node| node.one_or_more(problems)).unwrap_or_default();
    let within = given("answer-within").and_then(|node| limit(node, problems));
    Some(SshTarget {
        port: given("port").and_then(|node| port(node, problems)).unwrap_or(DEFAULT_PORT),
        identity: given("identity").and_then(|node| path(node, problems)),
        known_hosts: given("known-hosts").and_then(|node| path(node, problems)),
        password: PasswordSource::decode(fields, "DUT0_PASSWORD", problems),
        prompt: given("prompt").map(|node| prompts(node, problems)).unwrap_or_default(),
        keep: keep.iter().filter_map(|node| kept(node, problems)).collect(),
        answer_within: within.unwrap_or(DEFAULT_ANSWER_WITHIN),
        ..SshTarget::new(user, host, DEFAULT_PORT)
    })
}

/// Reports SSH options of a device without `ssh`.
pub(super) fn refuse_options(fields: &Fields<'_>, problems: &Problems) {
    for (key, node) in OPTIONS.iter().filter_map(|key| Some((key, fields.optional(key)?))) {
        let message = format!("`{key}` is for a device with `ssh`, which this one lacks");
        let note = "a real device has `ssh: USER@HOST`";
        problems.add(Diagnostic::at(&node.place, message).note(note));
    }
}

fn user_and_host(node: &Node, problems: &Problems) -> Option<(String, String)> {
    let text = node.text(problems)?;
    let parts = text.rsplit_once('@');
    let Some((user, host)) = parts.filter(|(user, host)| is_user(user) && is_host(host)) else {
        node.expected(USER_AND_HOST, problems);
        return None;
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    // One colon is before a port; an IPv6 address has more.
    if host.contains("]:") || bare.matches(':').count() == 1 {
        let message = format!("`{host}` is a host and a port");
        problems.add(Diagnostic::at(&node.place, message).note("the port goes into `port`"));
        return None;
    }
    Some((user.to_owned(), bare.to_owned()))
}

fn is_user(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control())
}

fn is_host(text: &str) -> bool {
    let fits = |c: char| c.is_alphanumeric() || "-_.:%[]".contains(c);
    text.chars().any(char::is_alphanumeric) && !text.starts_with('-') && text.chars().all(fits)
}

fn prompts(node: &Node, problems: &Problems) -> Prompts {
    let known = ["operational", "configuration"];
    let Some(fields) = Fields::of(node, "the prompts", &known, problems) else {
        return Prompts::default();
    };
    let regex = |key| {
        let node = fields.optional(key)?;
        Some(node.regex(Some(WHOLE_PROMPT), problems)?.as_str().to_owned())
    };
    Prompts { operational: regex("operational"), configuration: regex("configuration") }
}

/// The words that protected configuration lines begin with.
fn kept(node: &Node, problems: &Problems) -> Option<Vec<String>> {
    let text = node.text(problems)?;
    let words = shlex::split(&text).unwrap_or_default();
    match words.first().map(String::as_str) {
        Some("set" | "delete") => {
            let message = format!("`{text}` begins with a verb");
            let wrong = Diagnostic::at(&node.place, message);
            problems.add(wrong.note("give the words after it, such as `system login`"));
            None
        }
        Some(_) => Some(words),
        None => {
            node.expected("the beginning of lines to be kept, such as `system login`", problems);
            None
        }
    }
}

fn limit(node: &Node, problems: &Problems) -> Option<Duration> {
    let limit = node.duration(problems)?;
    if limit.is_zero() {
        node.expected("a duration longer than `0s`", problems);
        return None;
    }
    Some(limit)
}
