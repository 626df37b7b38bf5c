//! The certificates of the PKI, from the conversation or as they were given.

use openssl::x509::{X509, X509Ref};
use results::requirement::End;
use scep::{
    certificate::{Fingerprint, allows, invalidity, is_ca, is_issued_by, is_self_issued},
    client::CaCertificates,
    http::{CA_CERTIFICATE, CA_RA_CERTIFICATES, Operation},
    key_usage::KeyUsage,
    name::to_text,
};

use crate::{
    body::Body,
    explanation::Finding,
    knowledge::Knowledge,
    layer::{enveloped, named},
    sent_message::{Http, SentMessage},
};

/// The certificates of the PKI.
pub(super) struct Authority {
    pub(super) certificates: CaCertificates,
    /// Where they are from, in words.
    pub(super) source: &'static str,
    /// False if there may be an RA whose certificate is not here.
    pub(super) is_complete: bool,
}

impl Authority {
    /// The given ones, or else those of the conversation's GetCACert, or else the CA certificates among the files.
    pub(super) fn of(messages: &[SentMessage], knowledge: &Knowledge) -> Option<Self> {
        if !knowledge.ca.is_empty() {
            let source = "the certificates of the PKI that were given";
            return Self::sorted(knowledge.ca.clone(), source, true);
        }
        let answers = messages.iter().filter(|message| is_answer(message, messages));
        let answered: Vec<X509> = answers.flat_map(|message| message.body.certificates()).collect();
        if !answered.is_empty() {
            return Self::sorted(answered, "the certificates of GetCACert", true);
        }
        let files =
            messages.iter().filter(|message| message.sender.is_none() && is_certificates(message));
        let loose = files.flat_map(|message| message.body.certificates()).filter(|one| is_ca(one));
        Self::sorted(loose.collect(), "the certificates handed in", false)
    }

    fn sorted(all: Vec<X509>, source: &'static str, is_complete: bool) -> Option<Self> {
        let certificates = CaCertificates::sort(all).ok()?;
        Some(Self { certificates, source, is_complete })
    }

    /// True if this may be a certificate of the RA that was not handed in.
    pub(super) fn may_have(&self, one: &X509Ref) -> bool {
        !self.is_complete && self.certificates.ca.iter().any(|ca| is_issued_by(one, ca))
    }

    pub(super) fn all(&self) -> Vec<&X509> {
        self.certificates.ca.iter().chain(&self.certificates.ra).collect()
    }

    /// True if a known certificate has the subject and the key of another one.
    pub(super) fn has_key_of(&self, other: &X509Ref) -> bool {
        let key = |one: &X509Ref| one.public_key().and_then(|key| key.public_key_to_der()).ok();
        self.namesake(other).is_some_and(|known| key(known).is_some() && key(known) == key(other))
    }

    /// The known certificate with the subject of another one.
    pub(super) fn namesake(&self, other: &X509Ref) -> Option<&X509> {
        let is_same = |one: &X509| {
            let (one, other) = (one.subject_name(), other.subject_name());
            one.try_cmp(other).is_ok_and(std::cmp::Ordering::is_eq)
        };
        self.all().into_iter().find(|one| is_same(one))
    }
}

/// True for the reply to a GetCACert, or a reply without a request of the type that only a GetCACert has.
fn is_answer(message: &SentMessage, messages: &[SentMessage]) -> bool {
    let asked = message.answers.map(|request| messages[request].operation());
    let is_of_type = || match &message.http {
        Http::Reply(reply) => [CA_CERTIFICATE, CA_RA_CERTIFICATES]
            .iter()
            .any(|it| reply.content_type.as_deref().is_some_and(|own| own.starts_with(it))),
        _ => false,
    };
    is_certificates(message)
        && match asked {
            Some(operation) => matches!(operation, Some(Operation::GetCaCert(_))),
            None => is_of_type(),
        }
}

fn is_certificates(message: &SentMessage) -> bool {
    matches!(message.body.inner(), Body::Certificate(_) | Body::CertsOnly(_))
}

/// The findings about the answer to a GetCACert.
pub(super) fn findings(message: &SentMessage, knowledge: &Knowledge) -> Vec<Finding> {
    let certificates = message.body.certificates();
    if certificates.is_empty() {
        return Vec::new();
    }
    let at = knowledge.moment(message.at);
    let findings = match CaCertificates::sort(certificates.clone()) {
        Err(refusal) => {
            vec![Finding::wrong(refusal.reason.to_string()).against_section("RFC 8894 §4.2.1")]
        }
        Ok(sorted) => of_sorted(&sorted, message, at, knowledge),
    };
    findings.into_iter().map(|finding| finding.by(End::Server)).collect()
}

/// The findings about the answer to a GetNextCACert, which the current CA must sign.
pub(super) fn of_next_ca(message: &SentMessage, authority: &Authority) -> Option<Finding> {
    let Body::Signed(answer) = message.body.inner() else { return None };
    // A request, or an envelope, is no answer to a GetNextCACert.
    if message.sender == Some(End::Client) || enveloped(answer).is_some() {
        return None;
    }
    let ca: Vec<&X509Ref> = authority.certificates.ca.iter().map(AsRef::as_ref).collect();
    let signer = answer.verify(&ca).ok()?;
    if authority.certificates.ca.contains(&signer) {
        return None;
    }
    let words = format!(
        "the certificates of the next CA are signed with {}, which is no CA of {}",
        named(&signer),
        authority.source
    );
    Some(Finding::wrong(words).against("R81").by(End::Server))
}

fn of_sorted(
    sorted: &CaCertificates,
    message: &SentMessage,
    at: Option<std::time::SystemTime>,
    knowledge: &Knowledge,
) -> Vec<Finding> {
    let mut all = Vec::new();
    let now = at.unwrap_or(knowledge.now);
    match sorted.choose(now) {
        // It may be for the dates.
        Err(_) if at.is_none() => {}
        Err(refusal) => all.push(
            Finding::wrong(format!("no certificate of the CA can be used: {}", refusal.reason))
                .against_section("RFC 5280 §6.1.3"),
        ),
        Ok(chosen) => {
            if let Some(words) = sorted.unclear_addressee(&chosen, now) {
                all.push(Finding::odd(words));
            }
            if !allows(&chosen.recipient, KeyUsage::KEY_ENCIPHERMENT) {
                let words = format!(
                    "the key usage of {} does not allow keyEncipherment, and no other certificate can receive requests",
                    named(&chosen.recipient)
                );
                all.push(Finding::odd(words).against("R21"));
            }
        }
    }
    if sorted.ra.is_empty() && sorted.ca.iter().all(|ca| KeyUsage::of(ca).is_none()) {
        let words = format!("the CA's certificate {} has no key usage", named(&sorted.ca[0]));
        all.push(Finding::odd(words).against("R21"));
    }
    for ra in &sorted.ra {
        if !sorted.ca.iter().any(|ca| is_issued_by(ra, ca)) {
            let words = format!("the RA's certificate {} is issued by no CA here", named(ra));
            all.push(Finding::wrong(words).against_section("RFC 8894 §2.2"));
        }
        if let Some(reason) = at.and_then(|at| invalidity(ra, at)) {
            all.push(
                Finding::odd(format!("the RA's certificate {} {reason}", named(ra)))
                    .against_section("RFC 5280 §6.1.3"),
            );
        }
    }
    let incomplete = sorted
        .ca
        .iter()
        .find(|ca| !is_self_issued(ca) && !sorted.ca.iter().any(|above| is_issued_by(ca, above)));
    if let Some(ca) = incomplete {
        let words = format!(
            "the CA's certificate {} is issued by `{}`, whose certificate did not come",
            named(ca),
            to_text(ca.issuer_name())
        );
        all.push(Finding::note(words).against_section("RFC 8894 §4.2.1.2"));
    }
    // One may be signed by another CA of its name, such as the former one with another key.
    let broken = sorted
        .ca
        .iter()
        .find(|ca| is_self_issued(ca) && !sorted.ca.iter().any(|above| is_issued_by(ca, above)));
    if let Some(ca) = broken {
        all.push(
            Finding::wrong(format!(
                "the self-issued certificate {} is signed neither with its own key nor with that of another CA that came",
                named(ca)
            ))
            .against_section("RFC 5280 §6.1.3"),
        );
    }
    if let (Body::CertsOnly(_), [_], []) = (message.body.inner(), &sorted.ca[..], &sorted.ra[..]) {
        all.push(
            Finding::note("a single CA certificate comes in a certs-only message").against("R20"),
        );
    }
    all.extend(other_ca(sorted, knowledge));
    all
}

/// A finding if none of the CA certificates is one of those that were given.
fn other_ca(sorted: &CaCertificates, knowledge: &Knowledge) -> Option<Finding> {
    let given: &[X509] = &knowledge.ca;
    if given.is_empty() || sorted.ca.iter().chain(&sorted.ra).any(|one| given.contains(one)) {
        return None;
    }
    let fingerprint =
        |one: &X509| Fingerprint::of(one).map(|it| it.to_string()).unwrap_or_default();
    let words = format!(
        "none of the certificates is one of those that were given: the CA's is {} with the SHA-256 fingerprint {}, the given one is {} with {}",
        named(&sorted.ca[0]),
        fingerprint(&sorted.ca[0]),
        named(&given[0]),
        fingerprint(&given[0])
    );
    Some(Finding::wrong(words).against("R61"))
}
