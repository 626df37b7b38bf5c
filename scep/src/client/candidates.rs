//! The choice among several certificates of a CA and its RAs, such as an old and a renewed one of the same name
//! (RFC 8894 §2.1.2, §2.2).

use std::{cmp::Ordering, iter::once, ptr, time::SystemTime};

use openssl::{
    pkey::Id,
    x509::{X509, X509Ref},
};

use super::{CaCertificates, Refusal, Stage};
use crate::{
    certificate::{
        allows, invalidity, is_ca, is_issued_by, is_self_issued, issuance, names_another_key,
        serial_number,
    },
    key_usage::KeyUsage,
    name::to_text,
};

/// The certificates that an enrolment uses: both are valid, and the issuer has issued the recipient or is the recipient.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Chosen {
    /// The certificate to encipher requests to: an RA's with keyEncipherment, or else the issuing CA's.
    pub recipient: X509,
    /// The certificate of the issuing CA.
    pub issuer: X509,
}

/// A recipient with the CA that it belongs to.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    recipient: &'a X509,
    issuer: Option<&'a X509>,
    /// True if an RA certificate here is the recipient or issued by it.
    has_ra: bool,
}

impl CaCertificates {
    /// The recipient and the issuer that are valid at `now` and belong together. Among several of the same name, the newest is
    /// chosen, because it is the renewed one; otherwise the first.
    ///
    /// # Errors
    /// Fails if no pair is usable, and says why for each.
    pub fn choose(&self, now: SystemTime) -> Result<Chosen, Refusal> {
        let candidates = self.candidates();
        match self.best(&candidates, now) {
            Some(Candidate { recipient, issuer: Some(issuer), .. }) => {
                Ok(Chosen { recipient: recipient.clone(), issuer: issuer.clone() })
            }
            _ => Err(self.no_choice(&candidates, now)),
        }
    }

    /// The certificate to encipher requests to, as [`CaCertificates::choose`] chooses it; if none is usable, the first that
    /// would serve if it were valid.
    pub fn recipient(&self, now: SystemTime) -> &X509Ref {
        let candidates = self.candidates();
        let best = self.best(&candidates, now).or(candidates.first().copied());
        best.map_or(&self.ca[0], |best| best.recipient)
    }

    /// The issuing CA, as [`CaCertificates::choose`] chooses it; if none is usable, the first.
    pub fn issuer(&self, now: SystemTime) -> &X509Ref {
        let candidates = self.candidates();
        let best = self.best(&candidates, now).or(candidates.first().copied());
        best.and_then(|best| best.issuer).unwrap_or_else(|| self.leaves()[0])
    }

    /// The certificate that a request is addressed to and those that it could be addressed to as well, in words, if several certificates
    /// are usable at `now`, such as those of two CAs that nothing connects; `None` if the choice is clear. `chosen` is what
    /// [`CaCertificates::choose`] chose.
    pub fn unclear_addressee(&self, chosen: &Chosen, now: SystemTime) -> Option<String> {
        let rivals: Vec<String> = self.rivals(chosen, now).into_iter().map(named).collect();
        if rivals.is_empty() {
            return None;
        }
        Some(format!(
            "several certificates of the CA could receive the request: it is addressed to {}, and not to {}; a server that expects another \
             one refuses it",
            named(&chosen.recipient),
            rivals.join(" or ")
        ))
    }

    /// The usable recipients but the chosen one.
    fn rivals(&self, chosen: &Chosen, now: SystemTime) -> Vec<&X509Ref> {
        let mut rivals: Vec<&X509Ref> = Vec::new();
        for one in self.candidates().iter().filter(|one| self.problem(one, now).is_none()) {
            let recipient: &X509Ref = one.recipient;
            if recipient != &*chosen.recipient && !rivals.contains(&recipient) {
                rivals.push(recipient);
            }
        }
        rivals
    }

    /// RAs with keyEncipherment, each with every CA that has issued it. If none has an RSA key, the issuing CAs themselves come
    /// after them; among these, those with an RA come first.
    fn candidates(&self) -> Vec<Candidate<'_>> {
        let receives = |one: &&X509| allows(one, KeyUsage::KEY_ENCIPHERMENT);
        let mut all: Vec<_> =
            self.ra.iter().filter(receives).flat_map(|ra| self.with_issuers(ra)).collect();
        if all.iter().any(|candidate| candidate.unsuitable_key().is_none()) {
            return all;
        }
        let has_ra = |ca: &X509| self.ra.iter().any(|ra| is_issued_by(ra, ca));
        let alone = |ca| Candidate { recipient: ca, issuer: Some(ca), has_ra: has_ra(ca) };
        let mut ca: Vec<_> = self.leaves().into_iter().map(alone).collect();
        ca.sort_by_key(|candidate| !candidate.has_ra);
        all.extend(ca);
        all
    }

    fn with_issuers<'a>(&'a self, ra: &'a X509) -> Vec<Candidate<'a>> {
        let candidate = |issuer| Candidate { recipient: ra, issuer, has_ra: true };
        let issuers = self.ca.iter().filter(|ca| is_issued_by(ra, ca));
        let known: Vec<_> = issuers.map(|ca| candidate(Some(ca))).collect();
        if known.is_empty() { vec![candidate(None)] } else { known }
    }

    /// The CAs that have issued no other CA certificate here; at least one.
    fn leaves(&self) -> Vec<&X509> {
        let issued_another = |candidate: &&X509| {
            self.ca.iter().any(|other| !is_self_issued(other) && is_issued_by(other, candidate))
        };
        let leaves: Vec<_> = self.ca.iter().filter(|one| !issued_another(one)).collect();
        if leaves.is_empty() { vec![&self.ca[0]] } else { leaves }
    }

    /// The first usable candidate, or a newer one that has the same names.
    fn best<'a>(&self, candidates: &[Candidate<'a>], now: SystemTime) -> Option<Candidate<'a>> {
        let usable = |one: &&Candidate<'_>| self.problem(one, now).is_none();
        let first = candidates.iter().find(usable)?;
        let others =
            candidates.iter().filter(|one| !ptr::eq(*one, first) && first.is_named_like(one));
        // The first of equal ones; those before the first usable one are not usable.
        once(first)
            .chain(others.filter(usable))
            .reduce(|best, one| if one.is_newer_than(best) { one } else { best })
            .copied()
    }

    /// The stage and the reason at which the candidate fails.
    fn problem(&self, candidate: &Candidate<'_>, now: SystemTime) -> Option<(Stage, String)> {
        let subject = to_text(candidate.recipient.subject_name());
        let Some(issuer) = candidate.issuer else {
            let reasons = self.ca.iter().filter_map(|ca| issuance(candidate.recipient, ca).err());
            let reason = reasons.map(|reason| reason.to_string()).next().unwrap_or_default();
            let text = format!("the RA certificate `{subject}` is not issued by the CA: {reason}");
            return Some((Stage::RaChoice, text));
        };
        if !self.is_vouched_for(issuer) {
            let subject = to_text(issuer.subject_name());
            let reason = issuance(issuer, issuer).err().map(|reason| reason.to_string());
            let reason = reason.unwrap_or_else(|| "its issuer is not among them".to_owned());
            let text = format!("the CA certificate `{subject}` is not signed as it says: {reason}");
            return Some((Stage::GetCaCert, text));
        }
        if !self.ra.is_empty() && !allows(candidate.recipient, KeyUsage::KEY_ENCIPHERMENT) {
            let ra_receives = self.ra.iter().any(|ra| allows(ra, KeyUsage::KEY_ENCIPHERMENT));
            let text = if ra_receives {
                format!("the CA certificate `{subject}` does not allow keyEncipherment")
            } else {
                "neither an RA certificate nor the CA's allows keyEncipherment".to_owned()
            };
            return Some((Stage::RaChoice, text));
        }
        let problem = invalid(candidate.recipient, now)
            .or_else(|| invalid(issuer, now))
            .or_else(|| candidate.unsuitable_key())?;
        Some((Stage::RaChoice, problem))
    }

    /// True if a CA here has issued the certificate, or the certificate is a CA's whose issuer is not here, because a chain may
    /// end below its root, or below a certificate of the same name.
    pub(super) fn is_vouched_for(&self, certificate: &X509Ref) -> bool {
        let is_elsewhere = !is_self_issued(certificate) || names_another_key(certificate);
        let is_top = is_ca(certificate) && is_elsewhere;
        is_top || self.ca.iter().any(|ca| is_issued_by(certificate, ca))
    }

    /// The reasons of all candidates, each once.
    fn no_choice(&self, candidates: &[Candidate<'_>], now: SystemTime) -> Refusal {
        let problems = candidates.iter().filter_map(|one| self.problem(one, now));
        let mut reasons: Vec<(Stage, String)> = Vec::new();
        for problem in problems {
            if !reasons.contains(&problem) {
                reasons.push(problem);
            }
        }
        if let [(stage, only)] = reasons.as_slice() {
            return Refusal::unacceptable(*stage, only);
        }
        let texts: Vec<_> = reasons.into_iter().map(|(_, text)| text).collect();
        let text = format!("no certificate can receive the request: {}", texts.join("; "));
        Refusal::unacceptable(Stage::RaChoice, text)
    }
}

impl Candidate<'_> {
    fn is_named_like(&self, other: &Self) -> bool {
        let alike = |one: &X509Ref, other: &X509Ref| {
            one.subject_name().try_cmp(other.subject_name()).is_ok_and(Ordering::is_eq)
        };
        let issuers_alike = match (self.issuer, other.issuer) {
            (Some(one), Some(other)) => alike(one, other),
            _ => false,
        };
        self.has_ra == other.has_ra && alike(self.recipient, other.recipient) && issuers_alike
    }

    fn is_newer_than(&self, other: &Self) -> bool {
        let compare = |one: &X509Ref, other: &X509Ref| {
            one.not_before().compare(other.not_before()).unwrap_or(Ordering::Equal)
        };
        let issuers = match (self.issuer, other.issuer) {
            (Some(one), Some(other)) => compare(one, other),
            _ => Ordering::Equal,
        };
        compare(self.recipient, other.recipient).then(issuers).is_gt()
    }

    /// The reason why this crate cannot encipher to the recipient's key. RFC 8894 §3.1 has a way for keys of another kind than RSA,
    /// with the challenge password in place of the key, which servers do not have either.
    fn unsuitable_key(&self) -> Option<String> {
        let id = self.recipient.public_key().map(|key| key.id());
        let kind = match id {
            Ok(Id::RSA) => return None,
            Ok(Id::EC) => "an EC key",
            _ => "no RSA key",
        };
        let subject = to_text(self.recipient.subject_name());
        let is_ra = self.issuer.is_some_and(|issuer| issuer != self.recipient);
        let owner = if is_ra { "the RA's" } else { "the CA's own" };
        Some(format!(
            "{owner} certificate `{subject}` has {kind}, and this client enciphers requests to an RSA key only: the server must send \
             an RA certificate with an RSA key"
        ))
    }
}

/// A certificate by its subject and its serial number, because an old one and its successor have one name.
fn named(certificate: &X509Ref) -> String {
    let serial = serial_number(certificate).unwrap_or_default();
    format!("`{}` (serial number {serial})", to_text(certificate.subject_name()))
}

fn invalid(certificate: &X509Ref, now: SystemTime) -> Option<String> {
    let reason = invalidity(certificate, now)?;
    Some(format!("the certificate `{}` {reason}", to_text(certificate.subject_name())))
}
