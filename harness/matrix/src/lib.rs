//! Clients × PKIs: each scenario at each PKI with each client, compared with a ledger of expected failures.

#![forbid(unsafe_code)]

mod judge;
mod ledger;
mod plan;
mod reason;

pub use self::judge::{judge, unmatched};
pub use self::ledger::{Expectation, Ledger};
pub use self::plan::{Plan, PlannedRow};

#[cfg(test)]
#[expect(dead_code, reason = "reports need the rest")]
#[path = "../../report/src/tests/samples.rs"]
mod samples;
