//! Runs SCEP enrolment scenarios against devices and PKIs, and says what is wrong.
//!
//! A scenario file is read into [`scenario`], its lab into [`lab`]; a driver builds the lab behind
//! the seams [`device`] and [`pki`]; [`run`] tries the steps and yields an [`outcome`], which
//! [`report`] turns into text or files.
#![forbid(unsafe_code)]

pub mod cli;
pub mod client;
pub mod conformance;
#[cfg(any(target_os = "linux", feature = "docker"))]
mod control;
mod conversation;
pub mod device;
pub mod diagnostic;
pub mod drivers;
mod http;
#[cfg(target_os = "linux")]
mod kernel_device;
pub mod lab;
pub mod matrix;
#[cfg(target_os = "linux")]
mod netns;
#[cfg(target_os = "linux")]
mod node;
pub mod outcome;
pub mod pki;
mod remote_pki;
pub mod report;
pub mod requirement;
pub mod run;
pub mod scenario;
pub mod scep_url;
pub mod virtual_lab;
mod yaml;
