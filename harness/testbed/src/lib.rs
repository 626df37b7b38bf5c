//! The contracts between the runner and what it runs on: drivers, and the testbeds that they build.
#![forbid(unsafe_code)]

pub mod client;
pub mod device;
mod driver;
pub mod http;
pub mod leftovers;
pub mod pki;
mod testbed;

pub use self::driver::{
    ChangedDevice, Client, Driver, DriverName, KeptLab, LabBook, LabEntry, LabOptions, Remains,
};
pub use self::testbed::{KeySupply, ReceivedLog, Resource, Testbed, TestbedError};
