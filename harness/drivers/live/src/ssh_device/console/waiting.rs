//! What is waited for at a command line, and how far that has got.

use std::time::Duration;

use tokio::time::Instant;

/// When somebody does not want to wait any longer.
pub(in crate::ssh_device) type Stopped<'a> = &'a (dyn Fn() -> bool + Send + Sync);

/// What is to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum For {
    /// What a command prints, and a prompt.
    Output,
    /// The prompt alone, where all is well.
    Nothing,
    /// A prompt, whatever else is there. An empty line may be typed where none comes: some devices wait for one, and after
    /// Ctrl-C the prompt may stand behind what that is shown as.
    Prompt,
}

/// A wait.
pub(super) struct Waiting<'a> {
    pub(super) what: For,
    pub(super) since: Instant,
    pub(super) limit: Duration,
    /// When bytes came last.
    pub(super) heard: Instant,
    /// In bytes.
    pub(super) received: usize,
    /// The rows at which an empty line was typed.
    pub(super) probed: Vec<usize>,
    /// Whether something stands behind a prompt.
    pub(super) buried: bool,
    /// Whether a pager was answered.
    pub(super) paged: bool,
    pub(super) stopped: Stopped<'a>,
}

/// Where what was printed ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The row of the prompt.
    pub(super) row: usize,
    pub(super) buried: bool,
    pub(super) paged: bool,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(what: For, limit: Duration, stopped: Stopped<'a>) -> Self {
        let now = Instant::now();
        Self {
            what,
            since: now,
            limit,
            heard: now,
            received: 0,
            probed: Vec::new(),
            buried: false,
            paged: false,
            stopped,
        }
    }

    /// The first row in which the prompt may stand: in the row of a command it is the one before it.
    pub(super) fn first_row(&self) -> usize {
        usize::from(self.what != For::Prompt)
    }
}
