//! Why there is no answer to a command.

use std::time::Duration;

use redact::Masker;
use thiserror::Error;

use super::OUTPUT_LIMIT;

/// Why a command was not carried out, or not to its end.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    /// There is no connection any more.
    #[error("the connection is lost: {0}")]
    Lost(String),
    /// The device let somebody in, and never waited for a command.
    #[error("no prompt was seen in {}", seconds(after))]
    PromptNeverSeen {
        /// How long it was waited for.
        after: Duration,
        /// What came last.
        tail: Vec<u8>,
    },
    /// The command did not end.
    #[error("`{command}` did not end in {}, and was stopped with Ctrl-C", seconds(after))]
    TimedOut {
        /// How long it was waited for.
        after: Duration,
        /// The command.
        command: String,
        /// What came last.
        tail: Vec<u8>,
    },
    /// The command printed too much.
    #[error("the command printed more than {} MiB, and was stopped with Ctrl-C", OUTPUT_LIMIT >> 20)]
    TooMuch,
    /// Nobody waits for the answer any more.
    #[error("the command was stopped with Ctrl-C, for nobody waits for it any more")]
    Stopped,
    /// Not even Ctrl-C brought a prompt.
    #[error("{0}; no prompt was seen after that either")]
    Stuck(Box<Fault>),
    /// The line cannot be typed at a terminal.
    #[error("the line was not sent: {0}")]
    NotTyped(String),
}

impl Fault {
    /// What happened, what came last, and what to do, without secrets.
    pub(crate) fn told(&self, masker: &Masker) -> String {
        let what = masker.text(&self.to_string());
        let advice = match self {
            Self::PromptNeverSeen { .. } => {
                "; if that is its prompt, the lab file can say so: `prompt: {operational: REGEX}`"
            }
            Self::TimedOut { .. } => {
                "; if it takes longer, the lab file can say so: `answer-within: 5m`"
            }
            _ => "",
        };
        match self.tail() {
            None => what,
            Some([]) => format!("{what}; nothing came{advice}"),
            Some(bytes) => {
                let text = masker.cut_text(&String::from_utf8_lossy(bytes));
                format!("{what}; what came last is `{}`{advice}", text.escape_debug())
            }
        }
    }

    /// What came last before nothing did.
    fn tail(&self) -> Option<&[u8]> {
        match self {
            Self::PromptNeverSeen { tail, .. } | Self::TimedOut { tail, .. } => Some(tail),
            Self::Stuck(fault) => fault.tail(),
            _ => None,
        }
    }

    /// Whether there is no use in typing anything any more.
    pub(crate) fn ends_session(&self) -> bool {
        matches!(self, Self::Lost(_) | Self::PromptNeverSeen { .. } | Self::Stuck(_))
    }
}

fn seconds(duration: &Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds.fract() == 0.0 { format!("{seconds:.0} s") } else { format!("{seconds:.1} s") }
}
