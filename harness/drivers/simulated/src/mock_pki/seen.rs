//! What the mock CA saw, as facts.

use std::collections::BTreeMap;
use std::fmt;

use mock_ca::{QueryMessage, SeenCsr, SeenMessage};

use model::scenario::seen::SeenFact;
use testbed::pki::SeenRequest;

/// The requests in their order; each is told in the light of those before it.
pub(super) fn requests(seen: &[mock_ca::SeenRequest]) -> Vec<SeenRequest> {
    let mut known: Vec<String> = Vec::new();
    let told = seen.iter().map(|request| {
        let mut facts = Facts::default();
        facts.request(request);
        if let Some(message) = &request.message {
            facts.message(message);
        }
        if let Some(id) = facts.0.get(&SeenFact::TransactionId).cloned() {
            let is_known = known.contains(&id);
            facts.set(SeenFact::Transaction, if is_known { "continued" } else { "new" });
            known.push(id);
        }
        SeenRequest { facts: facts.0 }
    });
    told.collect()
}

#[derive(Default)]
struct Facts(BTreeMap<SeenFact, String>);

impl Facts {
    fn set(&mut self, fact: SeenFact, value: impl fmt::Display) {
        self.0.insert(fact, value.to_string());
    }

    fn set_if(&mut self, fact: SeenFact, value: Option<impl fmt::Display>) {
        if let Some(value) = value {
            self.set(fact, value);
        }
    }

    fn choose(&mut self, fact: SeenFact, is_first: bool, words: [&str; 2]) {
        self.set(fact, words[usize::from(!is_first)]);
    }

    fn request(&mut self, request: &mock_ca::SeenRequest) {
        self.set(SeenFact::Method, &request.method);
        self.set(SeenFact::Path, &request.path);
        self.set_if(SeenFact::ContentType, request.content_type.as_ref());
        self.set_if(SeenFact::Operation, request.operation.as_ref());
        self.set_if(SeenFact::Base64, request.query_message.map(habits));
        if let Some(offered) = request.post_offered {
            self.choose(SeenFact::PostOffered, offered, ["yes", "no"]);
        }
    }

    fn message(&mut self, message: &SeenMessage) {
        self.set_if(SeenFact::MessageType, message.message_type.as_ref());
        self.set_if(SeenFact::TransactionId, message.transaction_id.as_ref());
        self.set_if(SeenFact::SenderNonceBytes, message.sender_nonce_bytes);
        self.set(SeenFact::Digest, message.digest);
        if message.has_signing_time {
            self.set(SeenFact::SigningTime, "present");
        }
        self.set(SeenFact::Certificates, message.certificates);
        if let Some(is_self_signed) = message.signer_is_self_signed {
            self.choose(SeenFact::Signer, is_self_signed, ["self-signed", "issued"]);
        }
        let usages = message.signer_key_usage;
        self.set_if(SeenFact::SignerKeyUsage, usages.map(|usage| usage.names().join(", ")));
        self.set_if(SeenFact::Cipher, message.cipher);
        self.set_if(SeenFact::KeyTransport, message.key_transport);
        if let Some(csr) = &message.csr {
            self.csr(csr);
        }
    }

    fn csr(&mut self, csr: &SeenCsr) {
        self.set(SeenFact::Subject, &csr.subject);
        self.set(SeenFact::KeyBits, csr.key_bits);
        if csr.has_challenge {
            self.set(SeenFact::Challenge, "present");
        }
        let possession = csr.proves_possession;
        self.choose(SeenFact::ProofOfPossession, possession, ["valid", "invalid"]);
        self.choose(SeenFact::SignerSubject, csr.subject_is_signers, ["requested", "other"]);
        self.choose(SeenFact::SignerKey, csr.key_is_signers, ["requested", "other"]);
    }
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
