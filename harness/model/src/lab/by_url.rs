//! A real PKI, which this machine reaches by its URL.

use std::path::PathBuf;
use std::time::Duration;

use scep::url::Scheme;
use serde::{Deserialize, Serialize};

use super::Secret;
use super::password::PasswordSource;
use super::values::{name, path, secret, secrets, variable};
use crate::scep_url::ScepUrl;
use diagnostics::yaml::{Entry, Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Located};

/// Time limit for one answer if the lab file gives none.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(15);

/// The longest time limit allowed.
const LONGEST_TIMEOUT: Duration = Duration::from_secs(300);

const FIELDS: [&str; 5] = ["url", "challenge", "ndes-admin", "control", "timeout"];

/// A real PKI. Only the driver `live` reaches it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PkiByUrl {
    /// URL of its SCEP service.
    pub url: ScepUrl,
    /// Source of challenge passwords; the command line's, if any, if absent.
    pub challenge: Option<ChallengeSource>,
    /// Control port of `sceplab serve --control`, if the PKI is such a server.
    pub control: Option<ScepUrl>,
    /// Time limit for one answer.
    pub timeout: Duration,
}

/// Source of a PKI's challenge passwords.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengeSource {
    /// The PKI asks for no challenge password.
    None,
    /// One password for all requests.
    Static(Secret),
    /// Passwords, each valid once.
    OneTime(Vec<Secret>),
    /// A file with a password per line. A single one is used for all requests; of several, each is used once.
    File(PathBuf),
    /// An environment variable with the password for all requests.
    Environment(String),
    /// A page that issues one password at a time.
    Ndes(AdminPage),
}

impl ChallengeSource {
    /// The passwords of the source, and that of an administrator, as far as they can be read without waiting.
    pub(super) fn at_hand(&self) -> Vec<Secret> {
        match self {
            Self::None => Vec::new(),
            Self::Static(secret) => vec![secret.clone()],
            Self::OneTime(secrets) => secrets.clone(),
            Self::File(path) => PasswordSource::File(path.clone()).at_hand(),
            Self::Environment(name) => PasswordSource::Environment(name.clone()).at_hand(),
            Self::Ndes(page) => page.password.at_hand(),
        }
    }
}

/// The page `mscep_admin` of an NDES, and its login.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminPage {
    /// URL, such as `http://ndes.example.com/certsrv/mscep_admin/`.
    pub url: ScepUrl,
    /// User name, with the domain before a backslash.
    pub user: String,
    /// Source of the user's password.
    pub password: PasswordSource,
}

/// True if the PKI is described by its URL.
pub(super) fn is_by_url(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == "url"))
}

/// Reads a real PKI; `simulated` are the fields that only simulated PKIs have.
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
    refuse_others(node, simulated, &FIELDS, "`url` for a real one", problems);
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

/// Refuses the fields that only simulated PKIs have, in a PKI of another kind with the fields `own`.
pub(super) fn refuse_others(
    node: &Node,
    simulated: &[&str],
    own: &[&str],
    other_kind: &str,
    problems: &Problems,
) {
    let Value::Mapping(entries) = &node.value else { return };
    let about = |entry: &&Entry| {
        simulated.contains(&entry.key.as_str()) && !own.contains(&entry.key.as_str())
    };
    for entry in entries.iter().filter(about) {
        let message = format!("`{}` is for a simulated PKI, and {other_kind}", entry.key);
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
    let url = text.parse::<ScepUrl>().map_err(|error| error.to_string());
    let url = url.and_then(|url| match url.scheme() {
        Scheme::Http => Ok(url),
        Scheme::Https => {
            Err("a control port speaks no TLS, so it begins with `http://`".to_owned())
        }
    });
    if let Err(error) = &url {
        let message = format!("`{text}` is not the URL of a control port: {error}");
        let way_out = "give the address that `sceplab serve --control` listens on, such as `http://127.0.0.1:8090`";
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
    let password = PasswordSource::decode(&fields, "PKI_PASSWORD", problems);
    if password.is_none() && known[2..].iter().all(|key| fields.optional(key).is_none()) {
        let message = "`mscep_admin` asks for a password";
        let way_out = "give `password-file`, `password-env` or `password`";
        problems.add(Diagnostic::at(fields.place(), message).note(way_out));
    }
    Some(AdminPage { url: url?, user: user?, password: password? })
}

fn timeout(node: &Node, problems: &Problems) -> Option<Duration> {
    let timeout = node.duration(problems)?;
    let sound = !timeout.is_zero() && timeout <= LONGEST_TIMEOUT;
    if !sound {
        node.expected("a time of at most `5m`", problems);
    }
    sound.then_some(timeout)
}
