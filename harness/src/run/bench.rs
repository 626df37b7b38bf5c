//! A lab as it was built: devices and PKIs behind their seams.

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use thiserror::Error;

use crate::device::Device;
use crate::pki::Pki;

/// How a lab is built.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Driver {
    /// Everything in this process; no socket, no privilege.
    #[default]
    Virtual,
}

impl fmt::Display for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Virtual => f.write_str("virtual"),
        }
    }
}

/// A built lab, by the names of the lab file; dropping it takes the lab down.
#[derive(Default)]
pub struct Bench {
    /// The devices under test.
    pub devices: BTreeMap<String, Arc<dyn Device>>,
    /// The PKIs.
    pub pkis: BTreeMap<String, Arc<dyn Pki>>,
    /// What must live as long as the lab: links, listeners, containers.
    pub resources: Vec<Box<dyn Any + Send + Sync>>,
}

impl fmt::Debug for Bench {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bench")
            .field("devices", &self.devices.keys())
            .field("pkis", &self.pkis.keys())
            .finish_non_exhaustive()
    }
}

/// Why a lab could not be built.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BenchError {
    /// The driver cannot build this kind of lab; the scenario is skipped with this reason.
    #[error("driver `{driver}` does not support {what}")]
    NotSupported {
        /// The driver that was asked for.
        driver: Driver,
        /// What it lacks.
        what: String,
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
