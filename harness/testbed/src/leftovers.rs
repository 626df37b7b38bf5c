//! What labs left that ended before they could remove it: folders of the user's own, and what an engine has of them.

use async_trait::async_trait;

/// Something that a lab left, or that one that stands is made of.
pub struct Leftover {
    /// What it is, in words: ``container `sceplab-x` of scep/linux-pki``.
    pub what: String,
    /// Whose it is.
    pub state: State,
    /// How it is removed.
    pub thing: Box<dyn Thing>,
}

/// Whether somebody still needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Its run is dead.
    Dead,
    /// Its run is going.
    Living,
    /// Its run was, or is, on another machine or in another container.
    Elsewhere,
}

/// How the removal of something ended, where nothing went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// It is gone.
    Removed,
    /// A container needs it, and it stays.
    InUse,
}

/// All that was found.
#[derive(Default)]
pub struct Found {
    /// In the order in which it can be removed.
    pub leftovers: Vec<Leftover>,
    /// Where nothing can be, and why.
    pub nothing_there: Option<String>,
    /// Where could not be looked, and why.
    pub unseen: Option<String>,
}

/// Something that can be removed.
#[async_trait]
pub trait Thing: Send + Sync {
    /// Removes it, whatever its state.
    ///
    /// # Errors
    /// Why it is still there, in words.
    async fn remove(&self) -> Result<Removal, String>;
}
