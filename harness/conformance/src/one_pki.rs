//! A PKI that is tested stands for every PKI of every case.

use std::sync::Arc;

use async_trait::async_trait;

use model::lab::Lab;
use testbed::pki::Pki;
use testbed::{Bench, BenchError, Driver, ReceivedLog};

/// Puts one PKI in place of every PKI of a lab.
pub struct OnePki {
    pki: Arc<dyn Pki>,
    subject: String,
    received: ReceivedLog,
}

impl OnePki {
    /// The driver for that PKI; steps that name no subject ask for `subject`, and what is issued is noted in `received`.
    pub fn new(pki: Arc<dyn Pki>, subject: String, received: ReceivedLog) -> Self {
        Self { pki, subject, received }
    }
}

#[async_trait]
impl Driver for OnePki {
    async fn build(&self, lab: &Lab, _: &str) -> Result<Bench, BenchError> {
        let pki = |name: &str| (name.to_owned(), Arc::clone(&self.pki));
        Ok(Bench {
            pkis: lab.pki_names().into_iter().map(pki).collect(),
            subject: Some(self.subject.clone()),
            received: self.received.clone(),
            ..Bench::default()
        })
    }
}
