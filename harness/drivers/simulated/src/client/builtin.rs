//! The project's own client as the client under test.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use scep::client::Settings;
use tokio::time::timeout;

use super::enrolment::{Enrolment, Polling, new_key};
use super::files::Files;
use super::files::fingerprint_of;
use testbed::client::{Client, ClientEnd, ClientOrder, ClientRun};
use testbed::pki::Pki;

/// The pause before each CertPoll: who is tested knows how long the CA waits.
const PAUSE: Duration = Duration::from_millis(50);

/// `scep::client`, which reaches the PKIs of a lab through their seam.
pub struct Builtin {
    pkis: BTreeMap<String, Arc<dyn Pki>>,
}

impl Builtin {
    /// A client that finds these PKIs by the URLs they tell.
    pub fn new(pkis: BTreeMap<String, Arc<dyn Pki>>) -> Self {
        Self { pkis }
    }

    async fn pki_at(&self, url: &str) -> Option<&dyn Pki> {
        for pki in self.pkis.values() {
            if pki.url().await.is_ok_and(|its| its == url) {
                return Some(pki.as_ref());
            }
        }
        None
    }

    async fn try_to_enrol(&self, order: &ClientOrder) -> Result<String, String> {
        let pki = self.pki_at(&order.url).await;
        let pki = pki.ok_or_else(|| format!("there is no PKI at `{}`", order.url))?;
        let files = Files::in_folder(&order.folder);
        let key = new_key().await?;
        let existing = files.identity().map_err(|error| error.to_string())?;
        // A renewal is authorised by the certificate that signs it (RFC 8894 §2.4).
        let challenge = order.challenge.as_ref().filter(|_| existing.is_none());
        let settings = Settings {
            challenge: challenge.cloned(),
            ca_fingerprint: Some(fingerprint_of(&order.ca)?.octets().to_vec()),
            existing,
            ..Settings::new(key.clone(), subject()?)
        };
        let polling = Polling { pause: PAUSE, within: order.limit };
        let enrolment = Enrolment { pki, settings, polling };
        let enrolled = enrolment.run().await.map_err(|error| error.to_string())?;
        files.write(&key, &enrolled).map_err(|error| error.to_string())?;
        Ok(format!(
            "has the certificate {}",
            scep::name::to_text(enrolled.certificate.subject_name())
        ))
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
                (ClientEnd::Failed { how }, vec![reason])
            }
            Err(_) => (ClientEnd::Overdue { limit: order.limit }, Vec::new()),
        };
        ClientRun { end, output, elapsed: start.elapsed() }
    }
}

fn subject() -> Result<openssl::x509::X509Name, String> {
    scep::name::parse("CN=sceplab client").map_err(|error| error.to_string())
}
