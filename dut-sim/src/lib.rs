//! A simulated router whose command line drives a real SCEP client.
//!
//! The device is [`Device`]; the caller provides its network as a [`network::Network`].

#![deny(unsafe_code)]

mod completion;
mod config;
pub mod console;
mod device;
mod enrolment;
mod mistake;
pub mod network;
mod operational;
mod ping;
mod pki;
mod protocol_log;
pub mod remote;
mod secret;

pub use device::{ConfigurationError, Device, DeviceSettings, Reply, Settings};
pub use enrolment::{GrowingPause, KeySource, Missing, Outlook, ScepClient, TlsRoots};
pub use mistake::{LineMistake, command_mistake, configuration_mistakes, configured_addresses};
pub use scep::secret::Secret;
