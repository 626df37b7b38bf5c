//! What the mock CA saw, as facts.

use std::collections::BTreeMap;

use mock_ca::QueryMessage;

use model::scenario::seen::SeenFact;
use testbed::pki::SeenRequest;

/// The requests in their order; each is told in the light of those before it.
pub(super) fn requests(seen: &[mock_ca::SeenRequest]) -> Vec<SeenRequest> {
    let mut known: Vec<String> = Vec::new();
    let told = seen.iter().map(|request| {
        let mut facts = facts(request);
        if let Some(id) = facts.get(&SeenFact::TransactionId).cloned() {
            let transaction = choose(known.contains(&id), "continued", "new");
            facts.insert(SeenFact::Transaction, transaction);
            known.push(id);
        }
        SeenRequest { facts }
    });
    told.collect()
}

fn facts(request: &mock_ca::SeenRequest) -> BTreeMap<SeenFact, String> {
    let present = |is: bool| is.then(|| "present".to_owned());
    let mut facts = vec![
        (SeenFact::Method, Some(request.method.clone())),
        (SeenFact::Path, Some(request.path.clone())),
        (SeenFact::ContentType, request.content_type.clone()),
        (SeenFact::Operation, request.operation.clone()),
        (SeenFact::Base64, request.query_message.map(habits)),
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
            (SeenFact::SignerKey, as_signer(csr.key_is_signers)),
        ]);
    }
    facts.into_iter().filter_map(|(fact, value)| Some((fact, value?))).collect()
}

fn choose(is_first: bool, first: &str, second: &str) -> String {
    if is_first { first.to_owned() } else { second.to_owned() }
}

/// How a message stood in a query, in words.
fn habits(query: QueryMessage) -> String {
    let habits = [
        (query.bare_plus, "bare-plus"),
        (query.bare_slash, "bare-slash"),
        (query.bare_equals, "bare-equals"),
        (query.url_safe, "url-safe"),
        (query.unpadded, "unpadded"),
        (query.line_breaks, "line-breaks"),
    ];
    let told: Vec<&str> = habits.iter().filter(|(has, _)| *has).map(|(_, word)| *word).collect();
    if told.is_empty() { "proper".to_owned() } else { told.join(" ") }
}
