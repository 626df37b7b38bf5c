//! Values that occur in several parts of a lab file: secrets, names, paths, ports.

use std::path::{Path, PathBuf};

use super::Secret;
use diagnostics::yaml::{Entry, Node, Problems, Value};
use diagnostics::{Diagnostic, Located, Source};

/// A secret; its problems do not show it.
pub(super) fn secret(node: &Node, problems: &Problems) -> Option<Secret> {
    match &node.value {
        Value::Scalar { text, .. } if !text.is_empty() => Some(Secret::new(text)),
        _ => {
            problems.add(Diagnostic::at(&node.place, "expected a secret text"));
            None
        }
    }
}

/// A list of secrets.
pub(super) fn secrets(node: &Node, problems: &Problems) -> Vec<Secret> {
    node.items(problems).iter().filter_map(|item| secret(item, problems)).collect()
}

/// Name of an environment variable with a password. A problem does not show it, because it may be the password itself.
pub(super) fn variable(node: &Node, example: &str, problems: &Problems) -> Option<String> {
    let name = node.text(problems)?;
    let sound = is_variable(&name);
    if !sound {
        let message = "expected the name of an environment variable that holds the password";
        problems.add(Diagnostic::at(&node.place, message).note(format!("such as `{example}`")));
    }
    sound.then_some(name)
}

/// True if the text can be the name of an environment variable.
pub(super) fn is_variable(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Folder of the node's file.
pub(super) fn folder(node: &Node) -> PathBuf {
    folder_of(node.place.source())
}

fn folder_of(source: &Source) -> PathBuf {
    let file = Path::new(source.path());
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    file.parent().unwrap_or(Path::new("/")).to_owned()
}

/// A name that is valid in prompts, paths and host names.
pub(super) fn name(entry: &Entry, what: &str, problems: &Problems) -> Option<Located<String>> {
    let name = &entry.key;
    let sound = name.len() <= 63
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    if !sound {
        let message = format!("`{name}` cannot be the name of a {what}");
        problems.add(
            Diagnostic::at(&entry.key_place, message)
                .note("a name is made of letters, digits, `-`, `_` and `.`"),
        );
        return None;
    }
    Some(Located { value: name.clone(), place: entry.key_place.clone() })
}

/// A path: absolute, below the home folder (`~/`), or relative to the lab file.
pub(super) fn path(node: &Node, problems: &Problems) -> Option<PathBuf> {
    let text = node.text(problems)?;
    if text.is_empty() || text.contains('\0') {
        node.expected("the path of a file", problems);
        return None;
    }
    let path = path_in(node.place.source(), &text);
    if path.is_none() {
        let message = format!("there is no home folder for `{text}`");
        problems.add(Diagnostic::at(&node.place, message).note("set HOME, or give a full path"));
    }
    path
}

/// The file that a path in the text of a file means; `None` if there is no home folder for it.
pub(super) fn path_in(source: &Source, text: &str) -> Option<PathBuf> {
    let Some(below) = text.strip_prefix("~/") else { return Some(folder_of(source).join(text)) };
    let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty())?;
    Some(home.join(below))
}

pub(super) fn port(node: &Node, problems: &Problems) -> Option<u16> {
    let port: std::num::NonZeroU16 = node.parsed("a port from 1 to 65535", problems)?;
    Some(port.get())
}
