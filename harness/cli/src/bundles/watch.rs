//! Takes from a lab, when it is closed, what only a living lab can tell: its keys and its logs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ::bundle::Key;
use async_trait::async_trait;
use model::lab::{Lab, Secret};
use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use parking_lot::Mutex;
use testbed::device::Device;
use testbed::pki::Pki;
use testbed::{Driver, KeyStore, Remains, Resource, Testbed, TestbedError};

/// How long a part of a lab may take to tell something.
const LIMIT: Duration = Duration::from_secs(5);

/// What is left of a lab.
pub(super) struct Remnant {
    /// The moment that its clock showed when it was built.
    pub(super) began: SystemTime,
    /// The keys of its PKIs.
    pub(super) keys: Vec<Key>,
    /// The keys of its clients.
    pub(super) client_keys: Vec<PKey<Private>>,
    /// The certificates that its PKIs issued.
    pub(super) issued: Vec<X509>,
    /// The keys that are not there, and why, in sentences.
    pub(super) missing: Vec<String>,
    /// The logs by their source.
    pub(super) logs: Vec<(String, Vec<String>)>,
    /// Passwords that came from elsewhere than the files.
    pub(super) secrets: Vec<Secret>,
}

/// What is left of the labs of a run, by id: of those that ran twice, that of the last time. Clones share it.
#[derive(Clone, Default)]
pub(super) struct Remnants(Arc<Mutex<BTreeMap<String, Remnant>>>);

impl Remnants {
    pub(super) fn take(&self, id: &str) -> Option<Remnant> {
        self.0.lock().remove(id)
    }
}

/// A driver whose labs leave something.
pub(super) struct Watched {
    driver: Arc<dyn Driver>,
    remnants: Remnants,
}

impl Watched {
    pub(super) fn new(driver: Arc<dyn Driver>, remnants: Remnants) -> Self {
        Self { driver, remnants }
    }
}

#[async_trait]
impl Driver for Watched {
    async fn probe(&self) -> Result<(), TestbedError> {
        self.driver.probe().await
    }

    async fn build(&self, lab: &Lab, id: &str) -> Result<Testbed, TestbedError> {
        let mut testbed = self.driver.build(lab, id).await?;
        let watch = Watch {
            id: id.to_owned(),
            remnants: self.remnants.clone(),
            began: testbed.clock.now(),
            pkis: testbed.pkis.clone(),
            devices: testbed.devices.clone(),
            store: testbed.keys.clone(),
            // The client of a lab with devices is theirs.
            has_client: testbed.client.is_some() && testbed.devices.is_empty(),
            secrets: testbed.secrets.clone(),
        };
        // Before anything of the lab is closed.
        testbed.resources.insert(0, Box::new(watch));
        Ok(testbed)
    }

    fn has_lab_time(&self) -> bool {
        self.driver.has_lab_time()
    }

    fn exclusive(&self, lab: &Lab) -> BTreeSet<String> {
        self.driver.exclusive(lab)
    }

    fn remains(&self) -> Remains {
        self.driver.remains()
    }

    async fn settle(&self) -> Remains {
        self.driver.settle().await
    }
}

/// A lab that is watched.
struct Watch {
    id: String,
    remnants: Remnants,
    began: SystemTime,
    pkis: BTreeMap<String, Arc<dyn Pki>>,
    devices: BTreeMap<String, Arc<dyn Device>>,
    store: KeyStore,
    has_client: bool,
    secrets: Vec<Secret>,
}

#[async_trait]
impl Resource for Watch {
    async fn close(self: Box<Self>) {
        let remnant = self.remnant().await;
        self.remnants.0.lock().insert(self.id.clone(), remnant);
    }
}

impl Watch {
    async fn remnant(&self) -> Remnant {
        let mut remnant = Remnant {
            began: self.began,
            keys: Vec::new(),
            client_keys: self.store.known(),
            issued: Vec::new(),
            missing: Vec::new(),
            logs: Vec::new(),
            secrets: self.secrets.clone(),
        };
        for (name, pki) in &self.pkis {
            remnant.add_pki(name, &**pki).await;
        }
        for (name, device) in &self.devices {
            remnant.add_device(name, &**device).await;
        }
        if self.has_client && remnant.client_keys.is_empty() {
            let why = "the key of the client under test is not there: it is the client's own";
            remnant.missing.push(why.to_owned());
        }
        remnant
    }
}

impl Remnant {
    async fn add_pki(&mut self, name: &str, pki: &dyn Pki) {
        match within_limit(pki.keys()).await {
            Some(Ok(keys)) => {
                let key = |(role, identity)| Key { pki: Some(name.to_owned()), role, identity };
                self.keys.extend(keys.into_iter().map(key));
                // A real PKI may have issued any number.
                let issued = within_limit(pki.issued()).await.and_then(Result::ok);
                let issued = issued.unwrap_or_default().into_iter();
                self.issued.extend(issued.filter_map(|it| X509::from_der(&it.der?).ok()));
            }
            Some(Err(error)) => {
                self.missing.push(format!("the keys of the PKI `{name}` are not there: {error}"));
            }
            None => self.missing.push(format!(
                "the keys of the PKI `{name}` are not there: it did not tell them in time"
            )),
        }
        let log = within_limit(pki.log()).await.unwrap_or_default();
        self.add_log(&format!("pki-{name}"), log);
    }

    async fn add_device(&mut self, name: &str, device: &dyn Device) {
        match within_limit(device.keys()).await {
            Some(Ok(keys)) => self.client_keys.extend(keys),
            Some(Err(error)) => {
                self.missing
                    .push(format!("the keys of the device `{name}` are not there: {error}"));
            }
            None => self.missing.push(format!(
                "the keys of the device `{name}` are not there: it did not tell them in time"
            )),
        }
        let log = within_limit(device.protocol_log()).await.unwrap_or_default();
        self.add_log(&format!("device-{name}"), log);
    }

    fn add_log(&mut self, source: &str, lines: Vec<String>) {
        if !lines.is_empty() {
            self.logs.push((source.to_owned(), lines));
        }
    }
}

async fn within_limit<T>(told: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(LIMIT, told).await.ok()
}
