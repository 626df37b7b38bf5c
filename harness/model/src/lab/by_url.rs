//! A PKI that is there already, on the network of this machine, and known by its URL.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Secret;
use crate::scep_url::ScepUrl;

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
