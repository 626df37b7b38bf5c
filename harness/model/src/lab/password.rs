//! Sources of passwords, and how to read them.

use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Secret;
use super::values::{path, secret, variable};
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};

/// Source of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PasswordSource {
    /// The lab file.
    Given(Secret),
    /// The first line of a file.
    File(PathBuf),
    /// An environment variable.
    Environment(String),
}

impl PasswordSource {
    /// Reads the password. An error shows nothing of the source's content.
    ///
    /// # Errors
    /// If the file cannot be read, the variable is not set, or the password is empty.
    pub fn read(&self) -> Result<Secret, String> {
        match self {
            Self::Given(secret) => Ok(secret.clone()),
            Self::File(path) => first_line(path),
            Self::Environment(name) => password_of(name),
        }
    }

    /// Reads `password`, `password-file` or `password-env`, if one is given; `example` is a variable's name for messages.
    pub(super) fn decode(fields: &Fields<'_>, example: &str, problems: &Problems) -> Option<Self> {
        let keys = ["password", "password-file", "password-env"];
        let given: Vec<&Node> = keys.iter().filter_map(|key| fields.optional(key)).collect();
        if let [_, more, ..] = given.as_slice() {
            let message = "a password comes from one place";
            problems.add(Diagnostic::at(&more.place, message).label("leave this one out"));
        }
        if let Some(node) = fields.optional("password") {
            return secret(node, problems).map(Self::Given);
        }
        if let Some(node) = fields.optional("password-file") {
            return path(node, problems).map(Self::File);
        }
        let node = fields.optional("password-env")?;
        variable(node, example, problems).map(Self::Environment)
    }
}

/// First line of a file, with its blanks.
fn first_line(path: &Path) -> Result<Secret, String> {
    let wrong = |what: String| format!("the password in `{}` {what}", path.display());
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| wrong(format!("cannot be read: {error}")))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(Secret::new(line)),
        _ => Err(wrong("is missing: its first line is empty".to_owned())),
    }
}

/// The passwords in a file, one per line; empty lines are skipped.
///
/// # Errors
/// If it cannot be read, or has no password.
pub fn passwords_in(path: &Path) -> Result<Vec<Secret>, String> {
    let text = fs::read_to_string(path);
    let text = text.map_err(|error| format!("`{}` cannot be read: {error}", path.display()))?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let passwords: Vec<Secret> = lines.map(Secret::new).collect();
    if passwords.is_empty() {
        return Err(format!("`{}` holds no password", path.display()));
    }
    Ok(passwords)
}

/// The password in an environment variable.
///
/// # Errors
/// If the variable is not set, or empty.
pub fn password_of(variable: &str) -> Result<Secret, String> {
    match std::env::var(variable) {
        Ok(password) if !password.is_empty() => Ok(Secret::new(password)),
        _ => Err(format!("the environment variable{} holds no password", shown(variable))),
    }
}

/// The name of a variable for messages; empty if it looks like a password.
pub fn shown(variable: &str) -> String {
    let usual = |byte: u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_';
    if variable.bytes().all(usual) { format!(" `{variable}`") } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_is_first_line_of_file() {
        let folder = tempfile::tempdir().unwrap();
        let password = |text: &str| {
            let file = folder.path().join("password");
            fs::write(&file, text).unwrap();
            first_line(&file)
        };
        assert_eq!(password("s3cret \r\nmore\n").unwrap().expose(), "s3cret ");
        assert!(password("\nx").unwrap_err().contains("first line is empty"));
        assert!(first_line(Path::new("/nowhere/at/all")).unwrap_err().contains("cannot be read"));
    }
}
