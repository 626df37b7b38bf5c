//! The keys of a bundle: those of the PKIs, and those of clients that took part in the messages.

use ::bundle::{Key, Role};
use openssl::x509::X509;
use recording::{Exchange, Recording};
use scep::http::{HttpRequest, Method, Operation};
use scep::identity::Identity;
use scep::message::Message;

use super::watch::Remnant;

/// The keys of a lab, each with its certificate; a client's key with each of its certificates.
pub(super) fn keys_of(remnant: &Remnant, recording: &Recording) -> Vec<Key> {
    let mut keys = remnant.keys.clone();
    for (certificate, pki) in client_certificates(recording, &remnant.issued) {
        let Ok(public) = certificate.public_key() else { continue };
        if let Some(key) = remnant.client_keys.iter().find(|key| public.public_eq(key)) {
            let identity = Identity { certificate, key: key.clone() };
            keys.push(Key { pki, role: Role::Client, identity });
        }
    }
    keys
}

/// The certificates with which requests were signed, each with the PKI that it was sent to, and those that were issued; each once.
fn client_certificates(recording: &Recording, issued: &[X509]) -> Vec<(X509, Option<String>)> {
    let mut all: Vec<(X509, Option<String>)> = Vec::new();
    let mut add = |certificate: &X509, pki: Option<&String>| {
        if all.iter().all(|(known, _)| known != certificate) {
            all.push((certificate.clone(), pki.cloned()));
        }
    };
    for exchange in &recording.exchanges {
        let message = request_message(exchange);
        let signers = message.iter().flat_map(Message::certificates);
        signers.for_each(|certificate| add(certificate, exchange.pki.as_ref()));
    }
    for certificate in issued {
        add(certificate, None);
    }
    all
}

/// The pkiMessage of a request.
fn request_message(exchange: &Exchange) -> Option<Message> {
    let request = exchange.request.as_ref()?;
    let query = request.target.split_once('?').map_or("", |(_, query)| query);
    let method = if request.method == "POST" { Method::Post } else { Method::Get };
    let (query, body) = (query.to_owned(), request.body.clone());
    let request = HttpRequest { method, query, content_type: None, body };
    match Operation::from_http(&request) {
        Ok(Operation::PkiOperation(message)) => Message::parse(&message).ok(),
        _ => None,
    }
}
