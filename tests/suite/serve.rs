//! `sceplab serve` on real ports.

pub(crate) mod client;
mod control;
mod crash;
mod enrolment;
mod health;
mod hostile;
mod passwords;
mod slow;
mod stopping;

pub(crate) use crate::support::server::{LINUX, NDES, Server};
