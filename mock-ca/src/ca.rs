//! The CA as a whole, and what its owner can ask of it.

mod decision;
mod opening;

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use hyper::body::Bytes;
use openssl::x509::{X509, X509Ref};
use parking_lot::Mutex;
use scep::{attribute::TransactionId, hexadecimal, name, secret::Secret};
use serde::{Deserialize, Serialize};

pub use decision::{DecisionError, RevocationError};
pub use opening::OpenError;

use crate::{
    fault::{FaultCount, FaultError, FaultRule, Faults},
    log::{Log, LogEntry},
    offer::Offer,
    pages,
    personality::{Personality, RefusedAlgorithms},
    policy::{ChallengeUnavailable, PasswordCache, Policies, Site, subject_of},
    seen::{SeenRequest, SeenRequests},
    settings::{AdminCredentials, Approval, ChallengePolicy, Limits, Settings},
    state::StateDirectory,
    store::Store,
    wire,
};

/// A certification authority behind a SCEP server; shared by all its connections as `Arc<Ca>`.
pub struct Ca {
    pub(crate) personality: &'static Personality,
    pub(crate) site: Site,
    pub(crate) policies: Policies,
    pub(crate) approval: Approval,
    pub(crate) offer: Offer,
    /// The answer to `GetCACert`: content type and body.
    pub(crate) certificates_answer: (&'static str, Bytes),
    pub(crate) challenge: ChallengePolicy,
    pub(crate) thumbprint: String,
    pub(crate) admin: Option<AdminCredentials>,
    pub(crate) admin_may_enroll: bool,
    pub(crate) opens_with_signing_key: bool,
    pub(crate) refused_algorithms: RefusedAlgorithms,
    pub(crate) host: String,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
    pub(crate) faults: Faults,
    pub(crate) seen: SeenRequests,
    /// Whether answering may wait for a disk.
    pub(crate) has_state: bool,
    name: String,
    passwords: Arc<PasswordCache>,
    /// Held by one decision at a time, so that no request is decided about twice.
    deciding: Mutex<()>,
}

/// A certificate that was issued to a client.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    /// The serial number, bytes in hexadecimal parted by colons: `02`, `11:00:00:14:23:…`.
    pub serial: String,
    /// The subject, as OpenSSL writes it on one line: `CN = MyUserCert`.
    pub subject: String,
    /// The certificate.
    #[serde(with = "wire::pem")]
    pub certificate: X509,
    /// The transaction in which it was asked for.
    pub transaction_id: TransactionId,
    /// When it was revoked, if it was.
    #[serde(with = "wire::maybe_seconds")]
    pub revoked: Option<SystemTime>,
}

/// A request that waits for a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pending {
    /// The transaction.
    pub transaction_id: TransactionId,
    /// The subject asked for, as OpenSSL writes it on one line.
    pub subject: String,
}

impl Ca {
    /// Opens a CA: a new one, or the one its state directory holds.
    ///
    /// New certificates of the CA are dated as if it had been installed a day before `now`.
    ///
    /// # Errors
    /// When the subject is no name, the state cannot be used, or OpenSSL fails.
    pub fn open(settings: Settings, now: SystemTime) -> Result<Arc<Self>, OpenError> {
        let personality = settings.personality.personality();
        settings.faults.iter().try_for_each(|rule| rule.expect_possible(personality.name))?;
        let state = settings.state.as_deref().map(StateDirectory::open).transpose()?.map(Arc::new);
        let authority = opening::authority(&settings, state.as_deref(), now)?;
        let first_number = personality.serials.first(&settings.windows);
        let pending_limit = settings.limits.pending;
        let store = Store::open(state.clone(), &authority, first_number, pending_limit)?;
        let passwords = Arc::new(PasswordCache::open(&settings.challenge, state.clone())?);
        let policies = Policies::new(&settings, personality.unique_names, &passwords);
        let profiles = personality.user_profiles(&settings);
        Ok(Arc::new(Self {
            personality,
            offer: Offer::new(personality, settings.capabilities.as_deref()),
            policies,
            certificates_answer: opening::certificates_answer(&authority)?,
            thumbprint: pages::thumbprint(&authority.ca.certificate)?,
            site: Site { authority, profiles, store },
            approval: settings.approval,
            challenge: settings.challenge,
            admin: settings.admin,
            admin_may_enroll: settings.windows.admin_may_enroll,
            opens_with_signing_key: settings.windows.opens_with_signing_key,
            refused_algorithms: if settings.takes_obsolete_algorithms {
                RefusedAlgorithms::NONE
            } else {
                personality.refused_algorithms
            },
            host: settings.windows.host,
            limits: settings.limits,
            log: Log::new(settings.on_log),
            faults: Faults::new(&settings.faults),
            seen: SeenRequests::default(),
            has_state: state.is_some(),
            name: settings.name,
            passwords,
            deciding: Mutex::default(),
        }))
    }

    /// What the CA is called in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The CA's own certificate.
    pub fn ca_certificate(&self) -> &X509 {
        &self.site.authority.ca.certificate
    }

    /// The certificates `GetCACert` gives, in their order.
    pub fn certificates(&self) -> Vec<X509> {
        self.site.authority.certificates()
    }

    /// The TCP port the real server listens on by default.
    pub fn default_port(&self) -> u16 {
        self.personality.default_port
    }

    /// The paths under which SCEP is served.
    pub fn paths(&self) -> Vec<&'static str> {
        self.personality.name.paths()
    }

    /// The path of the page that gives out challenge passwords, where there is one.
    pub fn admin_path(&self) -> Option<&'static str> {
        self.personality.name.admin_path()
    }

    /// The certificates issued to clients, oldest first.
    pub fn issued(&self) -> Vec<Issued> {
        let issued = self.site.store.issued().into_iter();
        issued
            .map(|record| Issued {
                serial: serial_text(&record.certificate),
                subject: subject_of(&record.certificate),
                certificate: record.certificate.clone(),
                transaction_id: record.origin.transaction_id.clone(),
                revoked: record.revoked,
            })
            .collect()
    }

    /// The requests that wait for a decision, oldest first.
    pub fn pending(&self) -> Vec<Pending> {
        let pending = self.site.store.pending().into_iter();
        pending
            .map(|record| Pending {
                transaction_id: record.origin.transaction_id.clone(),
                subject: name::to_text(record.csr.subject()),
            })
            .collect()
    }

    /// Whether a request needs a challenge password.
    pub fn asks_for_challenge(&self) -> bool {
        !matches!(self.challenge, ChallengePolicy::None)
    }

    /// A challenge password with which a request will pass: a new one, or the one for all.
    ///
    /// # Errors
    /// When none is asked for, too many are unused, or it cannot be kept.
    pub fn new_challenge(&self) -> Result<Secret, ChallengeUnavailable> {
        match &self.challenge {
            ChallengePolicy::None => Err(ChallengeUnavailable::NotAskedFor),
            ChallengePolicy::Static(password) => Ok(password.clone()),
            ChallengePolicy::OneTime { .. } => self.passwords.make(SystemTime::now()),
        }
    }

    /// What the server did, one entry a request, the newest few thousand, oldest first.
    pub fn log(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// How many requests of clients it has denied, of those in the log; what a fault answered instead is no denial.
    pub fn denied(&self) -> usize {
        self.log.entries().iter().filter(|entry| entry.is_denial()).count()
    }

    /// What was asked of the server and how, the newest few thousand requests, oldest first; no secret is in it.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.seen.all()
    }

    /// Adds a rule to those that say what the server does wrong on purpose; it counts the requests from now on.
    ///
    /// # Errors
    /// When it can never come true at this server.
    pub fn inject(&self, rule: FaultRule) -> Result<(), FaultError> {
        rule.expect_possible(self.personality.name)?;
        self.faults.add(rule);
        Ok(())
    }

    /// What the server does wrong on purpose, in the order in which it was told so.
    pub fn faults(&self) -> Vec<FaultCount> {
        self.faults.counts()
    }
}

/// A serial number, bytes in hexadecimal parted by colons.
pub(crate) fn serial_text(certificate: &X509Ref) -> String {
    let bytes = certificate.serial_number().to_bn().map(|serial| serial.to_vec());
    let bytes = bytes.unwrap_or_default();
    bytes.chunks(1).map(hexadecimal::lower).collect::<Vec<_>>().join(":")
}

/// How long a new one-time password lives, in minutes.
pub(crate) fn minutes(lifetime: Duration) -> u64 {
    lifetime.as_secs() / 60
}
