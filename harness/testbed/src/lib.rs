//! Contracts between the runner and the drivers: drivers, and the testbeds that they build.
#![forbid(unsafe_code)]

pub mod access;
pub mod client;
pub mod device;
mod driver;
pub mod injection;
mod keys;
pub mod lab_time;
pub mod leftovers;
pub mod links;
mod no_answer;
pub mod pki;
mod testbed;
pub mod wire;

pub use self::driver::{
    ChangedDevice, Client, Driver, DriverName, KeptLab, LabOptions, OpenLab, OpenLabs, Remains,
    UnrestoredDevice,
};
pub use self::keys::{KeyStore, new_key};
pub use self::no_answer::NoAnswer;
pub use self::testbed::{ReceivedLog, Resource, Testbed, TestbedError};
