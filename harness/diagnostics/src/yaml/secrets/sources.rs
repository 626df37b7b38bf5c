//! Finds the files and environment variables that have secrets of a file.

use super::{Node, Value};
use crate::closest;

/// Fields that name a file with secrets.
const FILES: [&str; 2] = ["file", "password-file"];

/// Fields that name an environment variable with a secret.
const VARIABLES: [&str; 2] = ["env", "password-env"];

/// A field that has a secret itself, and is similar to these.
const PASSWORD: &str = "password";

/// Something outside a file that has a secret of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretSource {
    /// A file, by its path as it is written.
    File(String),
    /// An environment variable, by its name.
    Variable(String),
}

impl SecretSource {
    /// The source that a field names, even if the field's name is misspelt; `None` for a field that names none.
    pub(super) fn of_field(key: &str, value: &str) -> Option<Self> {
        let known = FILES.into_iter().chain(VARIABLES).chain([PASSWORD]);
        match closest(key, known)? {
            PASSWORD => None,
            field if FILES.contains(&field) => Some(Self::File(value.to_owned())),
            _ => Some(Self::Variable(value.to_owned())),
        }
    }
}

/// The sources that a file names.
pub(super) fn named_in(file: &Node) -> Vec<SecretSource> {
    let mut sources = Vec::new();
    file.walk(&mut |value| {
        let Value::Mapping(entries) = value else { return };
        sources.extend(entries.iter().filter_map(|entry| match &entry.value.value {
            Value::Scalar { text, .. } => SecretSource::of_field(&entry.key, text),
            _ => None,
        }));
    });
    sources
}

#[cfg(test)]
mod tests {
    use super::super::PossibleSecrets;
    use super::*;
    use crate::Source;

    #[test]
    fn files_and_variables_are_found_in_any_text() {
        let file = |name: &str| SecretSource::File(name.to_owned());
        let variable = |name: &str| SecretSource::Variable(name.to_owned());
        for (text, expected) in [
            ("challenge: {file: pw.txt}", file("pw.txt")),
            ("challenge:\n  file: 'pw.txt'", file("pw.txt")),
            ("challenge: {fil: pw.txt}", file("pw.txt")),
            ("challenge: {env: PKI_PASSWORD}", variable("PKI_PASSWORD")),
            ("ndes-admin: {user: a, password-file: pw.txt}", file("pw.txt")),
            ("devices:\n  DUT0:\n    ssh: a@b\n    password-env: DUT0", variable("DUT0")),
            ("devices:\n  DUT0:\n    pasword-file: \"pw.txt\"", file("pw.txt")),
        ] {
            let node = crate::yaml::parse(&Source::new("a", text.to_owned())).unwrap();
            assert_eq!(
                PossibleSecrets::of(&node).sources,
                std::slice::from_ref(&expected),
                "{text}"
            );
            let sources = PossibleSecrets::of_unparsed(&format!("{text}\nx: [")).sources;
            assert!(sources.contains(&expected), "{text}: {sources:?}");
        }
        for text in ["title: x", "runs: {env: {A: b}}", "password: x", "url: http://a"] {
            let node = crate::yaml::parse(&Source::new("a", text.to_owned())).unwrap();
            assert_eq!(PossibleSecrets::of(&node).sources, [], "{text}");
        }
    }
}
