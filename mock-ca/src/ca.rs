//! The CA as a whole, and what its owner can ask of it.

mod decision;
mod opening;

use std::{sync::Arc, time::SystemTime};

use openssl::x509::{X509, X509Ref};
use parking_lot::Mutex;
use scep::{attribute::TransactionId, name, secret::Secret};
use serde::{Deserialize, Serialize};

pub use decision::{DecisionError, RevocationError};
pub use opening::OpenError;

use crate::{
    admin::AdminPage,
    fault::{FaultCount, FaultError, FaultRule},
    log::{Log, LogEntry},
    policy::{ChallengeUnavailable, PasswordCache, subject_of},
    routing::Website,
    seen::{SeenRequest, SeenRequests},
    service::Service,
    settings::{Limits, Settings},
    state::StateDirectory,
    store::Store,
    wire,
};

/// A certification authority behind a SCEP server; shared by all its connections as `Arc<Ca>`.
pub struct Ca {
    name: String,
    pub(crate) website: Website,
    pub(crate) limits: Limits,
    pub(crate) log: Log,
    pub(crate) seen: SeenRequests,
    /// Whether answering may wait for a disk.
    pub(crate) has_state: bool,
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
        let first_number = personality.serials.first(settings.windows.first_request_id);
        let pending_limit = settings.limits.pending;
        let store = Store::open(state.clone(), &authority, first_number, pending_limit)?;
        let passwords = Arc::new(PasswordCache::open(&settings.challenge, state.clone())?);
        let certificate = authority.ca.certificate.clone();
        let website = Website {
            service: Service::new(&settings, authority, store, &passwords)?,
            admin: AdminPage::new(&settings, &certificate, passwords)?,
            query_bytes: settings.limits.query_bytes,
        };
        Ok(Arc::new(Self {
            name: settings.name,
            website,
            limits: settings.limits,
            log: Log::new(settings.on_log),
            seen: SeenRequests::default(),
            has_state: state.is_some(),
            deciding: Mutex::default(),
        }))
    }

    /// What the CA is called in reports.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The CA's own certificate.
    pub fn ca_certificate(&self) -> &X509 {
        &self.website.service.site.authority.ca.certificate
    }

    /// The certificates `GetCACert` gives, in their order.
    pub fn certificates(&self) -> Vec<X509> {
        self.website.service.site.authority.certificates()
    }

    /// The TCP port the real server listens on by default.
    pub fn default_port(&self) -> u16 {
        self.website.personality().default_port
    }

    /// The paths under which SCEP is served.
    pub fn paths(&self) -> Vec<&'static str> {
        self.website.personality().name.paths()
    }

    /// The path of the page that gives out challenge passwords, where there is one.
    pub fn admin_path(&self) -> Option<&'static str> {
        self.website.personality().name.admin_path()
    }

    /// The certificates issued to clients, oldest first.
    pub fn issued(&self) -> Vec<Issued> {
        let issued = self.website.service.site.store.issued().into_iter();
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
        let pending = self.website.service.site.store.pending().into_iter();
        pending
            .map(|record| Pending {
                transaction_id: record.origin.transaction_id.clone(),
                subject: name::to_text(record.csr.subject()),
            })
            .collect()
    }

    /// Whether a request needs a challenge password.
    pub fn asks_for_challenge(&self) -> bool {
        self.website.admin.asks_for_challenge()
    }

    /// A challenge password with which a request will pass: a new one, or the one for all.
    ///
    /// # Errors
    /// When none is asked for, too many are unused, or it cannot be kept.
    pub fn new_challenge(&self) -> Result<Secret, ChallengeUnavailable> {
        self.website.admin.new_challenge()
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
        rule.expect_possible(self.website.personality().name)?;
        self.website.service.faults.add(rule);
        Ok(())
    }

    /// What the server does wrong on purpose, in the order in which it was told so.
    pub fn faults(&self) -> Vec<FaultCount> {
        self.website.service.faults.counts()
    }
}

/// A serial number, bytes in hexadecimal parted by colons.
pub(crate) fn serial_text(certificate: &X509Ref) -> String {
    let bytes = certificate.serial_number().to_bn().map(|serial| serial.to_vec());
    let bytes = bytes.unwrap_or_default();
    bytes.chunks(1).map(hex::encode).collect::<Vec<_>>().join(":")
}
