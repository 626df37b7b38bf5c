//! A SCEP server for tests (RFC 8894): a certification authority with the looks and habits of a real one.
//!
//! [`Ca::open`] makes it from [`Settings`], [`Ca::serve_connection`] serves one connection, over a socket or in memory,
//! [`serve`] a listener. What one server does otherwise than another is the data of a [`PersonalityName`].
//!
//! It is no CA to trust: its lab keys are public, and it is built to be prodded.
#![forbid(unsafe_code)]

mod answer;
mod authority;
mod ca;
pub mod control;
mod fault;
mod http;
mod log;
mod offer;
mod pages;
mod passwords;
mod personality;
mod profile;
mod record;
mod refusal;
mod seen;
mod service;
mod settings;
mod state;
mod store;
mod transaction;
mod wire;

pub use ca::{Ca, DecisionError, Issued, OpenError, Pending, RevocationError};
pub use fault::{Fault, FaultCount, FaultError, FaultRule, Trigger};
pub use http::{Listener, SHUTDOWN_TIMEOUT, serve};
pub use log::{LogEntry, LogObserver, LogOutcome};
pub use passwords::ChallengeUnavailable;
pub use personality::PersonalityName;
pub use seen::{QueryMessage, SeenCsr, SeenMessage, SeenRequest};
pub use settings::{
    AdminCredentials, Approval, ChallengePolicy, Keys, Limits, Settings, WindowsSettings,
};
pub use state::StateError;
