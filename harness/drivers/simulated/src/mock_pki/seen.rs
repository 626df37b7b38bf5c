//! Converts the requests that the mock CA saw into facts.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use mock_ca::{Fault, QueryMessage, SeenMessage, SeenValidity};
use scep::clock::moment_text;

use model::scenario::seen::SeenFact;
use testbed::pki::{PasswordProblem, SeenRefusal, SeenRequest};

/// The requests in their order; whether a transaction is new depends on the requests before.
pub(super) fn requests(seen: &[mock_ca::SeenRequest]) -> Vec<SeenRequest> {
    let mut earlier = Earlier::default();
    let described = seen.iter().map(|request| {
        let mut facts = facts(request);
        if let Some(message) = &request.message {
            facts
                .extend(earlier.compare(message, request.faults.contains(&Fault::CloseConnection)));
        }
        let (status, refusal) = (request.status.clone(), request.refusal.as_ref().map(refusal));
        SeenRequest { facts, status, refusal }
    });
    described.collect()
}

fn refusal(seen: &mock_ca::SeenRefusal) -> SeenRefusal {
    let password = seen.password.map(|problem| match problem {
        mock_ca::PasswordProblem::Misplaced => PasswordProblem::Misplaced,
        _ => PasswordProblem::NotThatOfThePki,
    });
    SeenRefusal {
        http_status: seen.http_status,
        fail_info: seen.fail_info.clone(),
        reason: seen.reason.clone(),
        password,
    }
}

/// The messages before the present one.
#[derive(Default)]
struct Earlier {
    transactions: BTreeMap<String, KnownTransaction>,
    sender_nonces: BTreeSet<String>,
}

/// The messages of a transaction.
struct KnownTransaction {
    /// The subject that was asked for.
    subject: Option<String>,
    /// True if the reply to the last message was lost.
    is_reply_lost: bool,
}

impl Earlier {
    /// The facts that depend on the messages before.
    fn compare(&mut self, message: &SeenMessage, is_reply_lost: bool) -> Vec<(SeenFact, String)> {
        let mut facts = Vec::new();
        if let Some(nonce) = message.sender_nonce.clone() {
            let is_fresh = self.sender_nonces.insert(nonce);
            facts.push((SeenFact::SenderNonce, choose(is_fresh, "fresh", "repeated")));
        }
        let Some(id) = message.transaction_id.as_ref().map(ToString::to_string) else {
            return facts;
        };
        let known = self.transactions.remove(&id);
        facts.push((SeenFact::Transaction, choose(known.is_some(), "continued", "new")));
        if let Some(known) = &known {
            facts.push((SeenFact::PreviousReply, choose(known.is_reply_lost, "lost", "came")));
        }
        let asked = known.and_then(|known| known.subject);
        if let Some(poll) = &message.poll {
            let is_asked = asked.as_ref() == Some(&poll.subject);
            facts.push((SeenFact::PollIssuer, choose(poll.issuer_is_ca, "CA", "other")));
            facts.push((SeenFact::PollIssuerName, poll.issuer.clone()));
            facts.push((SeenFact::PollSubject, choose(is_asked, "requested", "other")));
            facts.push((SeenFact::PollSubjectName, poll.subject.clone()));
            // What a CertPoll asks about is known from the message before it.
            facts.extend(asked.clone().map(|asked| (SeenFact::Subject, asked)));
        }
        let subject = message.csr.as_ref().map(|csr| csr.subject.clone());
        let subject = subject.or(asked);
        self.transactions.insert(id, KnownTransaction { subject, is_reply_lost });
        facts
    }
}

fn facts(request: &mock_ca::SeenRequest) -> BTreeMap<SeenFact, String> {
    let present = |is: bool| is.then(|| "present".to_owned());
    let mut facts = vec![
        (SeenFact::Method, Some(request.method.clone())),
        (SeenFact::Path, Some(request.path.clone())),
        (SeenFact::ContentType, request.content_type.clone()),
        (SeenFact::Operation, request.operation.clone()),
        (SeenFact::Base64, request.query_message.map(encoding_facts)),
        (SeenFact::PostOffered, request.post_offered.map(|is| choose(is, "yes", "no"))),
    ];
    if let Some(message) = &request.message {
        let signer = |is_self_signed| choose(is_self_signed, "self-signed", "issued");
        facts.extend([
            (SeenFact::MessageType, message.message_type.as_ref().map(ToString::to_string)),
            (SeenFact::TransactionId, message.transaction_id.as_ref().map(ToString::to_string)),
            (SeenFact::SenderNonceBytes, message.sender_nonce_bytes.map(|it| it.to_string())),
            (SeenFact::Digest, Some(message.digest.to_string())),
            (SeenFact::SigningTime, present(message.has_signing_time)),
            (SeenFact::Certificates, Some(message.certificates.to_string())),
            (SeenFact::Signer, message.signer_is_self_signed.map(signer)),
            (SeenFact::SignerKeyUsage, message.signer_key_usage.map(|it| it.names().join(", "))),
            (SeenFact::SignerValidity, message.signer_validity.map(|it| validity(it, request.at))),
            (SeenFact::SignerFrom, message.signer_validity.map(|it| moment_text(it.from))),
            (SeenFact::Cipher, message.cipher.map(|it| it.to_string())),
            (SeenFact::KeyTransport, message.key_transport.map(|it| it.to_string())),
        ]);
    }
    if let Some(csr) = request.message.as_ref().and_then(|message| message.csr.as_ref()) {
        let as_signer = |is_same| Some(choose(is_same, "requested", "other"));
        facts.extend([
            (SeenFact::Subject, Some(csr.subject.clone())),
            (SeenFact::KeyBits, Some(csr.key_bits.to_string())),
            (SeenFact::Challenge, present(csr.has_challenge)),
            (SeenFact::ProofOfPossession, Some(choose(csr.proves_possession, "valid", "invalid"))),
            (SeenFact::SignerSubject, as_signer(csr.subject_is_signers)),
            (SeenFact::SignerName, Some(csr.signer_subject.clone())),
            (SeenFact::SignerKey, as_signer(csr.key_is_signers)),
        ]);
    }
    facts.into_iter().filter_map(|(fact, value)| Some((fact, value?))).collect()
}

fn validity(seen: SeenValidity, at: SystemTime) -> String {
    let word = match at {
        _ if at < seen.from => "not yet valid",
        _ if seen.to < at => "expired",
        _ => "valid",
    };
    word.to_owned()
}

fn choose(is_first: bool, first: &str, second: &str) -> String {
    if is_first { first.to_owned() } else { second.to_owned() }
}

/// The unusual properties of a message in a query, or `proper`.
fn encoding_facts(query: QueryMessage) -> String {
    let facts = [
        (query.bare_plus, "bare-plus"),
        (query.bare_slash, "bare-slash"),
        (query.bare_equals, "bare-equals"),
        (query.url_safe, "url-safe"),
        (query.unpadded, "unpadded"),
        (query.line_breaks, "line-breaks"),
    ];
    let present: Vec<&str> = facts.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
    if present.is_empty() { "proper".to_owned() } else { present.join(" ") }
}
