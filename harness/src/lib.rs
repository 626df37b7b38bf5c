//! Runs SCEP enrolment scenarios against devices and PKIs, and says what is wrong.
//!
//! A scenario file is read into [`scenario`], its lab into [`lab`]; a driver builds the lab behind
//! the seams [`device`] and [`pki`]; [`run`] tries the steps and yields an [`outcome`], which
//! [`report`] turns into text or files.
#![forbid(unsafe_code)]

pub mod cli;
pub mod client;
pub mod conformance;
mod conversation;
pub mod device;
pub mod diagnostic;
pub mod drivers;
mod http;
pub mod lab;
mod mask;
pub mod matrix;
#[cfg(target_os = "linux")]
mod netns;
pub mod outcome;
pub mod pki;
pub mod report;
pub mod requirement;
pub mod run;
pub mod scenario;
pub mod scep_url;
pub mod virtual_lab;
mod yaml;
