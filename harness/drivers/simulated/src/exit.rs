//! How the processes of a lab exit, and what that explains.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

/// How long after the end of a connection the exit of the process behind it is waited for, which explains more.
const EXIT_LIMIT: Duration = Duration::from_secs(1);

/// Reports how the processes of a lab exited.
#[async_trait]
pub trait ExitWatcher: Send + Sync {
    /// Waits until a part of the lab, or all of it, is broken; gives the reason.
    async fn broken(&self, part: &str) -> String;
}

/// A part of a lab, and whoever watches its process.
pub struct LabPart {
    name: String,
    watcher: Arc<dyn ExitWatcher>,
}

impl LabPart {
    /// The part of that name: a device, a PKI or a host.
    pub fn new(name: &str, watcher: Arc<dyn ExitWatcher>) -> Self {
        Self { name: name.to_owned(), watcher }
    }

    /// Waits until the part, or all of the lab, is broken; gives the reason.
    pub async fn broken(&self) -> String {
        self.watcher.broken(&self.name).await
    }

    /// Why a connection to the part has ended: how its process exited, or `reason` if it has not.
    pub async fn explain(&self, reason: &str) -> String {
        let exited = tokio::time::timeout(EXIT_LIMIT, self.broken()).await;
        exited.unwrap_or_else(|_| reason.to_owned())
    }
}
