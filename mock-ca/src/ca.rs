//! The CA as a whole, with its API for the owner.

mod decision;
mod life;
mod open;

use std::{fmt, sync::Arc, time::SystemTime};

use openssl::x509::X509;
use scep::{attribute::TransactionId, clock::Clock, secret::Secret};
use serde::{Deserialize, Serialize};

pub use decision::{DecisionError, RevocationError};
pub use open::OpenError;

use open::open_timeline;

use crate::{
    authority::{Authority, Succession, serial_text, subject_of},
    fault::{FaultCount, FaultError, FaultRule},
    log::{Log, LogEntry},
    memory::Memory,
    passwords::{ChallengeUnavailable, PasswordCache},
    personality::Serials,
    record::RevocationReason,
    seen::SeenRequest,
    service::Service,
    settings::{ChallengePolicy, Settings},
    state::{Database, StateDirectory, StateError},
    store::{Store, Waiting},
    tls::Tls,
    wire,
};

/// A certification authority with a SCEP server; all its connections share it as `Arc<Ca>`.
pub struct Ca {
    pub(crate) service: Service,
    pub(crate) log: Log,
    pub(crate) tls: Option<Tls>,
    database: Arc<Database>,
    state_note: Option<String>,
}

impl fmt::Debug for Ca {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ca").finish_non_exhaustive()
    }
}

/// A certificate that was issued to a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Issued {
    /// The serial number in capital hexadecimal digits: `02`, `1100001423…`.
    pub serial: String,
    /// The subject, as OpenSSL writes it on one line: `CN = MyUserCert`.
    pub subject: String,
    /// The certificate.
    #[serde(with = "wire::pem")]
    pub certificate: X509,
    /// The transaction of the request.
    pub transaction_id: TransactionId,
    /// The time of revocation, if it is revoked.
    #[serde(with = "wire::maybe_seconds")]
    pub revoked: Option<SystemTime>,
    /// The reason of the revocation, if it is revoked.
    #[serde(default)]
    pub revocation_reason: Option<RevocationReason>,
}

/// A request that waits for approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pending {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// The requested subject, as OpenSSL writes it on one line.
    pub subject: String,
}

impl Ca {
    /// Opens a CA: the one in the state directory, or a new one.
    ///
    /// A new CA has certificates as if it had been installed a day before the time that `clock` shows.
    ///
    /// # Errors
    /// If the subject is not a distinguished name, a fault can never happen, the state cannot be used, or OpenSSL fails.
    ///
    /// ```
    /// use mock_ca::{Ca, PersonalityName, Settings};
    /// use scep::clock::Clock;
    ///
    /// # fn main() -> Result<(), mock_ca::OpenError> {
    /// let ca = Ca::open(Settings::new("ca", PersonalityName::Linux), Clock::system())?;
    /// assert!(ca.issued()?.is_empty());
    /// # Ok(())
    /// # }
    /// ```
    pub fn open(settings: Settings, clock: Clock) -> Result<Arc<Self>, OpenError> {
        let personality = settings.personality.personality();
        let tls = settings.tls.as_ref();
        settings.faults.iter().try_for_each(|rule| rule.expect_possible(personality.name, tls))?;
        let memory = Memory::new(settings.limits.memory);
        let now = clock.now();
        let state = settings.state.as_deref();
        let state = state.map(|path| StateDirectory::open(path, now)).transpose()?;
        let timeline = open_timeline(&settings, state.as_ref(), now)?;
        let authorities = Succession::of(timeline, personality, &settings.windows);
        let authorities = Arc::new(authorities);
        let state_note = state.as_ref().and_then(|state| state.note().map(str::to_owned));
        let database = match state {
            Some(state) => state.into_database(),
            None => Database::in_memory(settings.personality, memory.record_bytes(), now),
        };
        let database = Arc::new(database?);
        let first_number = match personality.serials {
            Serials::Sequential { first } => first,
            Serials::RequestId => settings.windows.first_request_id,
        };
        let (kept, signer) = (Arc::clone(&database), Arc::clone(&authorities));
        let store = Store::open(kept, signer, first_number, settings.limits.pending)?;
        let passwords = PasswordCache::open(&settings.challenge, Arc::clone(&database), now)?;
        let created = database.created_at()?;
        let tls =
            settings.tls.as_ref().map(|tls| Tls::open(tls, settings.keys, now)).transpose()?;
        Ok(Arc::new(Self {
            log: Log::new(settings.on_log.clone(), memory.log_bytes()),
            service: Service::new(settings, authorities, store, passwords, memory, clock, created),
            tls,
            database,
            state_note,
        }))
    }

    /// The clock that every time of the CA is read from.
    pub fn clock(&self) -> &Clock {
        &self.service.clock
    }

    /// What was done to the state directory when it was opened, in words for its owner: such as that the state of an older version
    /// was taken over.
    pub fn state_note(&self) -> Option<&str> {
        self.state_note.as_deref()
    }

    /// The name of the CA in reports.
    pub fn name(&self) -> &str {
        &self.service.settings.name
    }

    /// The CA's own certificate: that of the CA that issues now.
    pub fn ca_certificate(&self) -> X509 {
        self.authority().ca.certificate.clone()
    }

    /// The certificates in the answer to `GetCACert`, in their order: those of a registration authority, the CA's, those above it.
    pub fn certificates(&self) -> Vec<X509> {
        self.authority().certificates()
    }

    /// The certificates of the CAs above the one that issues now, the nearest first.
    pub fn issuers(&self) -> Vec<X509> {
        self.authority().chain().skip(1).cloned().collect()
    }

    pub(crate) fn authority(&self) -> Arc<Authority> {
        self.service.authority(self.clock().now())
    }

    /// The certificate that clients must trust to reach the CA by TLS, if the CA has made it: that above the certificate of its server.
    pub fn tls_root(&self) -> Option<X509> {
        self.tls.as_ref().and_then(Tls::root).cloned()
    }

    /// The scheme of the URL of the SCEP service: `https` with [`Settings::tls`], otherwise `http`.
    pub fn scheme(&self) -> &'static str {
        self.service.settings.scheme()
    }

    /// The paths under which SCEP is served.
    pub fn paths(&self) -> Vec<&'static str> {
        self.service.personality.name.paths()
    }

    /// The path of the page that gives out challenge passwords, if the personality has one.
    pub fn admin_path(&self) -> Option<&'static str> {
        self.service.personality.name.admin_path()
    }

    /// The certificates issued to clients, oldest first.
    ///
    /// # Errors
    /// If the state cannot be read, or is damaged.
    pub fn issued(&self) -> Result<Vec<Issued>, StateError> {
        self.service.settle(self.clock().now())?;
        let issued = self.service.store.issued()?.into_iter();
        Ok(issued
            .map(|record| Issued {
                serial: serial_text(&record.certificate),
                subject: subject_of(&record.certificate),
                certificate: record.certificate,
                transaction_id: record.origin.transaction_id,
                revoked: record.revoked.map(|it| it.at),
                revocation_reason: record.revoked.map(|it| it.reason),
            })
            .collect())
    }

    /// The requests that wait for approval, oldest first.
    ///
    /// # Errors
    /// If the state cannot be read.
    pub fn pending(&self) -> Result<Vec<Pending>, StateError> {
        self.service.settle(self.clock().now())?;
        let pending = self.service.store.pending()?.into_iter();
        Ok(pending
            .map(|Waiting { transaction_id, subject }| Pending { transaction_id, subject })
            .collect())
    }

    /// True if a request needs a challenge password.
    pub fn asks_for_challenge(&self) -> bool {
        !matches!(self.service.settings.challenge, ChallengePolicy::None)
    }

    /// A challenge password that authorises a request: a new one, or the fixed one.
    ///
    /// # Errors
    /// If no challenge password is needed, too many are unused, or the state cannot be written.
    pub fn new_challenge(&self) -> Result<Secret, ChallengeUnavailable> {
        self.service.new_challenge()
    }

    /// The log, one entry for each request: the newest few thousand, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// The number of denied requests in the log; an answer of a fault instead is not a denial.
    pub fn denied(&self) -> usize {
        self.log.entries().iter().filter(|entry| entry.is_denial()).count()
    }

    /// The requests as they came, without secrets: the newest few thousand, oldest first.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.log.requests()
    }

    /// Adds a fault; its rule counts the requests from now on.
    ///
    /// # Errors
    /// If the fault can never happen at this server.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let ca = mock_ca::MockCa::linux().start_blocking()?;
    /// ca.inject("on: GetCACaps, nth: 1, do: caps-none".parse()?)?;
    /// assert_eq!(ca.faults()[0].fired, 0);
    /// # Ok(())
    /// # }
    /// ```
    pub fn inject(&self, rule: FaultRule) -> Result<(), FaultError> {
        let tls = self.service.settings.tls.as_ref();
        rule.expect_possible(self.service.personality.name, tls)?;
        self.service.faults.add(rule);
        Ok(())
    }

    /// The faults with the number of times that each happened, in the order in which they were added.
    pub fn faults(&self) -> Vec<FaultCount> {
        self.service.faults.counts()
    }
}
