//! The PKIs of a process of a lab, and the questions about them, each answered when its answer is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::{PkiQuestion, answer};
use crate::control::{Reply, Speaker, Told};
use testbed::pki::{Pki, PkiError};

/// Questions about PKIs that are answered at a time.
const UNDER_WAY: usize = 64;

/// PKIs by name.
pub type Pkis = BTreeMap<String, Arc<dyn Pki>>;

/// Takes questions about PKIs.
pub struct Desk {
    pkis: Pkis,
    room: Arc<Semaphore>,
    speaker: Speaker,
}

impl Desk {
    /// Says the answers there; as yet there are no PKIs.
    pub fn new(speaker: Speaker) -> Self {
        Self { pkis: Pkis::new(), room: Arc::new(Semaphore::new(UNDER_WAY)), speaker }
    }

    /// Takes questions about these from here on.
    pub fn open(&mut self, pkis: Pkis) {
        self.pkis = pkis;
    }

    /// Takes a question, as soon as there is room for one more.
    pub async fn take(&self, id: u64, pki: &str, question: PkiQuestion) {
        // Never closed.
        let Ok(room) = Arc::clone(&self.room).acquire_owned().await else { return };
        let (pki, speaker) = (self.find(pki), self.speaker.clone());
        // Nobody else is to wait for what a PKI takes its time for.
        tokio::spawn(async move {
            let answer = match pki {
                Ok(pki) => answer(pki.as_ref(), question).await,
                Err(error) => Err(error),
            };
            drop(room);
            let _ = speaker.send(Told::Reply { id, reply: Reply::Pki(answer) });
        });
    }

    fn find(&self, name: &str) -> Result<Arc<dyn Pki>, PkiError> {
        let reason = || format!("there is no PKI `{name}` here");
        self.pkis.get(name).cloned().ok_or_else(|| PkiError::Broken { reason: reason() })
    }
}
