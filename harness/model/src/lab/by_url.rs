//! A PKI that is there already, on the network of this machine, and known by its URL; how its passwords are come by.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Secret;
use super::values::{name, path, secret, secrets, variable};
use crate::scep_url::ScepUrl;
use diagnostics::yaml::{Entry, Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Located};

/// How long a PKI may take for one answer where the lab file does not say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest time that it may be given.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);

const FIELDS: [&str; 5] = ["url", "challenge", "ndes-admin", "control", "timeout"];

/// A PKI by its URL; nothing but the driver `live` reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PkiByUrl {
    /// Where its SCEP service is.
    pub url: ScepUrl,
    /// Where challenge passwords come from; where it is left out, from the command line, or from nowhere.
    pub challenge: Option<ChallengeSource>,
    /// Where `sceplab serve --control` tells what it issued and takes decisions, if it is such a server.
    pub control: Option<ScepUrl>,
    /// How long it may take for one answer.
    pub timeout: Duration,
}

/// Where the challenge passwords of a PKI come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeSource {
    /// It asks for none.
    None,
    /// One password for all.
    Static(Secret),
    /// Passwords that serve once each.
    OneTime(Vec<Secret>),
    /// A file with passwords, one a line: one serves for all, of several each serves once.
    File(PathBuf),
    /// An environment variable whose value is the password for all.
    Environment(String),
    /// A page that gives out one at a time.
    Ndes(AdminPage),
}

/// The page `mscep_admin` of an NDES, and who may see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminPage {
    /// Where it is, such as `http://ndes.example.com/certsrv/mscep_admin/`.
    pub url: ScepUrl,
    /// The user's name; in front of a backslash, the domain's.
    pub user: String,
    /// Where the user's password comes from.
    pub password: AdminPassword,
}

/// Where a password comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdminPassword {
    /// The lab file.
    Given(Secret),
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

impl AdminPassword {
    /// The password; the error is why there is none, and shows nothing of what is there.
    ///
    /// # Errors
    /// When the file cannot be read, the variable is not set, or there is nothing in it.
    pub fn read(&self) -> Result<Secret, String> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => {
                let passwords = passwords_in(path)?;
                passwords.into_iter().next().ok_or_else(|| holds_none(path))
            }
            Self::Environment(name) => password_of(name),
        }
    }
}

/// The passwords of a file, one a line; lines with nothing in them are none.
///
/// # Errors
/// When it cannot be read, or holds no password.
pub fn passwords_in(path: &Path) -> Result<Vec<Secret>, String> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let passwords: Vec<Secret> = lines.map(Secret::new).collect();
    if passwords.is_empty() { Err(holds_none(path)) } else { Ok(passwords) }
}

/// The password in an environment variable.
///
/// # Errors
/// When the variable is not set, or empty.
pub fn password_of(variable: &str) -> Result<Secret, String> {
    match std::env::var(variable) {
        Ok(password) if !password.is_empty() => Ok(Secret::new(password)),
        _ => Err(format!("the environment variable{} holds no password", shown(variable))),
    }
}

/// The name of a variable where it looks like one, and not like the password itself.
pub fn shown(variable: &str) -> String {
    let usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if variable.bytes().all(usual) { format!(" `{variable}`") } else { String::new() }
}

fn holds_none(path: &Path) -> String {
    format!("`{}` holds no password", path.display())
}

/// Whether a PKI is described by its URL.
pub(super) fn is_by_url(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "url"))
}

/// Reads such a PKI; `simulated` are the fields of one that is simulated, which a real one has not.
pub(super) fn pki(
    entry: &Entry,
    simulated: &[&str],
    problems: &Problems,
) -> Option<(Located<String>, Option<PkiByUrl>)> {
    let pki = described(&entry.value, simulated, problems);
    Some((name(entry, "pki", problems)?, pki))
}

fn described(node: &Node, simulated: &[&str], problems: &Problems) -> Option<PkiByUrl> {
    let known: Vec<&str> = FIELDS.iter().chain(simulated).copied().collect();
    let fields = Fields::of(node, "a PKI by its URL", &known, problems)?;
    refuse_simulated(node, simulated, problems);
    let url = fields.required_as("url", url);
    let challenge = fields.optional("challenge");
    let admin = fields.optional("ndes-admin");
    if let (Some(_), Some(admin)) = (challenge, admin) {
        let message = "`challenge` and `ndes-admin` both say where challenge passwords come from";
        problems.add(Diagnostic::at(&admin.place, message).label("leave one of them out"));
    }
    let source = match (challenge, admin) {
        (Some(node), _) => self::challenge(node, problems),
        (None, Some(node)) => admin_page(node, problems).map(ChallengeSource::Ndes),
        (None, None) => None,
    };
    let control = fields.optional_as("control", control);
    let timeout = fields.optional("timeout").map(|node| timeout(node, problems));
    let timeout = timeout.unwrap_or(Some(DEFAULT_TIMEOUT))?;
    Some(PkiByUrl { url: url?, challenge: source, control, timeout })
}

fn refuse_simulated(node: &Node, simulated: &[&str], problems: &Problems) {
    let Value::Mapping(entries) = &node.value else { return };
    let about = |entry: &&Entry| {
        simulated.contains(&entry.key.as_str()) && !FIELDS.contains(&entry.key.as_str())
    };
    for entry in entries.iter().filter(about) {
        let message =
            format!("`{}` is about a simulated PKI, and `url` about a real one", entry.key);
        problems.add(Diagnostic::at(&entry.key_place, message).label("leave one of them out"));
    }
}

fn url(node: &Node, problems: &Problems) -> Option<ScepUrl> {
    let text = node.text(problems)?;
    match text.parse() {
        Ok(url) => Some(url),
        Err(error) => {
            problems.add(Diagnostic::at(&node.place, format!("`{text}` cannot be used: {error}")));
            None
        }
    }
}

fn control(node: &Node, problems: &Problems) -> Option<ScepUrl> {
    let text = node.text(problems)?;
    let url = text.parse();
    if url.is_err() {
        let message = format!("`{text}` is no control port");
        let way_out =
            "give where `sceplab serve --control` listens, such as `http://127.0.0.1:8090`";
        problems.add(Diagnostic::at(&node.place, message).note(way_out));
    }
    url.ok()
}

fn challenge(node: &Node, problems: &Problems) -> Option<ChallengeSource> {
    if let Value::Scalar { .. } = node.value {
        let known = [("none", ())];
        return node.one_of("challenge", &known, problems).map(|()| ChallengeSource::None);
    }
    let known = ["static", "one-time", "file", "env"];
    let fields = Fields::of(node, "a challenge", &known, problems)?;
    let given: Vec<(&str, &Node)> =
        known.iter().filter_map(|key| Some((*key, fields.optional(key)?))).collect();
    match given.as_slice() {
        [("static", node)] => Some(ChallengeSource::Static(secret(node, problems)?)),
        [("one-time", node)] => Some(ChallengeSource::OneTime(secrets(node, problems))),
        [("file", node)] => Some(ChallengeSource::File(path(node, problems)?)),
        [("env", node)] => {
            Some(ChallengeSource::Environment(variable(node, "PKI_PASSWORD", problems)?))
        }
        _ => {
            let message = "a challenge is `none`, `{static: …}`, `{one-time: […]}`, `{file: …}` or \
                           `{env: …}`";
            problems.add(Diagnostic::at(fields.place(), message));
            None
        }
    }
}

fn admin_page(node: &Node, problems: &Problems) -> Option<AdminPage> {
    let known = ["url", "user", "password", "password-file", "password-env"];
    let fields = Fields::of(node, "the page of an NDES", &known, problems)?;
    let url = fields.required_as("url", url);
    let user = fields.required_as("user", Node::text);
    let password = password(&fields, problems);
    if password.is_none() && known[2..].iter().all(|key| fields.optional(key).is_none()) {
        let message = "`mscep_admin` is shown to those who have a password";
        let way_out = "give `password-file`, `password-env` or `password`";
        problems.add(Diagnostic::at(fields.place(), message).note(way_out));
    }
    Some(AdminPage { url: url?, user: user?, password: password? })
}

/// The one of `password`, `password-file` and `password-env` that is given; nothing where none is.
fn password(fields: &Fields<'_>, problems: &Problems) -> Option<AdminPassword> {
    let keys = ["password", "password-file", "password-env"];
    let given: Vec<&Node> = keys.iter().filter_map(|key| fields.optional(key)).collect();
    if let [_, more, ..] = given.as_slice() {
        let message = "a password comes from one place";
        problems.add(Diagnostic::at(&more.place, message).label("leave this one out"));
    }
    if let Some(node) = fields.optional("password") {
        return secret(node, problems).map(AdminPassword::Given);
    }
    if let Some(node) = fields.optional("password-file") {
        return path(node, problems).map(AdminPassword::File);
    }
    let node = fields.optional("password-env")?;
    variable(node, "PKI_PASSWORD", problems).map(AdminPassword::Environment)
}

fn timeout(node: &Node, problems: &Problems) -> Option<Duration> {
    let timeout = node.duration(problems)?;
    let sound = !timeout.is_zero() && timeout <= LONGEST_TIMEOUT;
    if !sound {
        node.expected("a time of at most `5m`", problems);
    }
    sound.then_some(timeout)
}
