//! Messages of one transaction held against each other, and messages that repeat.

use openssl::pkey::{PKey, Public};
use results::requirement::End;
use scep::{
    attribute::{MessageType, PkiStatus, TransactionId},
    name::to_text,
};

use crate::{
    explanation::Finding,
    layer::{Facts, Inner},
    sent_message::SentMessage,
};

/// The findings about the request at this index, from what came before it.
pub(super) fn of_request(messages: &[SentMessage], at: usize) -> Vec<Finding> {
    let Some(facts) = &messages[at].facts else { return Vec::new() };
    if let Some(earlier) = messages[..at].iter().position(|one| is_same(one, &messages[at])) {
        let words = format!("it is #{} once more, byte for byte", earlier + 1);
        return vec![Finding::note(words).by(End::Client)];
    }
    let mut all: Vec<Finding> = repeated_nonce(messages, at, facts).into_iter().collect();
    match facts.message_type {
        Some(MessageType::CertPoll) => all.extend(poll(messages, at, facts)),
        Some(MessageType::PkcsReq | MessageType::RenewalReq) => {
            all.extend(repeated_request(messages, at, facts));
        }
        _ => {}
    }
    all.into_iter().map(|finding| finding.by(End::Client)).collect()
}

/// The finding about the reply at this index if it answers an earlier request.
pub(super) fn of_reply(messages: &[SentMessage], at: usize) -> Option<Finding> {
    let reply = &messages[at];
    let (came, asked) = (reply.facts.as_ref()?, &messages[reply.answers?]);
    let is_other = |request: &SentMessage| request.facts.is_some() && request.bytes != asked.bytes;
    let repeats = |one: &SentMessage| {
        one.bytes == reply.bytes && one.answers.is_some_and(|request| is_other(&messages[request]))
    };
    let words = if let Some(earlier) = messages[..at].iter().position(repeats) {
        format!(
            "the reply is #{} once more, byte for byte, although the request is another one",
            earlier + 1
        )
    } else {
        let nonce = came.recipient_nonce.as_ref()?;
        let has_it = |one: &SentMessage| {
            one.facts.as_ref().is_some_and(|it| it.sender_nonce.as_ref() == Some(nonce))
        };
        if has_it(asked) {
            return None;
        }
        let other = requests_before(messages, at).find(|(_, one, _)| has_it(one))?.0;
        format!(
            "the reply answers #{}: its recipientNonce is the senderNonce of that request",
            other + 1
        )
    };
    let advice = "the server, or a cache between the two, sends an old reply again";
    Some(Finding::wrong(words).against("R31").advice(advice).by(End::Server))
}

/// The request of a certificate that the CertPoll at this index asks about: the last one before it in its transaction.
pub(super) fn origin(messages: &[SentMessage], at: usize) -> Option<(usize, &Facts)> {
    let poll = messages[at].facts.as_ref()?;
    let id = poll.transaction_id.as_ref().filter(|_| messages[at].is(&MessageType::CertPoll))?;
    let mut before = requests_before(messages, at);
    let found =
        before.rfind(|(_, _, facts)| enrols(facts) && facts.transaction_id.as_ref() == Some(id))?;
    Some((found.0, found.2))
}

fn is_same(one: &SentMessage, other: &SentMessage) -> bool {
    one.sender == other.sender && one.facts.is_some() && one.bytes == other.bytes
}

/// The number of messages before one with which it is compared.
const LOOK_BACK: usize = 128;

/// The requests shortly before this index that are pkiMessages.
fn requests_before(
    messages: &[SentMessage],
    at: usize,
) -> impl DoubleEndedIterator<Item = (usize, &SentMessage, &Facts)> {
    let requests = messages[..at].iter().enumerate().skip(at.saturating_sub(LOOK_BACK));
    requests
        .filter(|(_, message)| message.sender == Some(End::Client))
        .filter_map(|(number, message)| Some((number, message, message.facts.as_ref()?)))
}

fn enrols(facts: &Facts) -> bool {
    matches!(facts.message_type, Some(MessageType::PkcsReq | MessageType::RenewalReq))
}

fn repeated_nonce(messages: &[SentMessage], at: usize, facts: &Facts) -> Option<Finding> {
    let nonce = facts.sender_nonce.as_ref()?;
    let mut before = requests_before(messages, at);
    let earlier = before.find(|(_, _, other)| other.sender_nonce.as_ref() == Some(nonce))?.0;
    let words = format!("the senderNonce is that of #{}, and not a fresh one", earlier + 1);
    Some(Finding::odd(words).against("R74"))
}

/// The findings about a CertPoll.
fn poll(messages: &[SentMessage], at: usize, facts: &Facts) -> Vec<Finding> {
    let Some(id) = &facts.transaction_id else { return Vec::new() };
    match origin(messages, at) {
        Some((number, asked)) => {
            let names = subject(facts, number, asked);
            let end = after_end(messages, at, id, number);
            names.into_iter().chain(end).collect()
        }
        None => other_transaction(messages, at, facts, id).into_iter().collect(),
    }
}

/// A CertPoll of a client whose own request waits in another transaction.
fn other_transaction(
    messages: &[SentMessage],
    at: usize,
    facts: &Facts,
    id: &TransactionId,
) -> Option<Finding> {
    let is_of_client = |other: &Facts| other.signer.is_some() && other.signer == facts.signer;
    let waiting = requests_before(messages, at)
        .filter(|(_, _, other)| enrols(other) && is_of_client(other))
        .rfind(|(_, _, other)| waits(messages, at, other))?;
    let words = format!(
        "the transactionID of the CertPoll is `{id}`, that of the request that waits, #{}, is `{}`",
        waiting.0 + 1,
        waiting.2.transaction_id.as_ref()?
    );
    Some(Finding::wrong(words).against("R46"))
}

/// The subject in a CertPoll, compared with that of its request.
fn subject(facts: &Facts, number: usize, asked: &Facts) -> Option<Finding> {
    let Some(Inner::Poll(names)) = inner(facts) else { return None };
    let Some(Inner::Request(csr)) = inner(asked) else { return None };
    let is_same = csr.subject().try_cmp(&names.subject).is_ok_and(std::cmp::Ordering::is_eq);
    let words = || {
        format!(
            "the subject in the CertPoll is `{}`, that of the request, #{}, is `{}`",
            to_text(&names.subject),
            number + 1,
            to_text(csr.subject())
        )
    };
    (!is_same).then(|| Finding::odd(words()).against("R78"))
}

/// A CertPoll about a request that was decided before.
fn after_end(
    messages: &[SentMessage],
    at: usize,
    id: &TransactionId,
    number: usize,
) -> Option<Finding> {
    let number = number + 1;
    match last_status(messages, at, id)? {
        PkiStatus::Failure => Some(
            Finding::odd(format!(
                "the CertPoll asks about the request #{number}, which was refused before"
            ))
            .against("R48"),
        ),
        PkiStatus::Success => Some(
            Finding::odd(format!(
                "the CertPoll asks about the request #{number}, which was granted before"
            ))
            .against_section("RFC 8894 §4.4"),
        ),
        _ => None,
    }
}

/// A request for a certificate while an earlier one for the same key waits, or was not answered.
fn repeated_request(messages: &[SentMessage], at: usize, facts: &Facts) -> Option<Finding> {
    let key = key(facts)?;
    let has_key = |other: &Facts| self::key(other).is_some_and(|its| its.public_eq(&key));
    let mut before = requests_before(messages, at);
    let (number, _, earlier) = before.rfind(|(_, _, other)| enrols(other) && has_key(other))?;
    let (id, number) = (earlier.transaction_id.as_ref()?, number + 1);
    let is_same_transaction = facts.transaction_id.as_ref() == Some(id);
    if waits(messages, at, earlier) {
        return Some(if is_same_transaction {
            let words = format!(
                "the request #{number}, which waits for a decision, is sent again: a CertPoll asks for the result"
            );
            Finding::odd(words).against("R76")
        } else {
            let words = format!(
                "the request is for the key of #{number}, which waits for a decision in the transaction `{id}`: two requests are outstanding"
            );
            Finding::odd(words).against("R77")
        });
    }
    let is_unanswered = last_status(messages, at, id).is_none() && !is_same_transaction;
    is_unanswered.then(|| {
        let words = format!(
            "the request is for the key of #{number}, to which no reply is here, in a new transaction: a CA that granted that one may take this one for a duplicate"
        );
        Finding::note(words).against_section("RFC 8894 §5.2")
    })
}

/// The key to certify: that in the request, or else that of the certificate that signs a first request, which should be the same
/// (RFC 8894 §2.3).
fn key(facts: &Facts) -> Option<PKey<Public>> {
    match inner(facts) {
        Some(Inner::Request(csr)) => Some(csr.public_key.clone()),
        _ if facts.message_type == Some(MessageType::PkcsReq) => {
            facts.signer.as_ref()?.public_key().ok()
        }
        _ => None,
    }
}

fn inner(facts: &Facts) -> Option<&Inner> {
    facts.envelope.as_ref()?.inner.as_ref()
}

/// True if the last reply in the transaction of a request before this index was PENDING.
fn waits(messages: &[SentMessage], at: usize, request: &Facts) -> bool {
    let id = request.transaction_id.as_ref();
    id.and_then(|id| last_status(messages, at, id)) == Some(PkiStatus::Pending)
}

/// The pkiStatus of the last reply shortly before this index to a request of that transaction.
fn last_status(messages: &[SentMessage], at: usize, id: &TransactionId) -> Option<PkiStatus> {
    messages[at.saturating_sub(LOOK_BACK)..at].iter().rev().find_map(|reply| {
        let request = messages[reply.answers?].facts.as_ref()?;
        let status = reply.facts.as_ref()?.pki_status.clone();
        status.filter(|_| request.transaction_id.as_ref() == Some(id))
    })
}
