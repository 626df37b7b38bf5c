//! A SCEP server for tests (RFC 8894): a certification authority that behaves like a real one, and makes mistakes if it is
//! asked to.
//!
//! [`MockCa`] starts it in a test of a client. The test then asks [`RunningCa`] what the client did:
//!
//! ```
//! use mock_ca::MockCa;
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/client/mod.rs"));
//!
//! # fn main() {
//! let ca = MockCa::rfc8894()
//!     .challenge("s3cret")
//!     .fault("on: PKCSReq, nth: 1, do: wrong-transaction-id").unwrap()
//!     .start_blocking().unwrap();
//!
//! // The client under test must refuse a reply that belongs to another transaction.
//! enrol(ca.url(), "s3cret").unwrap_err();
//! assert_eq!(ca.faults()[0].fired, 1);
//!
//! // Without the fault it gets the certificate that the CA has issued.
//! let certificate = enrol(ca.url(), "s3cret").unwrap();
//! assert_eq!(ca.issued().unwrap().last().unwrap().certificate, certificate);
//! assert_eq!(ca.issued().unwrap().last().unwrap().subject, "CN = device");
//! # }
//! ```
//!
//! A server of your own is made of smaller parts: [`Ca::open`] makes a CA from [`Settings`], [`serve`] serves a listener, and
//! [`Ca::serve_connection`] one connection, over a socket or in memory. [`control`] is the CA's API for other processes.
//! The differences between servers are the data of a [`PersonalityName`].
//!
//! Never trust what it signs: its lab keys are public.
#![forbid(unsafe_code)]
#![warn(missing_debug_implementations)]

mod answer;
mod authority;
mod ca;
#[cfg(feature = "testcontainers")]
pub mod container;
pub mod control;
mod events;
mod fault;
mod fixture;
mod http;
mod key;
mod log;
mod memory;
mod offer;
mod pages;
mod password_problem;
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
mod tls;
mod transaction;
mod wire;

pub use openssl;
pub use scep;

pub use ca::{Ca, DecisionError, Issued, OpenError, Pending, RevocationError};
pub use events::CaEvent;
pub use fault::{Fault, FaultCount, FaultError, FaultRule, Trigger};
pub use fixture::{MockCa, RunningCa, StartError};
pub use http::{ByteStream, Listener, Place, SHUTDOWN_TIMEOUT, Server, http_date, serve};
pub use key::{CaKey, KeyOwner};
pub use log::{LogEntry, LogObserver, LogOutcome};
pub use password_problem::PasswordProblem;
pub use passwords::ChallengeUnavailable;
pub use personality::PersonalityName;
pub use record::RevocationReason;
pub use seen::{
    QueryMessage, SeenCsr, SeenMessage, SeenPoll, SeenRefusal, SeenRequest, SeenValidity,
};
pub use settings::{
    AdminCredentials, Approval, CaCertificate, ChallengePolicy, CrlSettings, DistributionPoint,
    GivenCertificate, GivenCertificateError, Hierarchy, IssuerCa, KEY_BITS, Keys, LaterDecision,
    Limits, MOST_LEVELS, NextCa, NextKey, NextRegistration, PartLimits, RegistrationPlan,
    RenewalWindow, ServerCertificate, Settings, TlsSettings, TlsVersion, WindowsSettings,
};
pub use state::{StateError, back_up, identities};
pub use tls::{lab_tls_root, lab_tls_root_pem};

/// Makes tests of the examples in the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
