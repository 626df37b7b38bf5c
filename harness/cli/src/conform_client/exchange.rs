//! A plain exchange with a client.

use std::sync::Arc;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::wiring::Loopback;
use diagnostics::Diagnostic;
use model::scenario::Scenario;
use recording::Folder;
use results::ScenarioOutcome;
use runner::run_on;
use simulated::client::Command;
use testbed::client::{Client, ClientEnd, ClientOrder, ClientRun};
use testbed::pki::SeenRequest;
use testbed::{Driver, Testbed};

/// A plain exchange and what both ends say about it.
pub(super) struct Exchange {
    /// The result.
    pub(super) outcome: ScenarioOutcome,
    /// The run of the client, if it began.
    pub(super) run: Option<ClientRun>,
    /// The requests that came to the CA.
    pub(super) seen: Vec<SeenRequest>,
    /// True if the CA issued a certificate.
    pub(super) was_issued: bool,
    /// URL that the client was given.
    pub(super) url: String,
    /// The command as it was run, with its passwords masked.
    pub(super) command: Option<String>,
}

impl Exchange {
    /// Lets the client enrol at a CA without faults.
    ///
    /// # Errors
    /// If the CA cannot be started.
    pub(super) async fn run(
        scenario: &Scenario,
        client: &Arc<Command>,
        messages: Option<&Folder>,
    ) -> Result<Self, Diagnostic> {
        let watched = Arc::new(Watched {
            client: Arc::clone(client),
            run: Mutex::new(None),
            command: Mutex::new(None),
        });
        let loopback = Loopback::new(Arc::<Watched>::clone(&watched), messages.cloned());
        let testbed = loopback.build(&scenario.lab, &scenario.id).await;
        let testbed = testbed.map_err(|error| Diagnostic::general(error.to_string()))?;
        let outcome = run_on(scenario, &testbed).await;
        let mut exchange = Exchange {
            outcome,
            run: watched.run.lock().take(),
            seen: Vec::new(),
            was_issued: false,
            url: String::new(),
            command: watched.command.lock().take(),
        };
        exchange.ask_ca(&testbed).await;
        testbed.close().await;
        Ok(exchange)
    }

    /// True if the client was started, or the exchange ended before it could be.
    pub(super) fn has_run(&self) -> bool {
        !self.run.as_ref().is_some_and(|run| matches!(run.end, ClientEnd::NotRun { .. }))
    }

    async fn ask_ca(&mut self, testbed: &Testbed) {
        for pki in testbed.pkis.values() {
            self.seen = pki.seen().await.unwrap_or_default();
            self.was_issued = pki.issued().await.is_ok_and(|issued| !issued.is_empty());
            self.url = pki.url().await.unwrap_or_default();
        }
    }
}

/// A client that keeps the result of its last run.
struct Watched {
    client: Arc<Command>,
    run: Mutex<Option<ClientRun>>,
    command: Mutex<Option<String>>,
}

#[async_trait]
impl Client for Watched {
    fn name(&self) -> String {
        self.client.name()
    }

    async fn enrol(&self, order: &ClientOrder) -> ClientRun {
        *self.command.lock() = Some(self.client.shown_for(order));
        let run = self.client.enrol(order).await;
        *self.run.lock() = Some(run.clone());
        run
    }
}
