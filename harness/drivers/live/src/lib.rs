//! Connects to existing devices by SSH and PKIs by URL, on the network of this machine.

#![forbid(unsafe_code)]

pub mod live_pki;
#[cfg(target_os = "linux")]
mod sim;
pub mod ssh_device;
mod targets;
mod used;

pub use self::targets::{TargetOptions, Targets};
pub use self::used::{Used, used};
