//! The contract for what was exchanged with the PKIs of a lab.

use async_trait::async_trait;
use recording::{Exchange, Recorder};

/// The exchanges with the PKIs of a lab, as far as they can be seen.
#[async_trait]
pub trait Wire: Send + Sync {
    /// The newest exchanges in the order in which they ended, and the last one of each operation; none if they cannot be told any more.
    async fn newest(&self) -> Vec<Exchange>;
}

#[async_trait]
impl Wire for Recorder {
    async fn newest(&self) -> Vec<Exchange> {
        Self::newest(self)
    }
}
