//! What the parts of the enrolment service share about one certificate request.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use parking_lot::Mutex;
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
        })
    }
}
