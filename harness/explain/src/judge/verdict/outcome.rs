//! The verdict about a reply in which nothing is wrong.

use results::requirement::End;
use scep::{
    attribute::{FailInfo, MessageType, PkiStatus},
    certificate::is_self_issued,
};

use super::{Known, undecided};
use crate::{
    explanation::{AtFault, Verdict},
    item::Gap,
    layer::{Facts, Inner, key_words},
    sent_message::SentMessage,
};

/// A reply, the request that it answers, and what is known besides them.
pub(super) struct Outcome<'a> {
    pub(super) reply: &'a Facts,
    pub(super) request: Option<&'a SentMessage>,
    /// The request of a certificate, if the other one asks about it with CertPoll.
    pub(super) origin: Option<&'a Facts>,
    /// The request in words: `the request`, with its number if there are several.
    pub(super) named: String,
    pub(super) known: Known<'a>,
}

/// The words about a refusal: `FAILURE, badAlg`.
pub(super) fn refusal(reply: &Facts) -> Option<String> {
    let is_failure = reply.pki_status == Some(PkiStatus::Failure);
    let denial = || match &reply.denial {
        Some(denial) => format!("FAILURE, {denial}"),
        None => "FAILURE".to_owned(),
    };
    is_failure.then(denial)
}

pub(super) fn verdict(outcome: &Outcome<'_>) -> Verdict {
    let reply = outcome.reply;
    if let Some(refusal) = refusal(reply) {
        let cause = probable_cause(outcome);
        let cause = cause.as_deref().unwrap_or("nothing that was seen breaks the protocol");
        let reason = format!("{} was refused: {refusal}; {cause}", outcome.named);
        let unverified = reply.unverified.as_deref().map(|why| unverified(why, outcome.known));
        let next = unverified.into_iter().chain(after_refusal(outcome)).collect();
        return undecided(AtFault::Unknown, reason, next);
    }
    if let Some(why) = &reply.unverified {
        return undecided(AtFault::Unknown, unverified(why, outcome.known), Vec::new());
    }
    match &reply.pki_status {
        Some(PkiStatus::Pending) => {
            let reason = format!("{} waits for a decision of the CA", outcome.named);
            let next =
                "an operator of the CA must approve it, or the client must ask again with CertPoll";
            undecided(AtFault::Nobody, reason, vec![next.to_owned()])
        }
        _ => granted(outcome),
    }
}

fn unverified(why: &str, known: Known<'_>) -> String {
    let options = "; give the certificates of the CA and its RA with --ca";
    let options = known.knowledge.about_options(options);
    format!("the signature of the reply was not verified: {why}{options}")
}

fn granted(outcome: &Outcome<'_>) -> Verdict {
    let envelope = outcome.reply.envelope.as_ref();
    let Some(Inner::Certificates(contents)) = envelope.and_then(|it| it.inner.as_ref()) else {
        let option = outcome.known.knowledge.about_options(" (--key)");
        let next = format!(
            "with the client's key{option} the certificate in it is compared with the request, too"
        );
        let reason = format!("{} was granted; the reply was not opened", outcome.named);
        return undecided(AtFault::Nobody, reason, vec![next]);
    };
    let content = match (contents.certificates.len(), contents.crls.len()) {
        (0, _) => "a revocation list",
        (1, _) => "a certificate",
        _ => "certificates",
    };
    let compared = match outcome.request.and_then(|it| it.facts.as_ref()) {
        None => format!("{content}, compared with nothing, because its request is not here"),
        Some(asked) => compared(outcome.origin.unwrap_or(asked), content),
    };
    let option = outcome.known.knowledge.about_options(": give --ca");
    let no_ca =
        format!("its issuer was not looked at, because no certificate of the CA is known{option}");
    let next = (!outcome.known.ca).then_some(no_ca).into_iter().collect();
    let reason = format!("{} was granted, and the reply has {compared}", outcome.named);
    undecided(AtFault::Nobody, reason, next)
}

/// What the content of a reply was compared with.
fn compared(asked: &Facts, content: &str) -> String {
    let inner = asked.envelope.as_ref().and_then(|it| it.inner.as_ref());
    let is_signed_with_its_key = asked.message_type == Some(MessageType::PkcsReq)
        && asked.signer.as_ref().is_some_and(|it| is_self_issued(it));
    match (inner, &asked.message_type) {
        (Some(Inner::Request(_)), _) => {
            "a certificate for the requested key; names and extensions were compared, too".to_owned()
        }
        (Some(Inner::Query(_)), Some(MessageType::GetCert)) => {
            "the certificate that was asked for".to_owned()
        }
        (_, Some(MessageType::GetCrl | MessageType::GetCert)) => {
            format!("{content}; whether it is the one that was asked for was not compared")
        }
        _ if is_signed_with_its_key => {
            "a certificate for the key that signs the request; names and extensions were not compared, because the request was not opened".to_owned()
        }
        (_, Some(MessageType::CertPoll)) => {
            format!("{content}; it was not compared with what was requested, because a CertPoll does not repeat it")
        }
        _ => format!(
            "{content}; it was not compared with what was requested, because the request was not opened"
        ),
    }
}

/// Why the server probably refuses a request that breaks no rule: whether it takes a signingTime is at its discretion.
fn probable_cause(outcome: &Outcome<'_>) -> Option<String> {
    let fail_info = outcome.reply.denial.as_ref().and_then(|it| it.fail_info.as_ref());
    if !matches!(fail_info, None | Some(FailInfo::BadTime | FailInfo::BadMessageCheck)) {
        return None;
    }
    let words = outcome.request?.facts.as_ref()?.signed_outside_validity()?;
    Some(format!("probably because {words}: a server may take that or not (RFC 5652 §11.3)"))
}

/// What to look at after a refusal without a reason.
fn after_refusal(outcome: &Outcome<'_>) -> Vec<String> {
    let mut next = Vec::new();
    let asked = outcome.request.and_then(|it| it.facts.as_ref());
    let envelope = asked.and_then(|it| it.envelope.as_ref());
    let csr = match envelope.and_then(|it| it.inner.as_ref()) {
        Some(Inner::Request(csr)) => Some(csr),
        _ => None,
    };
    match csr {
        Some(csr) if csr.challenge_password.is_none() => next.push(
            "the request has no challenge password: does this CA demand one?".to_owned(),
        ),
        Some(csr) => next.push(format!(
            "the request has a challenge password, which may be wrong, used up or expired, and asks for a key of the kind {}: compare both with the CA's rules",
            key_words(&csr.public_key)
        )),
        None if envelope.is_some_and(|it| !it.is_open) => {
            let options = outcome.known.knowledge.about_options(" (--key, --state)");
            next.push(format!(
                "the request was not opened: with the CA's or RA's key{options} its challenge password and names can be seen"
            ));
        }
        None => {}
    }
    let fail_info = outcome.reply.denial.as_ref().and_then(|it| it.fail_info.as_ref());
    let is_verified = asked.is_some_and(|it| it.unverified.is_none());
    next.push(match fail_info {
        Some(FailInfo::BadMessageCheck) if is_verified => {
            "the signature of the request verifies here, so the server does not accept its signer or its password, or reads the message in another way; its log says more"
        }
        Some(FailInfo::BadMessageCheck) => {
            "the server did not accept the signature of the request or its signer, and no request was verified here: hand in the request, too; the server's log says more"
        }
        Some(FailInfo::BadAlg) => "the server does not take an algorithm of the request: compare cipher and digest with its settings",
        Some(FailInfo::BadTime) => "compare the clocks of the client and the server",
        Some(FailInfo::BadCertId) => "the CA does not know the certificate that the request names",
        _ => "the server's log says why; a wrong challenge password is the most common reason",
    }
    .to_owned());
    next
}

/// The verdict about a last request, if it was not answered, and that is not for want of having been seen.
pub(super) fn no_answer(messages: &[SentMessage]) -> Option<Verdict> {
    let is_question = |message: &&SentMessage| message.sender == Some(End::Client);
    let last = messages.last().filter(is_question)?;
    let gap = last.gaps.iter().find(|gap| matches!(gap, Gap::Unanswered(_)))?;
    let reason = format!("no answer: {gap}");
    let next = "the server's log says if the request came, and what was done with it";
    Some(undecided(AtFault::Unknown, reason, vec![next.to_owned()]))
}
