//! The settings of a CA.

mod hierarchy;
mod policy;
mod tls;

use std::{path::PathBuf, time::Duration};

use scep::{capabilities::Capability, secret::Secret};
use serde::{Deserialize, Serialize};

pub use hierarchy::{
    CaCertificate, Hierarchy, IssuerCa, KEY_BITS, MOST_LEVELS, NextCa, NextKey, NextRegistration,
    RegistrationPlan,
};
pub use policy::{CrlSettings, DistributionPoint, LaterDecision, RenewalWindow};
pub use tls::{
    GivenCertificate, GivenCertificateError, ServerCertificate, TlsSettings, TlsVersion,
};

use crate::{fault::FaultRule, log::LogObserver, personality::PersonalityName};

/// The settings of a CA; [`Settings::new`] gives every field its default.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Settings {
    /// The name of the CA in reports, such as `windows-pki`.
    pub name: String,
    /// The server that it behaves like.
    pub personality: PersonalityName,
    /// The CA's distinguished name, such as `DC=com, DC=scep, CN=x`; the documented name by default.
    pub subject: Option<String>,
    /// The certificates of the CA itself, if it is new: those above it, and those that follow.
    pub hierarchy: Hierarchy,
    /// The capabilities in the answer to `GetCACaps`, in this order; those of the real server by default.
    ///
    /// The CA refuses capabilities that are not listed: the ciphers AES and triple DES, the digests of the SHA family, POST and
    /// `RenewalReq`. If the list is empty, no cipher and no digest is refused, because a very old server does not say which ones it has.
    pub capabilities: Option<Vec<Capability>>,
    /// The challenge passwords that authorise a request.
    pub challenge: ChallengePolicy,
    /// The way to decide about a request with the right challenge password.
    pub approval: Approval,
    /// With [`Approval::Manual`]: what the CA decides by itself if nobody does before; by default it waits for ever.
    pub later_decision: Option<LaterDecision>,
    /// The origin of the CA's keys.
    pub keys: Keys,
    /// The directory in which the state is kept across restarts; by default it is in memory alone.
    pub state: Option<PathBuf>,
    /// The user who may see the page that gives out challenge passwords; by default any client may.
    pub admin: Option<AdminCredentials>,
    /// True if a subject may get another certificate while it has one that does not expire soon. Only `linux` refuses that.
    pub allow_duplicate_names: bool,
    /// True if requests with single DES or MD5 are accepted at every personality, as by servers older than RFC 8894 §2.9; false
    /// by default.
    pub takes_obsolete_algorithms: bool,
    /// True if replies are in DER, even if those of the personality are in BER: the envelopes of `linux` are, and some clients do not
    /// read them.
    pub replies_in_der: bool,
    /// The time before the end of a certificate in which it may be renewed. By default 14 days at `linux` (scepserver's
    /// `-allowrenew`), whose subjects get no other certificate before, and any time at the others. Zero allows it at any time
    /// (`linux`), or never.
    pub renewal_window: Option<RenewalWindow>,
    /// The revocation lists.
    pub crl: CrlSettings,
    /// TLS at the SCEP service; plain HTTP by default.
    pub tls: Option<TlsSettings>,
    /// The host and port, or host alone, at which clients reach the CA, such as `10.0.0.1:8080`: certificates name it if
    /// [`DistributionPoint::Here`] is set.
    pub address: Option<String>,
    /// The validity of issued certificates, in whole seconds; by default 365 days, or two calendar years (`ndes`).
    pub valid_for: Option<Duration>,
    /// Settings for a Windows CA alone.
    pub windows: WindowsSettings,
    /// Limits for peers.
    pub limits: Limits,
    /// The faults, which are deliberate errors, and when each happens.
    pub faults: Vec<FaultRule>,
    /// A function that is called with each log entry, from any task.
    pub on_log: Option<LogObserver>,
}

impl Settings {
    /// The defaults: no challenge password, automatic approval, lab keys, no state on disk.
    ///
    /// ```
    /// use mock_ca::{Approval, PersonalityName, Settings};
    ///
    /// let mut settings = Settings::new("ca", PersonalityName::Ndes);
    /// settings.approval = Approval::Manual;
    /// ```
    pub fn new(name: impl Into<String>, personality: PersonalityName) -> Self {
        Self {
            name: name.into(),
            personality,
            subject: None,
            hierarchy: Hierarchy::default(),
            capabilities: None,
            challenge: ChallengePolicy::None,
            approval: Approval::Automatic,
            later_decision: None,
            keys: Keys::Lab,
            state: None,
            admin: None,
            allow_duplicate_names: false,
            takes_obsolete_algorithms: false,
            replies_in_der: false,
            renewal_window: None,
            crl: CrlSettings::default(),
            tls: None,
            address: None,
            valid_for: None,
            windows: WindowsSettings::default(),
            limits: Limits::default(),
            faults: Vec::new(),
            on_log: None,
        }
    }

    /// The scheme of the URL of the SCEP service.
    pub(crate) fn scheme(&self) -> &'static str {
        if self.tls.is_some() { "https" } else { "http" }
    }
}

/// The origin of the CA's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Keys {
    /// The fixed and public keys of this crate: they cost no time, and are no secret.
    Lab,
    /// RSA-2048 keys that are made when the CA is opened, or those in its state.
    Fresh,
}

/// The challenge passwords that authorise a request (RFC 8894 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
// Exhaustive: who masks passwords must know of every place that has one.
pub enum ChallengePolicy {
    /// No challenge password is needed, and any is accepted.
    None,
    /// The same password for all requests: scepserver's `-challenge`, NDES's `UseSinglePassword`.
    Static(Secret),
    /// Each password authorises one request.
    OneTime {
        /// Passwords that exist from the beginning; they do not count towards `at_most`.
        preset: Vec<Secret>,
        /// True if these expire as well, `lifetime` after the CA was first opened with them.
        preset_expires: bool,
        /// The number of random bytes of a new password, which has twice as many hexadecimal digits: NDES's `PasswordLength`.
        random_bytes: usize,
        /// The time after which a new password expires: NDES's `PasswordValidity`.
        lifetime: Duration,
        /// The number of new passwords that may be unused and not expired: NDES's `PasswordMax`.
        at_most: usize,
    },
}

impl ChallengePolicy {
    /// One-time passwords like those of NDES: 8 bytes, 60 minutes, at most five unused, and these preset ones.
    pub fn one_time(preset: Vec<Secret>) -> Self {
        Self::OneTime {
            preset,
            preset_expires: false,
            random_bytes: 8,
            lifetime: Duration::from_secs(60 * 60),
            at_most: 5,
        }
    }
}

scep::named! {
    /// The way to decide about a request with the right challenge password.
    #[non_exhaustive]
    Approval, "way to decide" {
        /// The CA decides at once.
        Automatic = "automatic";
        /// The request is PENDING until [`crate::Ca::approve`] or [`crate::Ca::deny`].
        Manual = "manual";
    }
}

/// The user and password of HTTP Basic authentication.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdminCredentials {
    /// The user's name.
    pub user: String,
    /// The password.
    pub password: Secret,
}

/// Settings for a Windows CA alone.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct WindowsSettings {
    /// The name of the host in the directory; `TeldatPKI` by default, as documented.
    pub host: String,
    /// The request id of the first certificate issued to a client; 0x1423 by default, as documented.
    pub first_request_id: u32,
    /// The first byte of every serial number; 0x11 by default, as documented.
    pub high_serial: u8,
    /// True if a user of the page `mscep_admin` may enrol; otherwise the page says that, and gives no password.
    pub admin_may_enroll: bool,
    /// True if requests that are encrypted for the signing certificate are accepted, too; false by default, as at the real
    /// server. scepclient 2.1 with `-ca-fingerprint` needs it, because it uses one certificate for both.
    pub opens_with_signing_key: bool,
}

impl Default for WindowsSettings {
    fn default() -> Self {
        Self {
            host: "TeldatPKI".into(),
            first_request_id: 0x1423,
            high_serial: 0x11,
            admin_may_enroll: true,
            opens_with_signing_key: false,
        }
    }
}

/// Limits for peers.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The memory, in bytes, for everything that peers make the server hold: connections, requests, the log, issued certificates and
    /// requests that wait; 256 MiB by default. Half of it is for certificates and requests that wait, unless they are on disk: if
    /// that is used up, a further request is answered with HTTP status 503.
    pub memory: usize,
    /// The longest body of a request, in bytes; 64 KiB by default, which is enough for keys and signatures of SLH-DSA.
    pub body_bytes: usize,
    /// The number of pieces in which a body may come, such as HTTP chunks; 4,096 by default.
    pub body_pieces: usize,
    /// Limits for the parts of a message.
    pub parts: PartLimits,
    /// The longest query, in bytes, to which a Windows server does not answer 404; 65,536 by default, 2,048 on old servers. (A
    /// request target beyond 65,534 bytes is refused with 414 in any case.)
    pub query_bytes: usize,
    /// The longest request line and headers together, in bytes; 128 KiB by default, at least 8 KiB.
    pub head_bytes: usize,
    /// The time that a peer has to send a request's head, then its body, and to read an answer; 25 s by default.
    pub read_timeout: Duration,
    /// The number of connections that [`crate::serve`] has open at once; 256 by default. For a further one, the connection that has
    /// waited longest for its peer is closed.
    pub connections: usize,
    /// The time that a connection may wait for its peer in any case, before it is closed for a further one; 100 ms by default.
    pub least_wait: Duration,
    /// The number of requests that may wait for approval; 1,000 by default.
    pub pending: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            memory: 256 * 1024 * 1024,
            body_bytes: 64 * 1024,
            body_pieces: scep::http::MAX_PIECES,
            parts: PartLimits::default(),
            query_bytes: 65_536,
            head_bytes: 128 * 1024,
            // Not the 30 s after which scepclient polls, because it would reuse a connection that is just being closed.
            read_timeout: Duration::from_secs(25),
            connections: 256,
            least_wait: Duration::from_millis(100),
            pending: 1_000,
        }
    }
}

/// Limits for the parts of a message. A message with more is refused with a CertRep, `badRequest`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PartLimits {
    /// The number of characters of the transactionID; 1,024 by default.
    pub transaction_id: usize,
    /// The number of certificates that the message carries; 32 by default.
    pub certificates: usize,
    /// The number of bytes of the requested subject in DER; 8,192 by default.
    pub subject_bytes: usize,
    /// The number of attributes of the requested subject, such as `CN = a`; 32 by default.
    pub subject_attributes: usize,
    /// The number of attributes of the certification request; 32 by default.
    pub attributes: usize,
    /// The number of extensions that the request asks for; 32 by default.
    pub extensions: usize,
    /// The number of names in its subjectAltName; 512 by default.
    pub alternative_names: usize,
}

impl Default for PartLimits {
    fn default() -> Self {
        Self {
            transaction_id: 1_024,
            certificates: 32,
            subject_bytes: 8_192,
            subject_attributes: 32,
            attributes: 32,
            extensions: 32,
            alternative_names: 512,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_printed() {
        let mut settings = Settings::new("x", PersonalityName::Ndes);
        settings.challenge = ChallengePolicy::one_time(vec![Secret::new("8CE317021F690069")]);
        settings.admin =
            Some(AdminCredentials { user: "admin".into(), password: Secret::new("hunter2") });
        let printed = format!("{settings:?}");
        assert!(!printed.contains("8CE3") && !printed.contains("hunter2"), "{printed}");
    }
}
