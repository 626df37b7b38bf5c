//! A mock CA that does not answer SUCCESS or PENDING has issued nothing: over all cases and all mutations.

use std::num::NonZeroUsize;
use std::sync::Arc;

use async_trait::async_trait;
use driver_virtual::Virtual;
use mock_ca::PersonalityName;
use model::lab::{Lab, Secret};
use model::scenario::Scenario;
use model::scenario::scep::Mutation;
use parking_lot::Mutex;
use runner::run_all;
use scep::attribute::PkiStatus;
use scep::http::HttpRequest;
use scep::message::Message;
use testbed::pki::{Decision, Exchanged, IssuedCertificate, Pki, PkiError, ScepService};
use testbed::{Driver, Testbed, TestbedError};

use super::{cases, mutations};

/// A driver that watches the PKIs of the virtual lab.
struct Watching {
    virtual_lab: Virtual,
    seen: Arc<Mutex<Seen>>,
}

#[derive(Default)]
struct Seen {
    /// Number of answers that were neither SUCCESS nor PENDING.
    refusals: usize,
    /// The answers at which a certificate was issued all the same.
    wrong: Vec<String>,
}

struct Watched {
    name: String,
    pki: Arc<dyn Pki>,
    seen: Arc<Mutex<Seen>>,
}

#[async_trait]
impl Driver for Watching {
    async fn build(&self, lab: &Lab, name: &str) -> Result<Testbed, TestbedError> {
        let mut testbed = self.virtual_lab.build(lab, name).await?;
        for pki in testbed.pkis.values_mut() {
            let seen = Arc::clone(&self.seen);
            *pki = Arc::new(Watched { name: name.to_owned(), pki: Arc::clone(pki), seen });
        }
        Ok(testbed)
    }
}

#[async_trait]
impl Pki for Watched {
    async fn approve(&self) -> Result<Decision, PkiError> {
        self.pki.approve().await
    }

    async fn deny(&self) -> Result<Decision, PkiError> {
        self.pki.deny().await
    }

    fn scep(&self) -> Result<&dyn ScepService, PkiError> {
        Ok(self)
    }

    async fn issued(&self) -> Result<Vec<IssuedCertificate>, PkiError> {
        self.pki.issued().await
    }
}

#[async_trait]
impl ScepService for Watched {
    async fn exchange(&self, request: &HttpRequest, suffix: &str) -> Result<Exchanged, PkiError> {
        let before = self.pki.issued().await?;
        let exchanged = self.pki.scep()?.exchange(request, suffix).await?;
        let after = self.pki.issued().await?;
        let status = status(&exchanged);
        if !matches!(status, Some(PkiStatus::Success | PkiStatus::Pending)) {
            let mut seen = self.seen.lock();
            seen.refusals += 1;
            if before != after {
                seen.wrong.push(format!("{}: {status:?}: {exchanged:?}", self.name));
            }
        }
        Ok(exchanged)
    }

    async fn asks_for_challenge(&self) -> Result<bool, PkiError> {
        self.pki.scep()?.asks_for_challenge().await
    }

    async fn challenge(&self, expendable: bool) -> Result<Option<Secret>, PkiError> {
        self.pki.scep()?.challenge(expendable).await
    }
}

fn status(exchanged: &Exchanged) -> Option<PkiStatus> {
    let Exchanged::Answered(response) = exchanged else { return None };
    let message = Message::parse(&response.body).ok()?;
    message.attributes().pki_status().ok()
}

fn at(personality: PersonalityName, mut scenario: Scenario) -> Scenario {
    for pki in scenario.lab.pkis.values_mut() {
        pki.personality = personality;
    }
    scenario
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_request_issues_nothing() {
    for personality in PersonalityName::ALL.iter().copied() {
        let mutated = Mutation::ALL.iter().copied().map(mutations::scenario);
        let scenarios = cases("server").into_iter().chain(mutated);
        let scenarios = scenarios.map(|scenario| at(personality, scenario)).collect();
        let seen = Arc::default();
        let driver: Arc<dyn Driver> =
            Arc::new(Watching { virtual_lab: Virtual::default(), seen: Arc::clone(&seen) });
        let at_once = NonZeroUsize::new(8).unwrap();
        run_all(&driver, scenarios, at_once, std::future::pending(), |_| {}).await;
        let seen = seen.lock();
        assert!(seen.refusals > 60, "{personality}: {} refusals", seen.refusals);
        assert!(seen.wrong.is_empty(), "{personality}: {}", seen.wrong.join("\n"));
    }
}
