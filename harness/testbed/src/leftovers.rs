//! Leftovers of labs that ended before they could remove them: folders, and objects of a Docker engine.

use std::io;

use async_trait::async_trait;
use files::Stale;
use thiserror::Error;

use crate::TestbedError;

/// A leftover, or a part of a running lab.
pub struct Leftover {
    /// Description: ``container `sceplab-x` of scep/linux-pki``.
    pub what: String,
    /// State of the run that made the leftover.
    pub state: State,
    /// Removes the leftover.
    pub thing: Box<dyn Removable>,
}

impl Leftover {
    /// The folder of a killed run.
    pub fn folder(stale: Stale) -> Self {
        let what = format!("folder `{}`", stale.path().display());
        Self { what, state: State::Dead, thing: Box::new(stale) }
    }
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

/// The reason why something could not be removed.
#[derive(Debug, Error)]
pub enum RemovalError {
    /// The system does not remove the file.
    #[error(transparent)]
    File(#[from] io::Error),
    /// The driver does not remove the part of a lab.
    #[error(transparent)]
    Part(#[from] TestbedError),
    /// The process of this number has been killed and goes on.
    #[error("process {0} does not end")]
    Alive(i32),
}

/// Something that can be removed.
#[async_trait]
pub trait Removable: Send + Sync {
    /// Removes it, whatever its state.
    ///
    /// # Errors
    /// The reason why the leftover still exists.
    async fn remove(&self) -> Result<Removal, RemovalError>;
}

#[async_trait]
impl Removable for Stale {
    async fn remove(&self) -> Result<Removal, RemovalError> {
        Ok(Self::remove(self).map(|()| Removal::Removed)?)
    }
}
