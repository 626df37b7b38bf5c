//! What a device knows about the revocation of its certificates.

use std::time::{Duration, SystemTime};

use openssl::x509::{X509, X509Ref};
use scep::certificate::is_issued_by;
use scep::clock::{later, moment_text};
use scep::name::to_text;
use scep::revocation_list::{RevocationList, Revoked};

use super::pause::seconds;
use crate::config::value::CrlSource;

/// The time after which a list without a nextUpdate is fetched again.
const DAY: Duration = Duration::from_secs(86_400);
/// The shortest time between two lists, so that a CA with very short ones does not keep the device busy.
const SHORTEST: Duration = Duration::from_secs(60);

/// The check of revocation of one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Revocation {
    /// Where lists come from; `None` if the device does not check revocation.
    pub(crate) source: Option<CrlSource>,
    /// The newest list.
    pub(crate) held: Option<HeldList>,
    /// Why there is no newer one.
    pub(crate) problem: Option<Problem>,
}

/// Why a list could not be fetched.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) reason: String,
    /// The pause before the next try; `None` if another try would fail for the same reason.
    pub(crate) pause: Option<Duration>,
}

/// A verified list that a device keeps.
#[derive(Debug, Clone)]
pub(crate) struct HeldList {
    pub(crate) list: RevocationList,
    /// Where it came from: `GetCRL at http://…` or a URL.
    pub(crate) from: String,
    /// When it was fetched, by the device's clock.
    pub(crate) fetched: SystemTime,
    /// The certificate of the CA that has signed it.
    pub(crate) issuer: X509,
}

/// Whether a list may be relied on at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    Fresh,
    /// The moment is before the list's thisUpdate.
    NotYetValid,
    /// The moment is after the list's nextUpdate.
    Expired,
}

impl Revocation {
    /// The entry of the certificate in the list that is kept, if it is the list of its issuer. An expired list counts as well: what
    /// was revoked stays revoked.
    pub(crate) fn entry(&self, certificate: &X509Ref) -> Option<&Revoked> {
        self.held.as_ref().filter(|held| held.is_about(certificate))?.list.entry(certificate)
    }

    /// What an operator must know about the check: the certificates are shown as valid although no fresh list says so.
    pub(crate) fn remark(&self, now: SystemTime) -> Option<String> {
        self.source?;
        let problem = self.problem.as_ref().map(Problem::text);
        let because = problem.as_ref().map(|text| format!(": {text}")).unwrap_or_default();
        match &self.held {
            None => problem.map(|text| format!("crl: revocation is not checked: {text}")),
            Some(held) => match held.freshness(now) {
                Freshness::Fresh => problem.map(|text| format!("crl: {text}")),
                Freshness::NotYetValid => Some(format!(
                    "crl: the revocation list begins at {}, which is later than this clock{because}",
                    moment_text(held.list.this_update())
                )),
                Freshness::Expired => Some(format!(
                    "crl: the revocation list has expired at {}, so later revocations are not known{because}",
                    held.list.next_update().map(moment_text).unwrap_or_default()
                )),
            },
        }
    }
}

impl Problem {
    /// Its words, with the next try.
    pub(crate) fn text(&self) -> String {
        match self.pause {
            Some(pause) => format!("{}, next try in {}", self.reason, seconds(pause)),
            None => self.reason.clone(),
        }
    }
}

impl HeldList {
    /// True if it is the list of the certificate's issuer: a CA of the same name may have another key.
    pub(crate) fn is_about(&self, certificate: &X509Ref) -> bool {
        is_issued_by(certificate, &self.issuer)
    }

    pub(crate) fn freshness(&self, now: SystemTime) -> Freshness {
        if now < self.list.this_update() {
            Freshness::NotYetValid
        } else if self.list.next_update().is_some_and(|next| next <= now) {
            Freshness::Expired
        } else {
            Freshness::Fresh
        }
    }

    /// The moment at which the next list is fetched: the nextUpdate of this one, or a day after it came if it has none.
    pub(crate) fn due(&self) -> SystemTime {
        let next = self.list.next_update().unwrap_or_else(|| later(self.fetched, DAY));
        next.max(later(self.fetched, SHORTEST))
    }

    /// Short description for the journal.
    pub(crate) fn described(&self) -> String {
        let number = self.list.number().map(|number| format!("list {number} of "));
        let next =
            self.list.next_update().map(|next| format!(", next update {}", moment_text(next)));
        format!(
            "{}`{}` by {}: {} revoked{}",
            number.unwrap_or_else(|| "the list of ".to_owned()),
            to_text(self.list.issuer()),
            self.from,
            self.list.revoked().len(),
            next.unwrap_or_default()
        )
    }
}

/// The words about an entry: since when and why.
pub(crate) fn since(entry: &Revoked) -> String {
    let reason = entry.reason.map(|reason| format!(" ({reason})")).unwrap_or_default();
    format!("since {}{reason}", moment_text(entry.at))
}
