//! Notices a server that is replaced by another one during the run: its CA has another certificate.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use scep::certificate::Fingerprint;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::discovery::ca_of;
use results::{Breakage, Outcome, Verdict};
use runner::Event;
use testbed::pki::ScepService;

/// The certificates of the CA as they were before the run, and what they tell about failures.
pub(super) struct Identity<'a> {
    pki: &'a dyn ScepService,
    before: &'a [Fingerprint],
    /// The cases that failed while the CA was still the same.
    confirmed: Mutex<BTreeSet<String>>,
}

impl<'a> Identity<'a> {
    pub(super) fn new(pki: &'a dyn ScepService, before: &'a [Fingerprint]) -> Self {
        Self { pki, before, confirmed: Mutex::default() }
    }

    /// Fetches the certificates again after each of these failed cases, until they are others; returns what changed.
    pub(super) async fn changed(&self, mut failed: UnboundedReceiver<String>) -> String {
        while let Some(case) = failed.recv().await {
            if let Some(change) = self.change().await {
                return format!("{change} during `{case}`");
            }
            self.confirmed.lock().insert(case);
        }
        std::future::pending().await
    }

    /// Compares the certificates after the last case.
    pub(super) async fn changed_at_last(&self) -> Option<String> {
        Some(format!("{} during the run", self.change().await?))
    }

    async fn change(&self) -> Option<String> {
        if self.before.is_empty() {
            return None;
        }
        let now = ca_of(self.pki).await?;
        (now != self.before).then(|| {
            format!("the CA's certificate changed from {} to {}", shown(self.before), shown(&now))
        })
    }

    /// Takes back the failures that were not confirmed: another server may have caused them.
    pub(super) fn take_back(&self, outcome: &mut Outcome, change: &str) {
        let confirmed = self.confirmed.lock();
        for one in &mut outcome.scenarios {
            if matches!(one.verdict, Verdict::Failed(_)) && !confirmed.contains(&one.id) {
                let reason = Breakage { ends_run: true, ..Breakage::new(change) };
                one.verdict = Verdict::LabBroke { reason };
            }
        }
    }
}

/// A queue of the ids of failed cases, and what fills it.
pub(super) fn failures() -> (impl Fn(&Event<'_>), UnboundedReceiver<String>) {
    let (sender, receiver): (UnboundedSender<String>, _) = unbounded_channel();
    let note = move |event: &Event<'_>| {
        if let Event::Finished(one) = event
            && matches!(one.verdict, Verdict::Failed(_))
        {
            // Nobody listens after the end of the run.
            let _ = sender.send(one.id.clone());
        }
    };
    (note, receiver)
}

fn shown(fingerprints: &[Fingerprint]) -> String {
    let each = fingerprints.iter().map(|one| format!("SHA-256 {one}"));
    each.collect::<Vec<_>>().join(", ")
}
