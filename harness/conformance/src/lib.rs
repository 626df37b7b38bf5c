//! Conformance tests: runs the cases, and compares the results with their levels and the known deviations of the target.

#![forbid(unsafe_code)]

mod case;
mod cause;
mod course;
mod gate;
mod judge;
mod plan;
mod repetition;
mod target;

pub use self::course::Course;
pub use self::gate::{Gate, Password, SetUpFinding};
pub use self::judge::{Rules, judge};
pub use self::plan::{Budget, Coverage, Plan, Planned, coverage};
pub use self::repetition::{repetition, with_repetitions};
pub use self::target::{Deviation, Target};

use std::sync::Arc;

use async_trait::async_trait;

use model::lab::{Lab, Secret};
use recording::Folder;
use scep::clock::Clock;
use testbed::pki::Pki;
use testbed::wire::Wire;
use testbed::{Driver, KeyStore, LabOptions, ReceivedLog, Testbed, TestbedError};

/// A driver that uses one PKI for all PKIs of a lab.
pub struct OnePki {
    /// The tested PKI.
    pub pki: Arc<dyn Pki>,
    /// Default subject of requests.
    pub subject: String,
    /// Log of issued certificates.
    pub received: ReceivedLog,
    /// Passwords that no output may show.
    pub secrets: Vec<Secret>,
    /// The source of the keys to certify; each scenario has its own.
    pub keys: KeyStore,
    /// Folder for what is exchanged with the PKI.
    pub messages: Option<Folder>,
}

#[async_trait]
impl Driver for OnePki {
    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        let options = LabOptions { messages: self.messages.clone(), ..LabOptions::default() };
        let recorder = options.recorder(id, &Clock::system());
        let one = self.pki.recorded(recorder.clone());
        let wire = one.as_ref().map(|_| Arc::new(recorder) as Arc<dyn Wire>);
        let one = one.unwrap_or_else(|| Arc::clone(&self.pki));
        let pki = |name: &str| (name.to_owned(), Arc::clone(&one));
        Ok(Testbed {
            pkis: lab.pki_names().into_iter().map(pki).collect(),
            subject: Some(self.subject.clone()),
            received: self.received.clone(),
            secrets: self.secrets.clone(),
            keys: self.keys.with_new_names(),
            wire,
            ..Testbed::default()
        })
    }
}
