//! How a CA is to be.

use std::{path::PathBuf, time::Duration};

use scep::{capabilities::Capability, secret::Secret};
use serde::{Deserialize, Serialize};

use crate::{fault::FaultRule, log::LogObserver, personality::PersonalityName};

/// How a CA is to be; [`Settings::new`] gives every field its default.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What the CA is called in reports, such as `windows-pki`.
    pub name: String,
    /// Which server it behaves like.
    pub personality: PersonalityName,
    /// The CA's distinguished name, as `DC=com, DC=scep, CN=x`; without one the documented name.
    pub subject: Option<String>,
    /// What `GetCACaps` names, in this order, instead of all that the server has; what is left out is then refused: the
    /// ciphers AES and triple DES, the digests of the SHA family, POST and `RenewalReq`. Where nothing is named, no
    /// cipher and no digest is refused, for a server too old to be asked says nothing of those it has.
    pub capabilities: Option<Vec<Capability>>,
    /// Which challenge passwords authorise a request.
    pub challenge: ChallengePolicy,
    /// Who decides about a request whose challenge is right.
    pub approval: Approval,
    /// Where the CA's keys come from.
    pub keys: Keys,
    /// Where everything is kept across restarts; without it, in memory alone.
    pub state: Option<PathBuf>,
    /// Who may see the page that gives out challenge passwords; without it, everybody.
    pub admin: Option<AdminCredentials>,
    /// Whether a name may get a further certificate while it has one that is valid for long (`linux` alone refuses).
    pub allow_duplicate_names: bool,
    /// Whether requests in single DES or signed with MD5 are taken whatever the personality says, as by servers that are
    /// older than RFC 8894 §2.9; false by default.
    pub takes_obsolete_algorithms: bool,
    /// How close to its end a certificate must be before its name may get another (`linux`; scepserver's
    /// `-allowrenew`); 14 days by default, zero allows it at any time.
    pub renewal_window: Duration,
    /// How many days of 24 hours issued certificates are valid; by default 365 (`linux`) or two calendar years (`ndes`).
    pub valid_days: Option<u32>,
    /// What only a Windows CA has.
    pub windows: WindowsSettings,
    /// What a peer may ask of the server.
    pub limits: Limits,
    /// What is done wrong on purpose, and when.
    pub faults: Vec<FaultRule>,
    /// Called with each log entry as it is written, from whichever task wrote it.
    pub on_log: Option<LogObserver>,
}

impl Settings {
    /// The defaults: no challenge, automatic approval, lab keys, nothing kept.
    pub fn new(name: impl Into<String>, personality: PersonalityName) -> Self {
        Self {
            name: name.into(),
            personality,
            subject: None,
            capabilities: None,
            challenge: ChallengePolicy::None,
            approval: Approval::Automatic,
            keys: Keys::Lab,
            state: None,
            admin: None,
            allow_duplicate_names: false,
            takes_obsolete_algorithms: false,
            renewal_window: Duration::from_secs(14 * 86_400),
            valid_days: None,
            windows: WindowsSettings::default(),
            limits: Limits::default(),
            faults: Vec::new(),
            on_log: None,
        }
    }
}

/// Where the CA's keys come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keys {
    /// The fixed and public keys that come with this crate: no key generation, and no secret.
    Lab,
    /// RSA-2048 keys made when the CA is opened, or those its state holds.
    Fresh,
}

/// Which challenge passwords authorise a request (RFC 8894 §2.4).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChallengePolicy {
    /// None is asked for, any is accepted.
    None,
    /// One for all, for ever: scepserver's `-challenge`, NDES's `UseSinglePassword`.
    Static(Secret),
    /// Each serves once.
    OneTime {
        /// Passwords given out beforehand; they do not expire and do not count towards `at_most`.
        preset: Vec<Secret>,
        /// The random bytes of a new password, which has twice as many hexadecimal digits: NDES's `PasswordLength`.
        random_bytes: usize,
        /// How long a new password lives: NDES's `PasswordValidity`.
        lifetime: Duration,
        /// How many new passwords there may be that are unused and alive: NDES's `PasswordMax`.
        at_most: usize,
    },
}

impl ChallengePolicy {
    /// One-time passwords as NDES's: 8 bytes, 60 minutes, five at most, beside those given out beforehand.
    pub fn one_time(preset: Vec<Secret>) -> Self {
        Self::OneTime {
            preset,
            random_bytes: 8,
            lifetime: Duration::from_secs(60 * 60),
            at_most: 5,
        }
    }
}

scep::named! {
    /// Who decides about a request whose challenge is right.
    Approval, "way to decide" {
        /// The CA, at once.
        Automatic = "automatic";
        /// A person: the request is PENDING until [`crate::Ca::approve`] or [`crate::Ca::deny`].
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

/// What only a Windows CA has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WindowsSettings {
    /// The host's name in the directory; `TeldatPKI` by default, as documented.
    pub host: String,
    /// The request id of the first certificate issued to a client; 0x1423 by default, as documented.
    pub first_request_id: u32,
    /// The first byte of every serial number; 0x11 by default, as documented.
    pub high_serial: u8,
    /// Whether whoever sees `mscep_admin` may enrol; without it the page says so, and gives no password.
    pub admin_may_enroll: bool,
    /// Whether requests are opened, too, that are enciphered to the certificate replies are signed with. The real
    /// server opens none, and so does this one by default; scepclient 2.1 with `-ca-fingerprint` knows one certificate
    /// for both, and enrols only with it.
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

/// What a peer may ask of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest body of a request, in bytes; the longest message, 2 MiB, by default.
    pub body_bytes: usize,
    /// The longest query of a request, in bytes, before a Windows server says 404; 65,536 by default, 2,048 on old
    /// ones. (A request target beyond 65,534 bytes is refused with 414 in any case.)
    pub query_bytes: usize,
    /// The longest request line and headers together, in bytes; 128 KiB by default, 8 KiB at least.
    pub head_bytes: usize,
    /// How long a peer may take to send a request's head, then its body, or to take an answer; 25 s by default.
    pub read_timeout: Duration,
    /// How many connections [`crate::serve`] has open at once; further ones wait. 256 by default.
    pub connections: usize,
    /// How many requests may wait for a decision; 1,000 by default.
    pub pending: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            body_bytes: scep::MAX_MESSAGE_BYTES,
            query_bytes: 65_536,
            head_bytes: 128 * 1024,
            // Not the 30 s after which scepclient polls: it would reuse a connection that is just being closed.
            read_timeout: Duration::from_secs(25),
            connections: 256,
            pending: 1_000,
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
