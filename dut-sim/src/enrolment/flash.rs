//! The flash of a device: what is left of a certificate request after a power cut.
//!
//! The device writes to it at these points, and goes on only after the write: when it has made a key, before it sends a request, when the CA
//! has not decided, when a certificate is issued or the enrolment has failed, and when it learns of the next CA or begins a try of a
//! renewal. A write is whole or not there at all, as files are that are renamed into place.

use std::time::Duration;

use openssl::pkey::{PKey, Private};
use openssl::x509::X509;
use parking_lot::Mutex;
use scep::client::{CaCertificates, PendingRequest};
use scep::identity::Identity;
use tokio::time::sleep;

use super::progress::NextCa;

/// The part of the flash that belongs to one certificate request.
pub(super) struct Flash {
    contents: Mutex<Contents>,
    write_time: Duration,
}

/// What the flash has about one request.
#[derive(Clone, Default)]
pub(super) struct Contents {
    pub(super) ca: Option<CaCertificates>,
    /// The certificate with its key.
    pub(super) identity: Option<Identity>,
    pub(super) next_ca: Option<NextCa>,
    /// The certificates of CAs that the one before announced.
    pub(super) announced: Vec<X509>,
    /// An enrolment or a renewal under way.
    pub(super) kept: Option<Kept>,
    /// Tries to renew the certificate since it is due.
    pub(super) tries: u32,
}

/// What a device keeps of an enrolment or a renewal under way.
#[derive(Clone)]
pub(super) struct Kept {
    /// The key to be certified, from which its transaction id is made.
    pub(super) key: PKey<Private>,
    /// The request that the CA has or may have.
    pub(super) request: Option<PendingRequest>,
}

impl Flash {
    /// A flash with these contents, in which each write takes so long.
    pub(super) fn with(contents: Contents, write_time: Duration) -> Self {
        Self { contents: Mutex::new(contents), write_time }
    }

    /// Changes the contents. If the future is dropped before its end, because the power is cut, they are the old ones.
    pub(super) async fn write(&self, change: impl FnOnce(&mut Contents)) {
        if !self.write_time.is_zero() {
            sleep(self.write_time).await;
        }
        change(&mut self.contents.lock());
    }

    /// Replaces the contents before a restart, for which the device has time.
    pub(super) fn replace(&self, contents: Contents) {
        *self.contents.lock() = contents;
    }

    /// The contents.
    pub(super) fn contents(&self) -> Contents {
        self.contents.lock().clone()
    }
}
