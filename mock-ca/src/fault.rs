//! Faults, which are deliberate errors of the server: a closed catalogue, and the rules that say when each happens.

mod answer;
mod board;
mod catalogue;
mod key_agreement;
mod reply;
mod rule;
mod strangers;

pub use catalogue::Fault;
pub use rule::{FaultCount, FaultError, FaultRule, Trigger};

pub(crate) use answer::{capabilities, certificates_answer, distorted};
pub(crate) use board::{Faults, Strikes};
pub(crate) use reply::{
    distort_algorithms, distort_content, distort_encoding, distort_granted, distort_message,
};
pub(crate) use strangers::{ALWAYS, STRANGER, impostor};
