//! The way to a PKI in a lab process: the control channel.

use std::sync::Arc;

use async_trait::async_trait;

use super::channel::Channel;
use crate::control::{Ask, Reply};
use crate::remote_pki::{PkiAnswer, PkiLine, PkiQuestion};
use testbed::pki::PkiError;

/// Asks about a PKI by way of its lab process.
pub struct LabPkiLine {
    name: String,
    channel: Arc<Channel>,
}

impl LabPkiLine {
    /// To the PKI of that name.
    pub fn new(name: &str, channel: Arc<Channel>) -> Self {
        Self { name: name.to_owned(), channel }
    }
}

#[async_trait]
impl PkiLine for LabPkiLine {
    async fn ask(&self, question: PkiQuestion) -> Result<PkiAnswer, PkiError> {
        let limit = question.limit();
        let ask = Ask::Pki { pki: self.name.clone(), question };
        match self.channel.ask(ask, limit).await {
            Ok(Reply::Pki(answer)) => answer,
            Ok(_) => {
                let reason = "the lab process gave an answer that fits no question".to_owned();
                Err(PkiError::Broken { reason })
            }
            Err(lost) => Err(PkiError::Broken { reason: lost.to_string() }),
        }
    }

    async fn broken(&self) -> String {
        self.channel.broken(&self.name).await
    }
}
