//! The contracts between the runner and what it runs on: drivers, and the testbeds that they build.

mod bench;
mod driver;
mod lab_book;

pub use self::bench::{Bench, BenchError, KeySupply, Resource};
pub use self::driver::{ChangedDevice, Client, Driver, DriverName, KeptLab, LabOptions, Remains};
pub use self::lab_book::{LabBook, LabEntry};
