//! Labs of PKIs that no host runs: there is no network to build, whatever the driver.

use std::sync::Arc;

use model::lab::Lab;
use testbed::{Bench, BenchError, Client, KeySupply};

use crate::client::Builtin;
use crate::lab_ca::LabCa;
use crate::mock_pki::MockPki;

/// Builds a lab without hosts and devices: its PKIs are spoken to in this process.
///
/// # Errors
/// When a PKI cannot be started.
pub fn without_network(lab: &Lab, client: Client) -> Result<Bench, BenchError> {
    let mut bench = Bench { keys: KeySupply::Shared, ..Bench::default() };
    for (name, plan) in &lab.pkis {
        let pki = MockPki::in_this_process(&LabCa::open(name, plan)?);
        bench.pkis.insert(name.clone(), Arc::new(pki));
    }
    // A client that is a program would need a network.
    if client == Client::Builtin {
        bench.client = Some(Arc::new(Builtin::new(bench.pkis.clone())));
    }
    Ok(bench)
}
