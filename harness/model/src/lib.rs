//! Scenarios and labs as plain data, and how their files are read: every mistake of a file at once, each at its
//! place.
#![forbid(unsafe_code)]

pub mod known_failure;
pub mod lab;
pub mod scenario;
pub mod scep_url;
