//! A lab that a driver has built: devices and PKIs behind their contracts.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::future::{BoxFuture, FutureExt};
use futures_util::stream::{FuturesUnordered, StreamExt};
use parking_lot::Mutex;
use results::Received;
use scep::clock::{Clock, Stopwatch};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::DriverName;
use crate::device::Device;
use crate::keys::KeyStore;
use crate::pki::Pki;
use model::lab::Secret;

/// A built lab. Devices and PKIs have the names of the lab file. Dropping it takes the lab down.
///
/// [`Testbed::close`] also waits until nothing of it is left.
#[derive(Default)]
pub struct Testbed {
    /// The devices under test.
    pub devices: BTreeMap<String, Arc<dyn Device>>,
    /// The PKIs.
    pub pkis: BTreeMap<String, Arc<dyn Pki>>,
    /// The client under test, if any.
    pub client: Option<Arc<dyn crate::client::Client>>,
    /// Parts that must live as long as the lab: links, listeners, containers.
    pub resources: Vec<Box<dyn Resource>>,
    /// The links of the lab, if they can be taken down.
    pub links: Option<Arc<dyn crate::links::Links>>,
    /// What is exchanged with the PKIs, if it can be seen.
    pub wire: Option<Arc<dyn crate::wire::Wire>>,
    /// The clock of the lab.
    pub clock: Clock,
    /// Measures the real time since that clock began, if it goes on as that of the system does.
    pub begun: Option<Stopwatch>,
    /// The keys that `scep` steps have certified.
    pub keys: KeyStore,
    /// Default subject of `scep` steps; `{n}` is replaced by a unique number.
    pub subject: Option<String>,
    /// Log of the certificates issued to `scep` steps.
    pub received: ReceivedLog,
    /// Secrets besides those of the lab file: passwords from other sources.
    pub secrets: Vec<Secret>,
}

/// A part of a lab that lives as long as the lab.
#[async_trait]
pub trait Resource: Send + Sync {
    /// Ends the part and waits until nothing of it is left. Dropping it ends it without waiting.
    async fn close(self: Box<Self>) {}

    /// Waits until a part that is neither a device nor a PKI breaks, and returns the reason; never returns if none does.
    async fn broken(&self) -> String {
        std::future::pending().await
    }
}

impl Testbed {
    /// Takes the lab down and waits until nothing of it is left.
    pub async fn close(self) {
        let Self { devices, pkis, client, links, wire, resources, .. } = self;
        drop((devices, pkis, client, links, wire));
        for resource in resources {
            resource.close().await;
        }
    }

    /// Waits until a part of the lab breaks, and returns the reason; never returns if none does.
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

/// The reason why a lab could not be built.
#[derive(Debug, Clone, PartialEq, Eq, Error, Serialize, Deserialize)]
pub enum TestbedError {
    /// The driver cannot build this kind of lab; the scenario is skipped with this reason.
    #[error("driver `{driver}` does not support {what}")]
    NotSupported {
        /// Name of the driver.
        driver: DriverName,
        /// The missing function.
        what: String,
    },
    /// A program that the lab needs is not installed; the scenario is skipped with this reason.
    #[error("{program} is not installed ({origin})")]
    NotInstalled {
        /// Name of the program: "strongSwan's `pki`".
        program: String,
        /// Source of the program: "package `strongswan-pki`", a Debian package.
        origin: String,
    },
    /// The operating system does not allow what the driver needs.
    #[error("driver `{driver}`: {reason}")]
    NotPermitted {
        /// Name of the driver.
        driver: DriverName,
        /// The missing permission, and how to get it.
        reason: String,
    },
    /// There is no usable Docker engine.
    #[error("{reason}")]
    NoEngine {
        /// The obstacle, and advice.
        reason: String,
    },
    /// A Docker engine reported an error.
    #[error("docker: {reason}")]
    Engine {
        /// The request, the answer, its meaning, and what to do.
        reason: String,
    },
    /// A device could not be started.
    #[error("device `{name}`: {reason}")]
    Device {
        /// Name in the lab file.
        name: String,
        /// Reason.
        reason: String,
    },
    /// A PKI could not be started.
    #[error("pki `{name}`: {reason}")]
    Pki {
        /// Name in the lab file.
        name: String,
        /// Reason.
        reason: String,
    },
    /// The links or hosts could not be made.
    #[error("network: {reason}")]
    Network {
        /// Reason.
        reason: String,
    },
}

/// Log of the certificates that `scep` steps asked for in a run. Entries are made before the request, because an aborted
/// scenario may have caused a certificate too. Clones share the log.
#[derive(Debug, Clone, Default)]
pub struct ReceivedLog(Arc<Mutex<Vec<Option<Received>>>>);

impl ReceivedLog {
    /// Adds a certificate that is about to be requested; returns the index of its entry.
    pub fn begin(&self, received: Received) -> usize {
        let mut entries = self.0.lock();
        entries.push(Some(received));
        entries.len() - 1
    }

    /// Completes an entry; removes it if no certificate was issued.
    pub fn settle(&self, entry: usize, received: Option<Received>) {
        if let Some(noted) = self.0.lock().get_mut(entry) {
            *noted = received;
        }
    }

    /// All entries in order.
    pub fn entries(&self) -> Vec<Received> {
        self.0.lock().iter().flatten().cloned().collect()
    }
}
