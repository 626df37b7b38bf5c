//! A lab as it was built: devices and PKIs behind their seams.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use results::Received;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DriverName;
use crate::device::Device;
use crate::pki::Pki;
use model::lab::Secret;

/// A built lab, by the names of the lab file; dropping it takes the lab down.
///
/// [`Testbed::close`] takes it down and waits until nothing of it is left.
#[derive(Default)]
pub struct Testbed {
    /// The devices under test.
    pub devices: BTreeMap<String, Arc<dyn Device>>,
    /// The PKIs.
    pub pkis: BTreeMap<String, Arc<dyn Pki>>,
    /// The client under test, where there is one.
    pub client: Option<Arc<dyn crate::client::Client>>,
    /// What must live as long as the lab: links, listeners, containers.
    pub resources: Vec<Box<dyn Resource>>,
    /// Where the keys come from that steps of SCEP let certify.
    pub keys: KeySupply,
    /// The subject that they ask for where they name none, `{n}` standing for a number that is different each time.
    pub subject: Option<String>,
    /// Where it is noted what was issued to them.
    pub received: ReceivedLog,
    /// What nobody may see beside the secrets of the lab file: passwords that come from elsewhere.
    pub secrets: Vec<Secret>,
}

/// Where the keys to be certified come from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KeySupply {
    /// Each scenario makes its own, for a real PKI may not certify a key twice.
    #[default]
    Fresh,
    /// Those of one name are the same in all scenarios of this process, for a mock CA does not mind, and making keys takes
    /// most of the time.
    Shared,
}

/// Something that lives as long as a lab.
#[async_trait]
pub trait Resource: Send + Sync {
    /// Ends it, and waits until nothing of it is left; whoever is only dropped ends as well, and is not waited for.
    async fn close(self: Box<Self>) {}

    /// Waits until something of it that is neither a device nor a PKI breaks by itself, and tells what; for ever where
    /// nothing does.
    async fn broken(&self) -> String {
        std::future::pending().await
    }
}

impl Testbed {
    /// Takes the lab down and waits until nothing of it is left.
    pub async fn close(self) {
        let Self { devices, pkis, client, resources, .. } = self;
        drop((devices, pkis, client));
        for resource in resources {
            resource.close().await;
        }
    }

    /// Waits until something of the lab breaks by itself, and tells what; for ever where nothing does.
    pub async fn broken(&self) -> String {
        let mut all: FuturesUnordered<BoxFuture<'_, String>> = FuturesUnordered::new();
        for (name, device) in &self.devices {
            all.push(
                device.broken().map(move |reason| format!("device `{name}`: {reason}")).boxed(),
            );
        }
        for (name, pki) in &self.pkis {
            all.push(pki.broken().map(move |reason| format!("pki `{name}`: {reason}")).boxed());
        }
        all.extend(self.resources.iter().map(|resource| resource.broken()));
        match all.next().await {
            Some(broken) => broken,
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Testbed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Testbed")
            .field("devices", &self.devices.keys())
            .field("pkis", &self.pkis.keys())
            .finish_non_exhaustive()
    }
}

/// Why a lab could not be built.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum TestbedError {
    /// The driver cannot build this kind of lab; the scenario is skipped with this reason.
    #[error("driver `{driver}` does not support {what}")]
    NotSupported {
        /// The driver that was asked for.
        driver: DriverName,
        /// What it lacks.
        what: String,
    },
    /// A program that the lab needs is not installed; the scenario is skipped with this reason.
    #[error("{program} is not installed ({origin})")]
    NotInstalled {
        /// The program, as it is known: "strongSwan's `pki`".
        program: String,
        /// Where it can be had: "package `strongswan-pki`", which is Debian's.
        origin: String,
    },
    /// The operating system does not allow what the driver needs.
    #[error("driver `{driver}`: {reason}")]
    NotPermitted {
        /// The driver that was asked for.
        driver: DriverName,
        /// What is not allowed, and what would allow it.
        reason: String,
    },
    /// There is no Docker engine to work with.
    #[error("{reason}")]
    NoEngine {
        /// What is in the way, and what would help.
        reason: String,
    },
    /// A Docker engine could not do what it was asked.
    #[error("docker: {reason}")]
    Engine {
        /// What was asked, what came, what it means, and what to do next.
        reason: String,
    },
    /// A device could not be started.
    #[error("device `{name}`: {reason}")]
    Device {
        /// Its name in the lab file.
        name: String,
        /// What happened.
        reason: String,
    },
    /// A PKI could not be started.
    #[error("pki `{name}`: {reason}")]
    Pki {
        /// Its name in the lab file.
        name: String,
        /// What happened.
        reason: String,
    },
    /// The links or hosts could not be made.
    #[error("network: {reason}")]
    Network {
        /// What happened.
        reason: String,
    },
}

/// The certificates that steps of SCEP asked for in the scenarios of a run, noted as they do: a scenario that is cut short has cost them
/// all the same. Clones share the log.
#[derive(Debug, Clone, Default)]
pub struct ReceivedLog(Arc<Mutex<Vec<Option<Received>>>>);

impl ReceivedLog {
    /// Notes that a certificate is about to be asked for; the number is that of its entry.
    pub fn begin(&self, received: Received) -> usize {
        let mut entries = self.0.lock();
        entries.push(Some(received));
        entries.len() - 1
    }

    /// Notes what came of an entry; nothing if no certificate was issued.
    pub fn settle(&self, entry: usize, received: Option<Received>) {
        if let Some(noted) = self.0.lock().get_mut(entry) {
            *noted = received;
        }
    }

    /// All that was noted, in its order.
    pub fn entries(&self) -> Vec<Received> {
        self.0.lock().iter().flatten().cloned().collect()
    }
}
