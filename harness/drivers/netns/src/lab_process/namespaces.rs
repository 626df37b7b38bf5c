//! The namespaces of a lab.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use simulated::kernel::namespace::Namespace;
use testbed::BenchError;

/// The namespaces of a lab by the names of its hosts and devices.
#[derive(Debug, Default)]
pub(super) struct Namespaces(BTreeMap<String, Namespace>);

impl Namespaces {
    /// Adds that of a host or device.
    pub(super) fn insert(&mut self, name: &str, namespace: Namespace) {
        self.0.insert(name.to_owned(), namespace);
    }

    /// The namespace of a host or device of the lab.
    ///
    /// # Errors
    /// When there is none of that name.
    pub(super) fn of(&self, name: &str) -> Result<&Namespace, BenchError> {
        let reason = || format!("`{name}` is no host of the lab");
        self.0.get(name).ok_or_else(|| BenchError::Network { reason: reason() })
    }

    /// The numbers of their descriptors in this process.
    pub(super) fn descriptors(&self) -> BTreeMap<String, RawFd> {
        self.0.iter().map(|(name, namespace)| (name.clone(), namespace.descriptor())).collect()
    }
}
