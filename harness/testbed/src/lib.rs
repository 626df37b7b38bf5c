//! The contracts between the runner and what it runs on: drivers, and the testbeds that they build.
#![forbid(unsafe_code)]

mod bench;
pub mod client;
pub mod device;
mod driver;
pub mod http;
mod lab_book;
pub mod leftovers;
pub mod pki;

pub use self::bench::{Bench, BenchError, KeySupply, ReceivedLog, Resource};
pub use self::driver::{ChangedDevice, Client, Driver, DriverName, KeptLab, LabOptions, Remains};
pub use self::lab_book::{LabBook, LabEntry};
