//! The service behind `system certificate scep`: one task for each request, from a fresh key to a stored certificate and its renewals.

mod builtin;
mod client;
mod crl;
mod flash;
mod http;
mod journal;
mod key_source;
mod order;
mod pause;
mod program;
pub(crate) mod progress;
mod request;
pub(crate) mod revocation;
mod rollover;
mod schedule;
mod task;
mod timer;
mod tls_roots;
mod trust;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use redact::Masker;
use scep::clock::Clock;
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

pub use self::client::ScepClient;
pub use self::key_source::KeySource;
pub(crate) use self::key_source::Keys;
pub use self::order::Missing;
pub use self::pause::GrowingPause;

use self::crl::ListKeeper;
use self::program::time::ProgramTime;
use self::progress::{Phase, Progress};
use self::request::Request;
use self::rollover::Rollover;
use self::task::{Begin, Task};
pub use self::timer::Outlook;
pub(crate) use self::timer::Timer;
pub use self::tls_roots::TlsRoots;
use crate::config::system::CsrSettings;
use crate::network::Network;
use crate::protocol_log::{Notes, ProtocolLog};
use crate::secret::SecretStore;

/// Settings and services that all enrolments of a device share.
pub(crate) struct EnrolmentContext {
    pub(crate) network: Arc<dyn Network>,
    /// The certificates by which servers of HTTPS are recognised.
    pub(crate) tls_roots: TlsRoots,
    pub(crate) secrets: SecretStore,
    /// Masks the passwords of all enrolments so far, because a CA may answer one with the password of another.
    pub(crate) masker: Mutex<Masker>,
    pub(crate) client: ScepClient,
    pub(crate) program_path: Option<OsString>,
    pub(crate) program_limit: Duration,
    /// True if programs are shown the device's time even while it is that of the system, because it will be moved.
    pub(crate) programs_follow: bool,
    /// The time that programs are shown, as soon as one needs it; or why it cannot be shown.
    pub(crate) program_time: OnceLock<Result<ProgramTime, String>>,
    pub(crate) keys: Keys,
    pub(crate) retry_pause: GrowingPause,
    pub(crate) poll_pause: GrowingPause,
    /// Pause between tries to renew a certificate that is due, to fetch a revocation list, and to ask for the next CA.
    pub(crate) renewal_pause: GrowingPause,
    /// The time that a write to the flash takes.
    pub(crate) flash_write_time: Duration,
    /// The clock of the device.
    pub(crate) clock: Clock,
    pub(crate) log: ProtocolLog,
    pub(crate) notes: Notes,
    /// What the client cannot do, although the configuration or a reply asks for it.
    pub(crate) limits: Notes,
    /// Changes whenever the device's answers may have changed.
    pub(crate) changes: watch::Sender<u64>,
    /// Wakes enrolments that wait for the next try, because the network may have changed.
    pub(crate) wake: Notify,
    /// Notified when the device's clock is set.
    pub(crate) clock_set: Notify,
    /// The pauses of all tasks.
    pub(crate) timer: Arc<Timer>,
}

impl EnrolmentContext {
    /// Adds a line to the device's log, with the time of its clock.
    pub(crate) fn log(&self, line: &str) {
        self.log.add(line, self.clock.now());
    }

    /// Notifies subscribers that the device's answers may have changed.
    pub(crate) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// All enrolments of a device; dropping this ends them.
pub(crate) struct Enrolments {
    context: Arc<EnrolmentContext>,
    running: BTreeMap<String, Running>,
    /// The requests from before a restart, until the saved configuration is active.
    kept: BTreeMap<String, Running>,
}

struct Running {
    settings: CsrSettings,
    request: Arc<Request>,
    /// Enrols and renews.
    task: JoinHandle<()>,
    /// Keep the revocation list and the next CA.
    keepers: [JoinHandle<()>; 2],
}

impl Drop for Running {
    fn drop(&mut self) {
        self.abort();
    }
}

impl Enrolments {
    pub(crate) fn new(context: Arc<EnrolmentContext>) -> Self {
        Self { context, running: BTreeMap::new(), kept: BTreeMap::new() }
    }

    /// Adapts the enrolments to `wanted`: removed ones end and lose their certificates, changed ones start anew. One of which only
    /// the upkeep has changed goes on.
    pub(crate) fn reconcile(&mut self, wanted: &BTreeMap<String, CsrSettings>) {
        let stays = |name: &String, running: &mut Running| {
            wanted.get(name).is_some_and(|it| it.asks_for_the_same(&running.settings))
        };
        self.running.retain(stays);
        for (name, settings) in wanted {
            if let Some(running) = self.running.get_mut(name) {
                *running.request.upkeep.lock() = settings.upkeep.clone();
            } else {
                let kept = self.kept.remove(name);
                let running = match kept.filter(|it| it.settings.asks_for_the_same(settings)) {
                    Some(kept) => kept.resumed(settings),
                    None => Running::start(&self.context, name, settings),
                };
                self.running.insert(name.clone(), running);
            }
        }
        self.context.wake.notify_waiters();
        self.context.changed();
    }

    /// Ends all enrolments because the device restarts, and keeps certificates, keys and pending requests.
    pub(crate) fn stop(&mut self) {
        for (name, running) in std::mem::take(&mut self.running) {
            running.abort();
            running.request.write_all();
            self.kept.insert(name, running);
        }
    }

    /// Ends all enrolments because the power is cut, and keeps what the flash has.
    pub(crate) fn lose_power(&mut self) {
        let stopped = std::mem::take(&mut self.running).into_iter();
        for (name, mut running) in stopped.chain(std::mem::take(&mut self.kept)) {
            running.abort();
            if let Some(request) = running.request.after_power_cut() {
                running.request = request;
                self.kept.insert(name, running);
            }
        }
    }

    /// Forgets what was kept and is not in the saved configuration.
    pub(crate) fn forget_kept(&mut self) {
        self.kept.clear();
    }

    /// Progress of the request of that name.
    pub(crate) fn progress(&self, name: &str) -> Option<Progress> {
        let request = &self.running.get(name)?.request;
        let mut progress = request.progress.lock().clone();
        // As it is configured: the task that checks may not have begun.
        progress.revocation.source = request.upkeep.lock().crl_check;
        Some(progress)
    }

    /// The moment at which the certificate of that name is renewed, if the device does that by itself.
    pub(crate) fn renewal_due(&self, name: &str) -> Option<SystemTime> {
        let request = &self.running.get(name)?.request;
        let certificate = request.identity()?.certificate;
        request.renewal_due(&certificate).filter(|_| !request.is_revoked(&certificate))
    }

    /// The names of all requests.
    pub(crate) fn names(&self) -> Vec<String> {
        self.running.keys().cloned().collect()
    }

    /// Begins to renew the certificate of that name, signed with its key; the new key is another if configuration and client allow it.
    ///
    /// # Errors
    /// Fails if no certificate can be renewed; then nothing has changed.
    pub(crate) fn renew(&mut self, name: &str) -> Result<(), RequestError> {
        let running = self.running.get_mut(name).ok_or(RequestError::NoSuchRequest)?;
        let mut progress = running.request.progress.lock();
        if matches!(&progress.renewal, Some(Phase::UnderWay | Phase::Pending)) {
            return Err(RequestError::UnderWay);
        }
        let Phase::Issued(identity) = &progress.phase else {
            return Err(RequestError::NoCertificate);
        };
        if progress.revocation.entry(&identity.certificate).is_some() {
            return Err(RequestError::Revoked);
        }
        progress.renewal = Some(Phase::UnderWay);
        drop(progress);
        running.restart(Begin::Renewal);
        self.context.changed();
        Ok(())
    }

    /// Deletes the certificate and the key of that name and the CA's certificates, and begins to enrol anew.
    ///
    /// # Errors
    /// Fails if there is no such request.
    pub(crate) fn clear(&mut self, name: &str) -> Result<(), RequestError> {
        let running = self.running.get_mut(name).ok_or(RequestError::NoSuchRequest)?;
        let settings = running.settings.clone();
        self.context.log(&format!("{name}: certificates and key are deleted"));
        *running = Running::start(&self.context, name, &settings);
        self.context.changed();
        Ok(())
    }

    /// Ends the pause before the next poll of the request of that name.
    ///
    /// # Errors
    /// Fails if the CA has decided.
    pub(crate) fn poll(&self, name: &str) -> Result<(), RequestError> {
        let running = self.running.get(name).ok_or(RequestError::NoSuchRequest)?;
        if !running.request.progress.lock().is_pending() {
            return Err(RequestError::NothingPending);
        }
        running.request.poll.notify_waiters();
        Ok(())
    }
}

impl Running {
    fn start(context: &Arc<EnrolmentContext>, name: &str, settings: &CsrSettings) -> Self {
        let request = Request::new(name, context, &settings.upkeep);
        let task = enrol(settings, &request, Begin::Enrolment);
        let keepers = keepers(settings, &request);
        Self { settings: settings.clone(), request, task, keepers }
    }

    /// The same request after a restart, with its certificates.
    fn resumed(mut self, settings: &CsrSettings) -> Self {
        self.settings = settings.clone();
        *self.request.upkeep.lock() = settings.upkeep.clone();
        let begin = Begin::after_restart(&self.request);
        self.restart(begin);
        self.keepers = keepers(settings, &self.request);
        self
    }

    /// Ends its task, and starts another one.
    fn restart(&mut self, begin: Begin) {
        self.task.abort();
        self.task = enrol(&self.settings, &self.request, begin);
    }

    fn abort(&self) {
        self.task.abort();
        for keeper in &self.keepers {
            keeper.abort();
        }
    }
}

fn enrol(settings: &CsrSettings, request: &Arc<Request>, begin: Begin) -> JoinHandle<()> {
    let task = Task::new(settings.clone(), Arc::clone(request));
    counted(request, task.run(begin))
}

fn keepers(settings: &CsrSettings, request: &Arc<Request>) -> [JoinHandle<()>; 2] {
    let (list, next) = (Arc::clone(request), Arc::clone(request));
    [
        counted(request, ListKeeper::new(settings.clone(), list).run()),
        counted(request, Rollover::new(settings.clone(), next).run()),
    ]
}

/// Spawns a task of a request, which the device's timer counts.
fn counted(request: &Request, task: impl Future<Output = ()> + Send + 'static) -> JoinHandle<()> {
    let counted = request.context.timer.task();
    tokio::spawn(async move {
        task.await;
        drop(counted);
    })
}

/// Why a command about a certificate request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequestError {
    #[error("no such certificate request")]
    NoSuchRequest,
    #[error("there is no certificate to renew yet")]
    NoCertificate,
    #[error("its certificate is revoked and cannot be renewed; `pki scep clear` asks for another")]
    Revoked,
    #[error("its renewal is under way already")]
    UnderWay,
    #[error("no request of it waits for a decision of the CA")]
    NothingPending,
}
