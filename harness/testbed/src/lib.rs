//! Contracts between the runner and the drivers: drivers, and the testbeds that they build.
#![forbid(unsafe_code)]

pub mod client;
pub mod device;
mod driver;
pub mod http;
pub mod leftovers;
pub mod pki;
mod testbed;

pub use self::driver::{
    ChangedDevice, Client, Driver, DriverName, KeptLab, LabOptions, OpenLab, OpenLabs, Remains,
};
pub use self::testbed::{KeySupply, ReceivedLog, Resource, Testbed, TestbedError};
