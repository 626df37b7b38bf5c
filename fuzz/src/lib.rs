//! What reads the bytes of others, fed with bytes that nobody meant: one function for each fuzz target.
//!
//! Each function takes any bytes, comes back in a moment, and panics if a property does not hold. `cargo fuzz` calls it by
//! a program in `fuzz_targets`; the test `corpus` calls it with what is kept in `seeds` and `corpus`, and with mutations of it.
#![forbid(unsafe_code)]

mod ber;
mod client_reply;
mod control_api;
mod device_lines;
mod explain;
mod explain_input;
pub mod fixtures;
mod http_head;
mod message;
mod recorded;
mod server_open;
mod text;
mod yaml;

pub use ber::ber;
pub use client_reply::client_reply;
pub use control_api::control_api;
pub use device_lines::device_lines;
pub use explain::explain;
pub use explain_input::explain_input;
pub use http_head::http_head;
pub use message::message;
pub use recorded::recorded;
pub use server_open::server_open;
pub use yaml::yaml;

/// The longest input that a target reads, in bytes; a longer one says nothing that a shorter one does not.
pub const MAX_INPUT_BYTES: usize = 64 * 1024;

/// A target: its name, which is that of its program and folders, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: [Target; 11] = [
    ("message", message),
    ("server_open", server_open),
    ("client_reply", client_reply),
    ("ber", ber),
    ("yaml", yaml),
    ("http_head", http_head),
    ("control_api", control_api),
    ("device_lines", device_lines),
    ("explain", explain),
    ("explain_input", explain_input),
    ("recorded", recorded),
];
