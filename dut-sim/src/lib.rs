//! A simulated router whose command line drives a real SCEP client.
//!
//! The device is [`Device`]; the network it stands in is a [`network::Network`], which the caller brings.

#![deny(unsafe_code)]

mod config;
pub mod network;
mod ping;
mod pki;
mod secret;

pub use secret::Secret;
