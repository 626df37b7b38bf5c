//! A device in a process of its own, and its console on a stream: JSON, one object a line.
//!
//! Whoever connects first sends the [`Settings`] that the device starts with. From then on requests carry numbers, their
//! answers the same numbers, and the device tells by itself whenever it may answer differently. Both ends bound the
//! length of a line, and end the connection where the other end does not keep to the form.

mod client;
mod message;
mod pending;
mod server;
mod settings;

pub use self::client::{RemoteConsole, RemoteError};
pub use self::server::{Devices, refuse, serve};
pub use self::settings::Settings;

#[cfg(test)]
mod tests;
