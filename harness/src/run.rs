//! Runs scenarios: the bench they stand on, their steps, their checks.

mod bench;

pub use self::bench::{Bench, BenchError, Driver};
