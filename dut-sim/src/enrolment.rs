//! The service behind `system certificate scep`: one task for each request, from a fresh key to a stored certificate.

mod builtin;
mod client;
mod http;
mod journal;
mod key_source;
mod order;
mod program;
pub(crate) mod progress;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use scep::clock::Clock;
use scep::identity::Identity;
use scep::secret::Secret;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use self::client::ScepClient;
pub use self::journal::GrowingPause;
pub use self::key_source::KeySource;
pub use self::order::Missing;

use self::builtin::Builtin;
use self::journal::Journal;
use self::order::{Failure, Order};
use self::progress::{Phase, Progress};
use crate::config::system::CsrSettings;
use crate::config::value::RenewalKey;
use crate::network::Network;
use crate::protocol_log::{Notes, ProtocolLog};
use crate::secret::SecretStore;

/// Settings and services that all enrolments of a device share.
pub(crate) struct EnrolmentContext {
    pub(crate) network: Arc<dyn Network>,
    pub(crate) secrets: SecretStore,
    pub(crate) client: ScepClient,
    pub(crate) program_path: Option<OsString>,
    pub(crate) program_limit: Duration,
    pub(crate) keys: KeySource,
    pub(crate) retry_pause: GrowingPause,
    pub(crate) poll_pause: GrowingPause,
    /// The clock of the device.
    pub(crate) clock: Clock,
    pub(crate) log: ProtocolLog,
    pub(crate) notes: Notes,
    /// Changes whenever the device's answers may have changed.
    pub(crate) changes: watch::Sender<u64>,
    /// Wakes enrolments that wait for the next try, because the network may have changed.
    pub(crate) wake: Notify,
}

impl EnrolmentContext {
    /// Notifies subscribers that the device's answers may have changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// All enrolments of a device; dropping this ends them.
pub(crate) struct Enrolments {
    context: Arc<EnrolmentContext>,
    running: BTreeMap<String, Running>,
}

struct Running {
    settings: CsrSettings,
    progress: Arc<Mutex<Progress>>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Enrolments {
    pub(crate) fn new(context: Arc<EnrolmentContext>) -> Self {
        Self { context, running: BTreeMap::new() }
    }

    /// Adapts the enrolments to `wanted`: removed ones end and lose their certificates, changed ones start anew.
    pub(crate) fn reconcile(&mut self, wanted: &BTreeMap<String, CsrSettings>) {
        self.running.retain(|name, running| wanted.get(name) == Some(&running.settings));
        for (name, settings) in wanted {
            if !self.running.contains_key(name) {
                self.running.insert(name.clone(), self.start(name, settings));
            }
        }
        self.context.wake.notify_waiters();
        self.context.changed();
    }

    /// Progress of the request of that name.
    pub(crate) fn progress(&self, name: &str) -> Option<Progress> {
        let progress = &self.running.get(name)?.progress;
        Some(progress.lock().clone())
    }

    /// The names of all requests.
    pub(crate) fn names(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    /// Begins to renew the certificate of that name, signed with its key; the new key is another if configuration and client allow it.
    ///
    /// # Errors
    /// Fails if no certificate can be renewed; then nothing has changed.
    pub(crate) fn renew(&mut self, name: &str) -> Result<(), RenewalError> {
        let running = self.running.get_mut(name).ok_or(RenewalError::NoSuchRequest)?;
        let mut progress = running.progress.lock();
        if matches!(&progress.renewal, Some(renewal) if !matches!(renewal, Phase::Failed { .. })) {
            return Err(RenewalError::UnderWay);
        }
        let Phase::Issued(existing) = &progress.phase else {
            return Err(RenewalError::NoCertificate);
        };
        let existing = Some(existing.clone());
        progress.renewal = Some(Phase::UnderWay);
        drop(progress);
        let journal = Journal::new(name, &self.context, &running.progress, true);
        let renewal = Enrolment { settings: running.settings.clone(), journal, existing };
        running.task = tokio::spawn(renewal.run());
        self.context.changed();
        Ok(())
    }

    fn start(&self, name: &str, settings: &CsrSettings) -> Running {
        let progress = Arc::<Mutex<Progress>>::default();
        let journal = Journal::new(name, &self.context, &progress, false);
        let enrolment = Enrolment { settings: settings.clone(), journal, existing: None };
        Running { settings: settings.clone(), progress, task: tokio::spawn(enrolment.run()) }
    }
}

/// An enrolment, as run by its task.
struct Enrolment {
    settings: CsrSettings,
    journal: Journal,
    /// The certificate to renew, for a renewal.
    existing: Option<Identity>,
}

impl Enrolment {
    /// Runs until a certificate is issued or the enrolment has failed for good.
    async fn run(mut self) {
        match self.enrol().await {
            Ok(identity) => self.journal.enter(Phase::Issued(identity)),
            Err(failure) => {
                let reason = self.journal.masked(&failure.to_string());
                self.journal.log(&reason);
                self.journal.enter(Phase::Failed { reason });
            }
        }
    }

    async fn enrol(&mut self) -> Result<Identity, Failure> {
        let context = Arc::clone(&self.journal.context);
        let program = context.client.find(context.program_path.as_deref())?;
        let password = self.open_password()?;
        self.journal.mask(password.as_ref());
        let keeps_key = program.as_ref().is_some_and(|program| program.adapter.keeps_key)
            || self.settings.renewal.key == RenewalKey::Same;
        let key = match &self.existing {
            Some(existing) if keeps_key => existing.key.clone(),
            _ => context.keys.key(self.settings.key_bits).await.map_err(Failure::Key)?,
        };
        let (settings, existing) = (self.settings.clone(), self.existing.take());
        let order = Order { settings, password, key, existing };
        let certificate = match &program {
            Some(program) => program::enrol(program, &order, &mut self.journal).await?,
            None => Builtin { order: &order, journal: &mut self.journal }.enrol().await?,
        };
        Ok(Identity { certificate, key: order.key })
    }

    fn open_password(&self) -> Result<Option<Secret>, Failure> {
        let Some(sealed) = &self.settings.password else { return Ok(None) };
        let secrets = &self.journal.context.secrets;
        secrets.open(sealed).map(Some).ok_or(Failure::PasswordSealed)
    }
}

/// Why a renewal cannot begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RenewalError {
    #[error("no such certificate request")]
    NoSuchRequest,
    #[error("there is no certificate to renew yet")]
    NoCertificate,
    #[error("its renewal is under way already")]
    UnderWay,
}
