//! SCEP clients under test: the built-in one, and any program.

mod command;
mod enrolment;
mod files;
mod placeholder;

use std::collections::BTreeMap;
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use scep::certificate::is_valid;
use scep::client::Settings;
use scep::clock::Clock;
use scep::key::KeyKind;
use scep::name;
use tokio::time::{Instant, timeout};

pub use self::command::{Command, CommandError};
pub use self::enrolment::{
    Enrolled, EnrolmentError, KeyError, Pending, Polling, Remark, enrol, new_key,
};
pub use self::files::{Files, FilesError, NotInPlace, PreparedFiles, fingerprint_of};
use testbed::KeyStore;
use testbed::client::{Client, ClientEnd, ClientOrder, ClientRun};
use testbed::pki::Pki;

/// The pause before each CertPoll. It is short because a user who tests a PKI knows how long the CA takes to decide.
const PAUSE: Duration = Duration::from_millis(50);

/// `scep::client`, which calls the PKIs of a lab directly.
pub struct Builtin {
    pkis: BTreeMap<String, Arc<dyn Pki>>,
    clock: Clock,
    keys: KeyStore,
    enrolments: AtomicUsize,
}

impl Builtin {
    /// A client that finds these PKIs by their URLs. Each of its enrolments has another key of `keys`, and so the same key as that
    /// enrolment of the client in another lab: making one takes longer than all the rest, and no client is tested by it.
    pub fn new(pkis: BTreeMap<String, Arc<dyn Pki>>, clock: Clock, keys: KeyStore) -> Self {
        Self { pkis, clock, keys, enrolments: AtomicUsize::new(1) }
    }

    async fn pki_at(&self, url: &str) -> Option<&dyn Pki> {
        for pki in self.pkis.values() {
            if pki.url().await.is_ok_and(|its| its == url) {
                return Some(pki.as_ref());
            }
        }
        None
    }

    async fn try_to_enrol(
        &self,
        order: &ClientOrder,
    ) -> Result<String, Box<dyn Error + Send + Sync>> {
        let pki = self.pki_at(&order.url).await;
        let pki = pki.ok_or_else(|| format!("there is no PKI at `{}`", order.url))?;
        let subject = name::parse("CN=sceplab client")?;
        let files = Files::in_folder(&order.folder);
        let number = self.enrolments.fetch_add(1, Ordering::Relaxed);
        let key =
            self.keys.key(&format!("enrolment {number} of the client"), KeyKind::default()).await?;
        // What an expired certificate has signed is refused (RFC 8894 §2.3): that is a first request again.
        let now = self.clock.now();
        let existing = files.identity()?.filter(|it| is_valid(&it.certificate, now));
        let prepared = files.prepare(&key)?;
        // A renewal is authorised by the certificate that signs it (RFC 8894 §2.4).
        let challenge = order.challenge.as_ref().filter(|_| existing.is_none());
        let settings = Settings {
            challenge: challenge.cloned(),
            ca_fingerprint: Some(fingerprint_of(&order.ca)?.octets().to_vec()),
            existing,
            ..Settings::new(key.clone(), subject)
        };
        let polling = Polling { pause: PAUSE, within: order.limit };
        let enrolled = enrol(pki.scep()?, settings, polling, &self.clock, |_| ()).await?;
        prepared.put_in_place(&enrolled)?;
        let subject = name::to_text(enrolled.certificate.subject_name());
        Ok(format!("has the certificate {subject}"))
    }
}

#[async_trait]
impl Client for Builtin {
    fn name(&self) -> String {
        "the built-in client".to_owned()
    }

    async fn enrol(&self, order: &ClientOrder) -> ClientRun {
        let start = Instant::now();
        let (end, output) = match timeout(order.limit, self.try_to_enrol(order)).await {
            Ok(Ok(words)) => (ClientEnd::Succeeded, vec![words]),
            Ok(Err(reason)) => {
                let how = "it ended without a certificate".to_owned();
                (ClientEnd::Failed { how }, vec![reason.to_string()])
            }
            Err(_) => (ClientEnd::Overdue { limit: order.limit }, Vec::new()),
        };
        ClientRun { end, output, errors: Vec::new(), elapsed: start.elapsed() }
    }
}
