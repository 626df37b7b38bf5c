//! Leftovers of labs that ended before they could remove them: folders, and objects of a Docker engine.

use async_trait::async_trait;

/// A leftover, or a part of a running lab.
pub struct Leftover {
    /// Description: ``container `sceplab-x` of scep/linux-pki``.
    pub what: String,
    /// State of its run.
    pub state: State,
    /// Removes it.
    pub thing: Box<dyn Removable>,
}

/// State of the run that made something.
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
    /// Says why it is still there.
    async fn remove(&self) -> Result<Removal, String>;
}
