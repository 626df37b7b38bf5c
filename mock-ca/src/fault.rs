//! What the server does wrong on purpose: a closed catalogue of named faults, and the rules that say when.

mod board;
mod capabilities;
mod catalogue;
mod certificates;
mod error;
mod http;
mod key_agreement;
mod reply;
mod rule;
mod strangers;
mod trigger;
mod value;

pub use catalogue::Fault;
pub use error::FaultError;
pub use rule::{FaultCount, FaultRule};
pub use trigger::Trigger;

pub(crate) use board::{Faults, Strikes};
pub(crate) use capabilities::capabilities;
pub(crate) use certificates::certificates_answer;
pub(crate) use http::distorted;
pub(crate) use reply::{Draft, Payload, distort_content, distort_granted, distort_message};
pub(crate) use strangers::stranger;
