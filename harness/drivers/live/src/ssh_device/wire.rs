//! The line to a device: bytes there and back.

use std::time::Duration;

use async_trait::async_trait;
use thiserror::Error;

/// A terminal at the other end of which is a device.
#[async_trait]
pub(super) trait Wire: Send {
    /// Waits for bytes, at most so long, and tells how many came; 0 where none did.
    async fn read(&mut self, buffer: &mut [u8], limit: Duration) -> Result<usize, Lost>;

    /// Sends bytes, all of them.
    async fn write(&mut self, bytes: &[u8]) -> Result<(), Lost>;
}

/// The connection is gone, and why.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the connection is lost: {0}")]
pub(super) struct Lost(pub(super) String);
