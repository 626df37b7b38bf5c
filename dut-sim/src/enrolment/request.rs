//! What the parts of the enrolment service share about one certificate request.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use openssl::pkey::{PKey, Private};
use parking_lot::Mutex;
use scep::client::PendingRequest;
use tokio::sync::Notify;

use super::EnrolmentContext;
use super::progress::Progress;
use crate::config::system::RenewalSettings;

/// One certificate request of the device.
pub(super) struct Request {
    pub(super) name: String,
    pub(super) context: Arc<EnrolmentContext>,
    pub(super) progress: Mutex<Progress>,
    /// The settings for renewals, which a commit changes without a new enrolment.
    pub(super) renewal: Mutex<RenewalSettings>,
    /// Tries to renew the certificate since it is due.
    pub(super) tries: AtomicU32,
    /// Ends the pause before the next poll.
    pub(super) poll: Notify,
    /// What an enrolment or a renewal under way goes on with after a restart.
    pub(super) kept: Mutex<Option<Kept>>,
}

/// What a device keeps of an enrolment or a renewal under way: in a real one it would be in the flash.
#[derive(Clone)]
pub(super) struct Kept {
    /// The key to be certified, from which its transaction id is made.
    pub(super) key: PKey<Private>,
    /// The request about which the CA has not decided.
    pub(super) pending: Option<PendingRequest>,
}

impl Request {
    pub(super) fn new(
        name: &str,
        context: &Arc<EnrolmentContext>,
        renewal: &RenewalSettings,
    ) -> Arc<Self> {
        Arc::new(Self {
            name: name.to_owned(),
            context: Arc::clone(context),
            progress: Mutex::default(),
            renewal: Mutex::new(renewal.clone()),
            tries: AtomicU32::default(),
            poll: Notify::new(),
            kept: Mutex::default(),
        })
    }
}
