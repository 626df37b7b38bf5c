//! Tests of conformance: what becomes of each case of the catalogue, held against its level and what is known of the target.

#![forbid(unsafe_code)]

mod judge;
mod plan;
mod target;

pub use self::judge::judge;
pub use self::plan::{Budget, Coverage, Plan, Planned, coverage};
pub use self::target::{Deviation, Target};

use std::sync::Arc;

use async_trait::async_trait;

use model::lab::Lab;
use testbed::pki::Pki;
use testbed::{Driver, ReceivedLog, Testbed, TestbedError};

/// Puts one PKI in place of every PKI of a lab.
pub struct OnePki {
    /// The PKI that is tested.
    pub pki: Arc<dyn Pki>,
    /// What steps ask for that name no subject.
    pub subject: String,
    /// Where it is noted what is issued.
    pub received: ReceivedLog,
}

#[async_trait]
impl Driver for OnePki {
    async fn build(&self, lab: &Lab, _: &str) -> Result<Testbed, TestbedError> {
        let pki = |name: &str| (name.to_owned(), Arc::clone(&self.pki));
        Ok(Testbed {
            pkis: lab.pki_names().into_iter().map(pki).collect(),
            subject: Some(self.subject.clone()),
            received: self.received.clone(),
            ..Testbed::default()
        })
    }
}
