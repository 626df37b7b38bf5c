//! Revocation lists (RFC 5280 §5): when each is made, and the place in certificates where it is found.

use std::time::{Duration, SystemTime};

use openssl::{stack::StackRef, x509::X509Crl};
use scep::clock::later;

use super::Service;
use crate::{
    answer::Answer,
    authority::{Authority, subject_of},
    profile::{self, CrlPlace, RevokedCertificate},
    refusal::Refusal,
    settings::DistributionPoint,
};

/// The content type of a revocation list (RFC 5280 §4.2.1.13, RFC 2585 §4.2).
const REVOCATION_LIST: &str = "application/pkix-crl";

impl Service {
    /// The newest revocation list of a CA: it has those of the revoked certificates that this CA signed.
    ///
    /// A list is made when the CA begins, when a certificate is revoked, and when the list before has expired. Its times follow from
    /// these moments, whenever it is asked for.
    pub(super) fn revocation_list_of(
        &self,
        authority: &Authority,
        now: SystemTime,
    ) -> Result<X509Crl, Refusal> {
        let all = self.authorities.all();
        let first = all.iter().find(|one| one.number == authority.number);
        let begin = first.map_or(authority.begins, |first| first.begins).max(self.created);
        let revoked = self.store.revoked()?;
        let revoked: Vec<&RevokedCertificate> =
            revoked.iter().filter(|one| authority.has_signed(&one.certificate)).collect();
        let newest = revoked.iter().map(|one| one.at).max().unwrap_or(begin);
        let made = newest.max(begin).min(now);
        let crl = &self.settings.crl;
        let made = if crl.renews { last_renewal(made, crl.valid_for, now) } else { made };
        let until = later(made, crl.valid_for);
        Ok(profile::revocation_list(&authority.ca, &revoked, made, until)?)
    }

    /// Answers a request for a revocation list over HTTP; `None` if there is none at this path.
    pub(super) fn answer_revocation_list(&self, path: &str, now: SystemTime) -> Option<Answer> {
        let is_here = self.settings.crl.distribution_point == Some(DistributionPoint::Here);
        let number: u32 = path.strip_prefix("/ca-")?.strip_suffix(".crl")?.parse().ok()?;
        let all = self.authorities.all();
        let mut begun = all.iter().rev().filter(|one| one.begins <= now);
        let authority = begun.find(|one| one.number == number).filter(|_| is_here)?;
        let list = self.revocation_list_of(authority, now);
        Some(match list.and_then(|list| Ok((list.to_der()?, words(&list, authority)))) {
            Ok((list, words)) => {
                let mut answer = Answer::page(REVOCATION_LIST, list);
                answer.note.reason = Some(words);
                answer
            }
            Err(error) => self.internal_error(&error),
        })
    }

    /// The place of the list of a CA in the certificates that it issues, if the settings name one.
    pub(super) fn crl_url(&self, authority: &Authority) -> Option<String> {
        match self.settings.crl.distribution_point.as_ref()? {
            DistributionPoint::Url(url) => Some(url.clone()),
            DistributionPoint::Nowhere => None,
            DistributionPoint::Here => {
                let address = self.settings.address.as_ref()?;
                Some(format!("{}://{address}/ca-{}.crl", self.settings.scheme(), authority.number))
            }
        }
    }

    /// The place of the list in certificates, with this URL if there is one.
    pub(super) fn crl_place<'a>(&self, url: Option<&'a str>) -> CrlPlace<'a> {
        match (url, &self.settings.crl.distribution_point) {
            (Some(url), _) => CrlPlace::Url(url),
            (None, None) => CrlPlace::OfProfile,
            (None, Some(_)) => CrlPlace::Nowhere,
        }
    }
}

/// The last moment, at `now` the latest, at which a list was made if one expires each `valid_for` after `made`.
fn last_renewal(made: SystemTime, valid_for: Duration, now: SystemTime) -> SystemTime {
    let (age, length) =
        (now.duration_since(made).unwrap_or_default().as_secs(), valid_for.as_secs());
    match age.checked_div(length) {
        Some(times) => later(made, Duration::from_secs(times * length)),
        None => made,
    }
}

fn words(list: &X509Crl, authority: &Authority) -> String {
    let count = list.get_revoked().map_or(0, StackRef::len);
    let until = list.next_update().map(ToString::to_string).unwrap_or_default();
    let subject = subject_of(&authority.ca.certificate);
    format!(
        "gave the revocation list of `{}`: {count} revoked, next update {until}",
        subject.escape_debug()
    )
}

#[cfg(test)]
mod tests {
    use scep::clock::moment;

    use super::*;

    #[test]
    fn list_is_made_anew_when_the_one_before_has_expired() {
        let at = |text: &str| moment(text).unwrap();
        let (made, week) = (at("2026-01-01T00:00Z"), Duration::from_secs(7 * 86_400));
        for (now, expected) in [
            ("2026-01-01T00:00Z", "2026-01-01T00:00Z"),
            ("2026-01-07T23:59:59Z", "2026-01-01T00:00Z"),
            ("2026-01-08T00:00Z", "2026-01-08T00:00Z"),
            ("2026-02-04T12:00Z", "2026-01-29T00:00Z"),
            ("2025-12-31T00:00Z", "2026-01-01T00:00Z"),
        ] {
            assert_eq!(last_renewal(made, week, at(now)), at(expected), "{now}");
        }
        assert_eq!(last_renewal(made, Duration::ZERO, at("2027-01-01T00:00Z")), made);
    }
}
