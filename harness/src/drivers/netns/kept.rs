//! Labs that stand on after their scenarios.

use std::sync::{Mutex, PoisonError};

use super::process::LabProcess;
use crate::drivers::KeptLab;

/// Those of this process.
static KEPT: Mutex<Vec<LabProcess>> = Mutex::new(Vec::new());

/// Lets a lab stand on.
pub(super) fn keep(lab: LabProcess) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(lab);
}

/// What is known of them.
pub(in crate::drivers) fn kept() -> Vec<KeptLab> {
    let labs = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    let told = |lab: &LabProcess| KeptLab {
        id: lab.id().to_owned(),
        hosts: lab.hosts().to_vec(),
        hidden: lab.hidden().map(str::to_owned),
    };
    labs.iter().map(told).collect()
}

/// Ends them, and waits until nothing is left of them.
pub(in crate::drivers) async fn end_kept() {
    let labs = std::mem::take(&mut *KEPT.lock().unwrap_or_else(PoisonError::into_inner));
    for lab in &labs {
        lab.tell_to_end();
    }
    for lab in labs {
        lab.end().await;
    }
}
