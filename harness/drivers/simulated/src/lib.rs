//! Mock PKIs, simulated devices and clients under test behind the contracts of `testbed`, and what drivers share that have
//! them in processes of their own.
#![forbid(unsafe_code)]

pub mod channel;
pub mod client;
pub mod connector;
mod console;
pub mod control;
pub mod exit;
#[cfg(target_os = "linux")]
pub mod kernel;
pub mod lab_ca;
pub mod lab_device;
pub mod mock_pki;
mod refused;
mod seen_changes;
pub mod served;
pub mod server;
pub mod sim_device;
mod without_network;

pub use self::console::ConsoleDriver;
pub use self::refused::{client_is_a_program, image_of, plan_of, refuse_real_things};
pub use self::without_network::without_network;
