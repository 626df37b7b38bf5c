//! Leftovers of labs that ended before they could remove them: folders, and objects of a Docker engine.

use async_trait::async_trait;

/// A leftover, or a part of a running lab.
pub struct Leftover {
    /// Description: ``container `sceplab-x` of scep/linux-pki``.
    pub what: String,
    /// State of the run that made the leftover.
    pub state: State,
    /// Removes the leftover.
    pub thing: Box<dyn Removable>,
}

/// The state of the run that made a leftover.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// The run has ended.
    Dead,
    /// The run is active.
    Living,
    /// The run was, or is, on another machine or in another container.
    Elsewhere,
}

/// Result of a removal without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// The thing is gone.
    Removed,
    /// A container needs it, so it stays.
    InUse,
}

/// The result of a search.
#[derive(Default)]
pub struct Found {
    /// In the order in which they can be removed.
    pub leftovers: Vec<Leftover>,
    /// A place that cannot have leftovers, and why.
    pub nothing_there: Option<String>,
    /// A place that could not be searched, and why.
    pub unseen: Option<String>,
}

/// Something that can be removed.
#[async_trait]
pub trait Removable: Send + Sync {
    /// Removes it, whatever its state.
    ///
    /// # Errors
    /// The reason why the leftover still exists.
    async fn remove(&self) -> Result<Removal, String>;
}
