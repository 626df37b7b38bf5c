//! Errors of commands on a device's console.

use std::time::Duration;

use redact::Masker;
use thiserror::Error;

use super::OUTPUT_LIMIT;

/// Why a command was not run, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum ConsoleError {
    /// The connection has ended.
    #[error("the connection is lost: {0}")]
    Closed(String),
    /// The login succeeded, but there was no prompt.
    #[error("no prompt was seen in {}", seconds(after))]
    PromptNeverSeen {
        /// The timeout.
        after: Duration,
        /// The latest output.
        tail: Vec<u8>,
    },
    /// The command did not end.
    #[error("`{command}` did not end in {}, and was stopped with Ctrl-C", seconds(after))]
    TimedOut {
        /// The timeout.
        after: Duration,
        /// The command.
        command: String,
        /// The latest output.
        tail: Vec<u8>,
    },
    /// The command printed too much.
    #[error("the command printed more than {} MiB, and was stopped with Ctrl-C", OUTPUT_LIMIT >> 20)]
    OutputTooLong,
    /// The caller was dropped.
    #[error("the command was cancelled, and stopped with Ctrl-C")]
    Cancelled,
    /// No prompt came even after Ctrl-C.
    #[error("{0}; no prompt was seen after that either")]
    Stuck(Box<ConsoleError>),
    /// The line cannot be typed at a terminal.
    #[error("the line was not sent: {0}")]
    NotTyped(String),
}

impl ConsoleError {
    /// The error, the latest output and advice, without secrets.
    pub(crate) fn describe(&self, masker: &Masker) -> String {
        let what = masker.text(&self.to_string());
        let advice = match self {
            Self::PromptNeverSeen { .. } => {
                "; if that is its prompt, add it to the lab file: `prompt: {operational: REGEX}`"
            }
            Self::TimedOut { .. } => {
                "; if it takes longer, set a longer time in the lab file: `answer-within: 5m`"
            }
            _ => "",
        };
        match self.tail() {
            None => what,
            Some([]) => format!("{what}; nothing was received{advice}"),
            Some(bytes) => {
                let text = masker.cut_text(&String::from_utf8_lossy(bytes));
                format!("{what}; the last output is `{}`{advice}", text.escape_debug())
            }
        }
    }

    /// The latest output.
    fn tail(&self) -> Option<&[u8]> {
        match self {
            Self::PromptNeverSeen { tail, .. } | Self::TimedOut { tail, .. } => Some(tail),
            Self::Stuck(error) => error.tail(),
            _ => None,
        }
    }

    /// True if the session cannot be used any more.
    pub(crate) fn ends_session(&self) -> bool {
        matches!(self, Self::Closed(_) | Self::PromptNeverSeen { .. } | Self::Stuck(_))
    }
}

fn seconds(duration: &Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds:.0} s") } else { format!("{seconds:.1} s") }
}
