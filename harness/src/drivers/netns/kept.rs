//! Labs that stand on after their scenarios.

use std::sync::{Mutex, PoisonError};

use super::process::LabProcess;

/// Those of this process.
static KEPT: Mutex<Vec<LabProcess>> = Mutex::new(Vec::new());

/// Lets a lab stand on.
pub(super) fn keep(lab: LabProcess) {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner).push(lab);
}

/// Their ids, and the names of what can be entered in each.
pub(in crate::drivers) fn kept() -> Vec<(String, Vec<String>)> {
    let labs = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    labs.iter().map(|lab| (lab.id().to_owned(), lab.hosts().to_vec())).collect()
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
