//! The contract for the links of a lab.

use async_trait::async_trait;
use thiserror::Error;

/// The links of a lab, which can be taken down and up.
#[async_trait]
pub trait Links: Send + Sync {
    /// Takes the link at an interface of a device down, so that it carries no packets, or up again.
    ///
    /// # Errors
    /// If the lab cannot do that.
    async fn switch(&self, device: &str, interface: &str, is_up: bool) -> Result<(), LinkError>;
}

/// The reason why a link was not switched.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LinkError {
    /// There is no such interface in the lab.
    #[error("`{device}` has no interface `{interface}` in the lab")]
    NoSuchInterface {
        /// The device.
        device: String,
        /// The interface.
        interface: String,
    },
    /// The lab broke.
    #[error("{reason}")]
    Broken {
        /// Reason.
        reason: String,
    },
}
