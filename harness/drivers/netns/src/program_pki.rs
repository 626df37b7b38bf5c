//! A server program in a lab process as a PKI: it has no control API, so all there is of it is its output and its end.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use simulated::channel::Channel;
use simulated::control::{Ask, Reply};
use simulated::exit::ExitWatcher;
use testbed::pki::Pki;

/// How long the lab process may take for an answer.
const LIMIT: Duration = Duration::from_secs(30);

/// The server program that a host runs.
pub(super) struct ProgramPki {
    host: String,
    channel: Arc<Channel>,
}

impl ProgramPki {
    /// The program of that host.
    pub(super) fn new(host: &str, channel: Arc<Channel>) -> Self {
        Self { host: host.to_owned(), channel }
    }
}

#[async_trait]
impl Pki for ProgramPki {
    async fn log(&self) -> Vec<String> {
        match self.channel.ask(Ask::ReadOutput(self.host.clone()), LIMIT).await {
            Ok(Reply::Output(lines)) => lines,
            Ok(_) => vec!["the lab process gave an answer that fits no question".to_owned()],
            Err(lost) => vec![lost.to_string()],
        }
    }

    async fn broken(&self) -> String {
        self.channel.broken(&self.host).await
    }
}
