//! Error messages of the configuration. OSDx documents few of them; the others have Vyatta's wording.

use std::fmt;

/// Why a path of words is not valid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PathError {
    #[error("Configuration path: {} is not valid", bracketed(good, bad))]
    Unknown { good: Vec<String>, bad: String },
    #[error("Configuration path: {} is ambiguous\n{}", bracketed(good, bad), possible(completions))]
    Ambiguous { good: Vec<String>, bad: String, completions: Vec<(&'static str, &'static str)> },
    #[error("{constraint}\nValue validation failed\nConfiguration path: [{}]", path.join(" "))]
    BadValue { path: Vec<String>, constraint: String },
    #[error("Configuration path: [{}] takes one value", path.join(" "))]
    BeyondValue { path: Vec<String> },
    #[error("Configuration path: [{}] requires a value", path.join(" "))]
    ValueMissing { path: Vec<String> },
    #[error("Configuration path: [{}] is a node of others and cannot be set itself", path.join(" "))]
    NotSettable { path: Vec<String> },
    #[error("Need to specify the config node to {verb}")]
    NoPath { verb: &'static str },
    #[error("the value cannot be sealed: {0}")]
    Sealing(String),
}

/// Why a command is refused, with the last line in Vyatta's wording.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("{0}\nSet failed")]
    Set(PathError),
    #[error("{0}\nDelete failed")]
    Delete(PathError),
    #[error("{0}")]
    Show(PathError),
    #[error("Configuration under specified path is empty")]
    Empty,
    #[error("{}\nCommit failed", faults(.0))]
    Commit(Vec<CommitFault>),
    #[error("Configuration system temporarily locked due to another commit in progress")]
    Locked,
    #[error(
        "Cannot exit: configuration modified.\nUse 'exit discard' to discard the changes and exit."
    )]
    Modified,
}

/// Error in a configuration at commit: the place and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommitFault {
    pub(crate) path: Vec<String>,
    pub(crate) reason: String,
}

impl fmt::Display for CommitFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.join(" ");
        write!(f, "[ {path} ]\n{}\n\n[[{path}]] failed", self.reason)
    }
}

fn faults(faults: &[CommitFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n\n")
}

/// The valid words, followed by the invalid one in brackets.
pub(crate) fn bracketed(good: &[String], bad: &str) -> String {
    let good: String = good.iter().flat_map(|word| [word, " "]).collect();
    format!("{good}[{bad}]")
}

/// List of possible completions: two columns, indented by two blanks, the first as wide as its widest cell.
pub(crate) fn possible(completions: &[(&str, &str)]) -> String {
    let width = completions.iter().map(|(word, _)| word.chars().count()).max().unwrap_or_default();
    let line = |(word, help): &(&str, &str)| format!("  {word:width$}  {help}");
    let lines: Vec<_> = completions.iter().map(line).collect();
    format!("Possible completions:\n{}", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn path_errors_have_vyattas_wording() {
        let unknown = PathError::Unknown { good: path("system certificate"), bad: "spec".into() };
        assert_eq!(
            Refusal::Set(unknown).to_string(),
            "Configuration path: system certificate [spec] is not valid\nSet failed"
        );
        let missing = PathError::ValueMissing { path: path("system host-name") };
        assert_eq!(missing.to_string(), "Configuration path: [system host-name] requires a value");
    }

    #[test]
    fn ambiguous_word_lists_the_choices() {
        let ambiguous = PathError::Ambiguous {
            good: Vec::new(),
            bad: "c".into(),
            completions: vec![("cgi-path", "Path"), ("cipher", "Encryption")],
        };
        assert_eq!(
            ambiguous.to_string(),
            "Configuration path: [c] is ambiguous\nPossible completions:\n  cgi-path  Path\n  cipher    Encryption"
        );
    }

    #[test]
    fn refused_commit_names_the_place() {
        let fault =
            CommitFault { path: path("system certificate scep csr A"), reason: "no url".into() };
        assert_eq!(
            Refusal::Commit(vec![fault]).to_string(),
            "[ system certificate scep csr A ]\nno url\n\n[[system certificate scep csr A]] failed\nCommit failed"
        );
    }
}
