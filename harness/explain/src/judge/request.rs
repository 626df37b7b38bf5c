//! A request held against what the CA said before.

use std::time::{Duration, SystemTime};

use openssl::x509::{X509, X509Ref};
use results::requirement::End;
use scep::{
    algorithm::{Cipher, Digest},
    attribute::{FailInfo, MessageType, PkiStatus},
    capabilities::{Capabilities, Capability},
    certificate::{allows, invalidity, is_self_issued},
    clock::apart,
    envelope::Outside,
    http::Method,
    key_usage::KeyUsage,
    name::to_text,
};

use super::{Conversation, authority::Authority, reply::by_other_way};
use crate::{
    explanation::{Finding, Severity},
    layer::{Facts, Inner, named},
    sent_message::{Http, SentMessage},
};

/// The findings about a request; `response` is its reply.
pub(super) fn findings(
    request: &SentMessage,
    response: Option<&SentMessage>,
    conversation: &Conversation<'_>,
) -> Vec<Finding> {
    let Some(facts) = &request.facts else { return Vec::new() };
    let answered = Answered::of(response.and_then(|it| it.facts.as_ref()));
    let at = conversation.knowledge.moment(request.at);
    let then = at.unwrap_or(conversation.knowledge.now);
    let outside = facts.envelope.as_ref().and_then(|it| it.outside.as_ref());
    let mut all = Vec::new();
    if facts.message_type == Some(MessageType::CertRep) {
        let words = "the messageType of the request is CertRep, that of a reply";
        all.push(Finding::wrong(words).against_section("RFC 8894 §3.2.1.2"));
    }
    let other_way = facts.envelope.as_ref().and_then(|it| it.other_way);
    if let (Some(way), Some(authority)) = (other_way, conversation.authority) {
        let right = authority.certificates.recipient(then);
        all.extend(by_other_way("the request", way, right));
    } else if let (Some(outside), Some(authority)) = (outside, conversation.authority) {
        let right = authority.certificates.recipient(then);
        all.extend(recipient(outside, authority, right, at, &answered));
    }
    if let Some(capabilities) = conversation.capabilities {
        all.extend(algorithms(outside, facts, capabilities, &answered));
        all.extend(method(request, capabilities));
        let is_renewal = facts.message_type == Some(MessageType::RenewalReq);
        if is_renewal && !capabilities.has(Capability::Renewal) {
            all.push(
                Finding::odd("a RenewalReq was sent, and the CA does not offer Renewal")
                    .against("R80"),
            );
        }
    }
    all.extend(signer(facts, at));
    all.extend(clock(facts, request, &answered));
    all.extend(names(facts, conversation.authority));
    all.into_iter().map(|finding| finding.by(End::Client)).collect()
}

/// What the server said to the request.
struct Answered {
    is_granted: bool,
    fail_info: Option<FailInfo>,
}

impl Answered {
    fn of(reply: Option<&Facts>) -> Self {
        let granting = [PkiStatus::Success, PkiStatus::Pending];
        let status = reply.and_then(|it| it.pki_status.as_ref());
        let fail_info = reply.and_then(|it| it.denial.as_ref()?.fail_info.clone());
        Self { is_granted: status.is_some_and(|it| granting.contains(it)), fail_info }
    }

    /// A finding about the recipient, which a server that cannot open the envelope refuses as badMessageCheck or without a reason.
    fn about_recipient(&self, words: String) -> Finding {
        let fits = matches!(self.fail_info, None | Some(FailInfo::BadMessageCheck));
        Finding::new(if fits && !self.is_granted { Severity::Wrong } else { Severity::Odd }, words)
    }

    /// A finding about an algorithm that is not offered: only the server can say if it takes it.
    fn about_algorithm(&self, words: String) -> Finding {
        let is_refused = !self.is_granted && self.fail_info == Some(FailInfo::BadAlg);
        Finding::new(if is_refused { Severity::Wrong } else { Severity::Odd }, words)
    }
}

/// Whether the envelope is for the right certificate of the PKI.
fn recipient(
    outside: &Outside,
    authority: &Authority,
    right: &X509Ref,
    at: Option<SystemTime>,
    answered: &Answered,
) -> Option<Finding> {
    let ours: Vec<&X509> =
        authority.all().into_iter().filter(|one| outside.is_addressed_to(one)).collect();
    let receives = |one: &&X509| allows(one, KeyUsage::KEY_ENCIPHERMENT);
    if ours.is_empty() {
        let addressed: Vec<String> = outside.recipients().iter().map(ToString::to_string).collect();
        let addressed = if addressed.is_empty() {
            "nobody with an RSA key".to_owned()
        } else {
            addressed.join(" and ")
        };
        let words = format!(
            "the request is addressed to {addressed}, which is none of {}: the right one is {}",
            authority.source,
            named(right)
        );
        let finding = if authority.is_complete {
            answered.about_recipient(words)
        } else {
            Finding::odd(words)
        };
        return Some(finding.against("R62").advice(
            "the client keeps an old or another certificate of the CA or its RA: let it fetch them anew with GetCACert",
        ));
    }
    if answered.is_granted {
        return None;
    }
    if let Some(ra) = authority.certificates.ra.iter().find(receives)
        && !ours.iter().any(|one| authority.certificates.ra.contains(one))
    {
        let words = format!(
            "the request is addressed to the CA's own certificate, {}, and not to that of its RA, {}, which receives requests",
            named(ours[0]),
            named(ra)
        );
        return Some(answered.about_recipient(words).against_section("RFC 8894 §2.1.2"));
    }
    if !ours.iter().any(receives) {
        let words = format!(
            "the request is addressed to {}, whose key usage does not allow keyEncipherment; the right one is {}",
            named(ours[0]),
            named(right)
        );
        return Some(answered.about_recipient(words).against_section("RFC 5280 §4.2.1.3"));
    }
    let reason = invalidity(ours[0], at?)?;
    Some(
        Finding::odd(format!("the request is addressed to {}, which {reason}", named(ours[0])))
            .against("R22"),
    )
}

/// Whether the CA offers the algorithms.
fn algorithms(
    outside: Option<&Outside>,
    facts: &Facts,
    offered: &Capabilities,
    answered: &Answered,
) -> Vec<Finding> {
    let mut all = Vec::new();
    // A CA that lists nothing is too old to say anything.
    if offered.is_empty() {
        return all;
    }
    let cipher = outside.and_then(|it| it.cipher);
    match cipher {
        Some(Cipher::Des) | None => {}
        Some(cipher @ (Cipher::Aes192 | Cipher::Aes256)) => all.push(
            Finding::odd(format!(
                "the request is enciphered with {cipher}, which no capability offers"
            ))
            .against("R56"),
        ),
        Some(cipher) if !offered.offers_cipher(cipher) => all.push(
            answered
                .about_algorithm(format!(
                    "the request is enciphered with {cipher}, and the CA offers {offered}"
                ))
                .against_section("RFC 8894 §3.5.2"),
        ),
        Some(Cipher::TripleDes) if offered.offers_cipher(Cipher::Aes128) => all.push(
            Finding::odd("the request is enciphered with triple DES, although the CA offers AES")
                .against("R17"),
        ),
        Some(_) => {}
    }
    match facts.digest {
        Digest::Md5 => {}
        digest if !offered.offers_digest(digest) => all.push(
            answered
                .about_algorithm(format!(
                    "the request is signed with {digest}, and the CA offers {offered}"
                ))
                .against_section("RFC 8894 §3.5.2"),
        ),
        Digest::Sha1 if offered.offers_digest(Digest::Sha256) => all.push(
            Finding::odd("the request is signed with SHA-1, although the CA offers SHA-256")
                .against("R17"),
        ),
        _ => {}
    }
    all
}

fn method(request: &SentMessage, offered: &Capabilities) -> Option<Finding> {
    let Http::Request(http, ..) = &request.http else { return None };
    match (http.method, offered.has(Capability::PostPkiOperation)) {
        (Method::Get, true) => Some(
            Finding::odd("the message was sent by GET, although the CA offers POST").against("R03"),
        ),
        (Method::Post, false) if !offered.is_empty() => Some(
            Finding::odd("the message was sent by POST, and the CA does not offer it")
                .against_section("RFC 8894 §3.5.2"),
        ),
        _ => None,
    }
}

/// The certificate that signs a request, compared with what is requested.
fn signer(facts: &Facts, at: Option<SystemTime>) -> Vec<Finding> {
    let Some(signer) = &facts.signer else { return Vec::new() };
    let mut all = Vec::new();
    if let Some(reason) = at.and_then(|at| invalidity(signer, at)) {
        all.push(
            Finding::odd(format!("the request is signed with {}, which {reason}", named(signer)))
                .against("R34"),
        );
    }
    let inner = facts.envelope.as_ref().and_then(|it| it.inner.as_ref());
    let Some(Inner::Request(csr)) = inner else { return all };
    if facts.message_type == Some(MessageType::RenewalReq) && csr.challenge_password.is_some() {
        let words = "the RenewalReq has a challenge password, which a renewal should omit";
        all.push(Finding::odd(words).against("R37"));
    }
    let is_same_key = signer.public_key().is_ok_and(|key| key.public_eq(&csr.public_key));
    if is_self_issued(signer) && !is_same_key {
        let words = "the request is signed with a self-signed certificate of another key than the one to certify";
        all.push(Finding::odd(words).against("R63"));
    }
    let is_same_name =
        signer.subject_name().try_cmp(csr.subject()).is_ok_and(std::cmp::Ordering::is_eq);
    if is_self_issued(signer) && !is_same_name {
        let words = format!(
            "the subject of the signer's certificate is `{}`, that of the request `{}`",
            to_text(signer.subject_name()),
            to_text(csr.subject())
        );
        all.push(Finding::note(words).against("R63"));
    }
    // The reply to a key that cannot decrypt is encrypted with the challenge password (RFC 8894 §3.1).
    let decrypts = signer.public_key().is_ok_and(|key| key.id() == openssl::pkey::Id::RSA);
    if is_self_issued(signer)
        && decrypts
        && KeyUsage::of(signer).is_some()
        && !allows(signer, KeyUsage::KEY_ENCIPHERMENT)
    {
        let words = "the key usage of the self-signed certificate does not allow keyEncipherment, and the reply is enciphered to it";
        all.push(Finding::odd(words).against("R34"));
    }
    all
}

/// How far clocks may differ before a badTime is explained by them.
const CLOCKS: Duration = Duration::from_secs(300);

/// A clock that explains a refusal as badTime.
fn clock(facts: &Facts, request: &SentMessage, answered: &Answered) -> Option<Finding> {
    if answered.is_granted || answered.fail_info != Some(FailInfo::BadTime) {
        return None;
    }
    let (signed, at) = (facts.signing_time?, request.at?);
    let difference = at.duration_since(signed).unwrap_or_else(|error| error.duration());
    if difference < CLOCKS {
        return None;
    }
    let side = if signed < at { "before" } else { "after" };
    let words = format!(
        "the signingTime of the request is {} {side} the time of the exchange: the client's clock is wrong, and the server refuses it",
        apart(difference)
    );
    Some(Finding::wrong(words).against("R44"))
}

/// The issuer that a CertPoll names.
fn names(facts: &Facts, authority: Option<&Authority>) -> Option<Finding> {
    let Some(Inner::Poll(names)) = facts.envelope.as_ref().and_then(|it| it.inner.as_ref()) else {
        return None;
    };
    let is_ca =
        |ca: &X509| ca.subject_name().try_cmp(&names.issuer).is_ok_and(std::cmp::Ordering::is_eq);
    if authority?.certificates.ca.iter().any(is_ca) {
        return None;
    }
    let words = format!(
        "the issuer in the CertPoll is `{}`, which is no CA of {}",
        to_text(&names.issuer),
        authority?.source
    );
    Some(Finding::odd(words).against("R78"))
}
