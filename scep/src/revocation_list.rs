//! A certificate revocation list (RFC 5280 §5), as a GetCRL or a distribution point returns it.

mod scope;

use std::{fmt, sync::Arc, time::SystemTime};

use openssl::{
    asn1::Asn1IntegerRef,
    error::ErrorStack,
    x509::{CrlNumber, ReasonCode, X509Crl, X509NameRef, X509Ref, X509RevokedRef},
};

use self::scope::Scope;
pub use self::scope::{NotAbout, distribution_points};
use crate::{
    Error,
    certificate::{NotIssued, allows},
    clock::{moment_text, system_time},
    content::{Asn1, unlike},
    error::reasons,
    key_usage::KeyUsage,
    name::to_text,
};

const WHAT: &str = "certificate revocation list";

/// The names of the reasons of RFC 5280 §5.3.1 by their numbers; 7 is not used.
const REASONS: [&str; 11] = [
    "unspecified",
    "keyCompromise",
    "cACompromise",
    "affiliationChanged",
    "superseded",
    "cessationOfOperation",
    "certificateHold",
    "7",
    "removeFromCRL",
    "privilegeWithdrawn",
    "aACompromise",
];

/// The longest number of a list, in octets (RFC 5280 §5.2.3).
const NUMBER_LENGTH: i32 = 20;

/// A revocation list that is read, but not verified: [`RevocationList::check_issuer`] does that, and [`RevocationList::check_about`] tells
/// if it has the revocation of a certificate. Clones are the same list.
#[derive(Clone)]
pub struct RevocationList {
    list: Arc<X509Crl>,
    this_update: SystemTime,
    next_update: Option<SystemTime>,
    number: Option<String>,
    revoked: Arc<[Revoked]>,
    scope: Scope,
}

/// A revoked certificate in a list.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Revoked {
    /// The serial number, as OpenSSL writes it: two capital hexadecimal digits for each byte.
    pub serial: String,
    /// The moment of the revocation.
    pub at: SystemTime,
    /// The reason by its name in RFC 5280 §5.3.1, such as `keyCompromise`; `None` if the list names none.
    pub reason: Option<&'static str>,
}

/// Why a list is not one of a CA.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotItsList {
    /// The list names another issuer, its signature does not verify, or its signature cannot be checked.
    #[error("{0}")]
    NotIssued(NotIssued),
    /// The key of the CA may not sign lists.
    #[error("the key usage of `{0}` does not allow cRLSign (RFC 5280 §6.3.3)")]
    KeyUsage(String),
    /// The list ends before it begins.
    #[error("its nextUpdate, {next}, is before its thisUpdate, {this}")]
    EndsBeforeItBegins {
        /// The thisUpdate of the list.
        this: String,
        /// The nextUpdate of the list.
        next: String,
    },
    /// The list is no complete list of one CA.
    #[error("{0}")]
    Partial(NotAbout),
}

impl RevocationList {
    /// Reads a list in DER, or in PEM as some web servers send it.
    ///
    /// # Errors
    /// If the bytes are something else, or a date or an extension in the list cannot be read.
    pub fn read(bytes: &[u8]) -> Result<Self, Error> {
        let list = X509Crl::from_der(bytes).or_else(|error| {
            let is_pem = bytes.trim_ascii_start().starts_with(b"-----BEGIN");
            if is_pem { X509Crl::from_pem(bytes) } else { Err(error) }
        });
        let malformed = |errors: ErrorStack| Error::malformed(WHAT)(reasons(&errors));
        let list = list.map_err(malformed);
        let is_list = |content: &Asn1| matches!(content, Asn1::RevocationList(_));
        Self::of(list.map_err(unlike(bytes, WHAT, is_list, true))?)
    }

    /// Reads a list that OpenSSL has parsed.
    ///
    /// # Errors
    /// If a date or an extension in the list cannot be read.
    pub fn of(list: X509Crl) -> Result<Self, Error> {
        let unreadable = |what: &'static str| {
            move |_| Error::malformed(WHAT)(format!("its {what} cannot be read"))
        };
        let next_update = list.next_update().map(system_time).transpose();
        let entries = list.get_revoked().into_iter().flatten();
        let revoked = entries.map(Revoked::of).collect::<Result<Vec<_>, _>>();
        let number = list.extension::<CrlNumber>().ok().flatten();
        Ok(Self {
            this_update: system_time(list.last_update()).map_err(unreadable("thisUpdate"))?,
            next_update: next_update.map_err(unreadable("nextUpdate"))?,
            number: number.and_then(|(_, number)| decimal(&number)),
            revoked: revoked.map_err(unreadable("entries"))?.into(),
            scope: Scope::read(&list.to_der()?).map_err(|error| error.about(WHAT))?,
            list: Arc::new(list),
        })
    }

    /// The name of the CA that has issued the list.
    pub fn issuer(&self) -> &X509NameRef {
        self.list.issuer_name()
    }

    /// The moment at which the list was issued.
    pub fn this_update(&self) -> SystemTime {
        self.this_update
    }

    /// The moment until which a newer list is issued; a list need not name one.
    pub fn next_update(&self) -> Option<SystemTime> {
        self.next_update
    }

    /// The number of the list, in decimal digits; `None` if it has none, or one that is longer than the 20 octets of RFC 5280 §5.2.3.
    pub fn number(&self) -> Option<&str> {
        self.number.as_deref()
    }

    /// The revoked certificates, in the order of the list.
    pub fn revoked(&self) -> &[Revoked] {
        &self.revoked
    }

    /// The list in DER.
    ///
    /// # Errors
    /// If OpenSSL is out of memory.
    pub fn to_der(&self) -> Result<Vec<u8>, Error> {
        Ok(self.list.to_der()?)
    }

    /// The entry of a certificate, which the list must be about; `None` if the certificate is not revoked.
    pub fn entry(&self, certificate: &X509Ref) -> Option<&Revoked> {
        let serial = hexadecimal(certificate.serial_number()).ok()?;
        self.revoked.iter().find(|one| one.serial == serial && one.reason != Some("removeFromCRL"))
    }

    /// Checks that the list names `issuer`, that the key of `issuer` signs lists and verifies the signature, and that the list is a complete
    /// one of this CA alone, with nothing critical in it that is not understood (RFC 5280 §5.2).
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check_issuer(&self, issuer: &X509Ref) -> Result<(), NotItsList> {
        let (actual, wanted) = (self.issuer(), issuer.subject_name());
        if !actual.try_cmp(wanted).is_ok_and(std::cmp::Ordering::is_eq) {
            let (actual, wanted) = (to_text(actual), to_text(wanted));
            return Err(NotItsList::NotIssued(NotIssued::OtherIssuer { actual, wanted }));
        }
        if !allows(issuer, KeyUsage::CRL_SIGN) {
            return Err(NotItsList::KeyUsage(to_text(wanted)));
        }
        let key = issuer.public_key();
        let key = key.map_err(|_| NotItsList::NotIssued(NotIssued::Key(to_text(wanted))))?;
        if !self.list.verify(&key).unwrap_or(false) {
            return Err(NotItsList::NotIssued(NotIssued::Signature(to_text(wanted))));
        }
        if let Some(next) = self.next_update.filter(|next| *next < self.this_update) {
            let (this, next) = (moment_text(self.this_update), moment_text(next));
            return Err(NotItsList::EndsBeforeItBegins { this, next });
        }
        self.scope.partial().cloned().map_or(Ok(()), |reason| Err(NotItsList::Partial(reason)))
    }

    /// Checks that the list has this certificate of its issuer if it is revoked: a list may be about users or CAs alone, or that of one of
    /// several distribution points.
    ///
    /// # Errors
    /// The first of these that does not hold.
    pub fn check_about(&self, certificate: &X509Ref) -> Result<(), NotAbout> {
        self.scope.check(certificate)
    }
}

impl fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RevocationList")
            .field("issuer", &to_text(self.issuer()))
            .field("number", &self.number)
            .field("revoked", &self.revoked)
            .finish_non_exhaustive()
    }
}

impl Revoked {
    fn of(entry: &X509RevokedRef) -> Result<Self, Error> {
        let reason = entry.extension::<ReasonCode>().ok().flatten();
        let reason = reason.and_then(|(_, code)| usize::try_from(code.get_i64().ok()?).ok());
        Ok(Self {
            serial: hexadecimal(entry.serial_number())?,
            at: system_time(entry.revocation_date())?,
            reason: reason.and_then(|number| REASONS.get(number).copied()),
        })
    }
}

fn hexadecimal(number: &Asn1IntegerRef) -> Result<String, ErrorStack> {
    Ok(number.to_bn()?.to_hex_str()?.to_string())
}

/// `None` if the number is too long: OpenSSL needs minutes for the decimal digits of one that fills a message.
fn decimal(number: &Asn1IntegerRef) -> Option<String> {
    let number = number.to_bn().ok().filter(|number| number.num_bytes() <= NUMBER_LENGTH)?;
    Some(number.to_dec_str().ok()?.to_string())
}
