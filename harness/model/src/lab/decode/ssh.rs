//! How a device is reached over SSH.

use std::path::PathBuf;

use super::{folder, port, variable};
use crate::lab::ssh::{DEFAULT_ANSWER_WITHIN, DEFAULT_PORT};
use crate::lab::{PasswordSource, Prompts, SshTarget};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// The fields that say how; they go with `ssh`.
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

/// What cannot be chosen of a device that is real.
const OF_SIMULATED: [&str; 2] = ["interfaces", "keyring"];

const USER_AND_HOST: &str = "a user and a host, such as `admin@198.51.100.7`";

/// What is said of a wrong prompt.
const WHOLE_PROMPT: &str =
    "a prompt is a regular expression of all of it, such as `admin@osdx[$] ?`";

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
        password: password(fields, problems),
        prompt: given("prompt").map(|node| prompts(node, problems)).unwrap_or_default(),
        keep: keep.iter().filter_map(|node| kept(node, problems)).collect(),
        answer_within: within.unwrap_or(DEFAULT_ANSWER_WITHIN),
        ..SshTarget::new(user, host, DEFAULT_PORT)
    })
}

/// Notes what says how a device is reached that is not reached over SSH.
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

/// A path of its own, of the home folder, or beside the lab file.
pub(super) fn path(node: &Node, problems: &Problems) -> Option<PathBuf> {
    let text = node.text(problems)?;
    if text.is_empty() || text.contains('\0') {
        node.expected("the path of a file", problems);
        return None;
    }
    if let Some(below) = text.strip_prefix("~/") {
        let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
        if home.is_none() {
            let message = format!("there is no home folder for `{text}`");
            problems.add(Diagnostic::at(&node.place, message).note("set HOME, or write it out"));
        }
        return Some(home?.join(below));
    }
    Some(folder(node).join(text))
}

fn password(fields: &Fields<'_>, problems: &Problems) -> PasswordSource {
    let (file, named) = (fields.optional("password-file"), fields.optional("password-env"));
    if let (Some(_), Some(node)) = (file, named) {
        let message = "a password comes from `password-file` or `password-env`, not from both";
        problems.add(Diagnostic::at(&node.place, message));
    }
    let file = file.and_then(|node| path(node, problems)).map(PasswordSource::File);
    let environment = || {
        let name = named.and_then(|node| variable(node, "DUT0_PASSWORD", problems));
        name.map(PasswordSource::Environment)
    };
    file.or_else(environment).unwrap_or(PasswordSource::Asked)
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

/// The beginning of configuration lines, in words.
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

fn limit(node: &Node, problems: &Problems) -> Option<std::time::Duration> {
    let limit = node.duration(problems)?;
    if limit.is_zero() {
        node.expected("a duration longer than nothing", problems);
        return None;
    }
    Some(limit)
}
