//! `sceplab serve` on real ports.

pub(crate) mod client;
pub(crate) mod control;
mod crash;
mod enrolment;
mod health;
mod hostile;
#[cfg(target_os = "linux")]
mod limits;
mod log;
mod passwords;
mod slow;
mod state;
mod stopping;
#[cfg(unix)]
mod tls;

pub(crate) use crate::support::server::{LINUX, NDES, Server};
