//! The contract for a SCEP client under test.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;

use model::lab::Secret;

/// An order to a client to enrol once.
#[derive(Debug, Clone)]
pub struct ClientOrder {
    /// URL of the SCEP service, `http://host:port/path`.
    pub url: String,
    /// Challenge password to send.
    pub challenge: Option<Secret>,
    /// File with the CA's certificate in PEM, by which a client can authenticate the CA (RFC 8894 §2.2).
    pub ca: PathBuf,
    /// The client's folder, in which it may keep files between enrolments.
    pub folder: PathBuf,
    /// Time limit, after which the client is ended.
    pub limit: Duration,
    /// The time by which the client's clock must be ahead of that of the system, in milliseconds, if it does not share the lab's; zero if
    /// that of the system is right.
    pub ahead_ms: i64,
}

/// The result of running a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientRun {
    /// How the client ended.
    pub end: ClientEnd,
    /// The last lines of its output, with secrets masked.
    pub output: Vec<String>,
    /// The last of these lines that it printed to its standard error.
    pub errors: Vec<String>,
    /// Duration.
    pub elapsed: Duration,
}

impl ClientRun {
    /// The last lines that are not blank, `most` at most: of its standard error, or else of both outputs.
    pub fn last_lines(&self, most: usize) -> Vec<&str> {
        let lines = if self.errors.is_empty() { &self.output } else { &self.errors };
        let said = lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty());
        let said: Vec<&str> = said.collect();
        said[said.len().saturating_sub(most)..].to_vec()
    }
}

/// The end of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientEnd {
    /// The client reports that it has a certificate.
    Succeeded,
    /// The client reports that it has none.
    Failed {
        /// The report: "it ended with exit status: 1".
        how: String,
    },
    /// The client was ended by a signal that it did not expect: that is no report.
    Crashed {
        /// The end: "it was ended by signal: 11 (SIGSEGV)".
        how: String,
    },
    /// The client did not end within its time limit, and was ended.
    Overdue {
        /// The time limit.
        limit: Duration,
    },
    /// Something on this side ended the client, so there is no report.
    Lost {
        /// Reason.
        reason: String,
    },
    /// The client could not be run.
    NotRun {
        /// Reason.
        reason: String,
    },
}

/// A SCEP client: the project's own, or another program.
#[async_trait]
pub trait Client: Send + Sync {
    /// A short name without secrets.
    fn name(&self) -> String;

    /// Enrols once, and ends within the time limit whatever the CA does.
    async fn enrol(&self, order: &ClientOrder) -> ClientRun;
}

impl fmt::Display for ClientEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Succeeded => f.write_str("it succeeded"),
            Self::Failed { how } | Self::Crashed { how } => f.write_str(how),
            Self::Overdue { limit } => {
                write!(f, "it did not end in {} s and was killed", limit.as_secs_f64())
            }
            Self::Lost { reason } => f.write_str(reason),
            Self::NotRun { reason } => write!(f, "it could not be run: {reason}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn last_lines_are_those_of_the_standard_error_if_it_has_any() {
        let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect();
        let run = |output: &[&str], errors: &[&str]| ClientRun {
            end: ClientEnd::Succeeded,
            output: lines(output),
            errors: lines(errors),
            elapsed: Duration::ZERO,
        };
        let both = run(&["progress", "wrong", "worse  ", " "], &["wrong", "worse  ", " "]);
        assert_eq!(both.last_lines(5), ["wrong", "worse"]);
        assert_eq!(both.last_lines(1), ["worse"]);
        assert_eq!(run(&["one", "", "  two"], &[]).last_lines(2), ["one", "  two"]);
        assert!(run(&[""], &[]).last_lines(2).is_empty());
    }
}
