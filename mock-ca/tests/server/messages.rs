//! Messages that the client of `scep` does not send.

use std::sync::Arc;

use mock_ca::Ca;
use openssl::{
    hash::MessageDigest,
    pkey::{PKey, Private},
    rand::rand_bytes,
    x509::{X509, X509Req},
};
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    body::IssuerAndSubject,
    client::RequestMessage,
    clock::Clock,
    identity::Identity,
    key_usage::KeyUsage,
    message::Message,
    request::{CsrBuilder, self_signed},
};

use crate::client::{Response, password, send};

/// A message in the transaction `id`, signed with this identity.
pub(crate) struct Sent<'a> {
    pub(crate) message_type: MessageType,
    pub(crate) id: &'a str,
    pub(crate) body: Vec<u8>,
    pub(crate) signer: &'a Identity,
}

impl Sent<'_> {
    /// Sends the message, and reads the reply.
    pub(crate) async fn to(&self, ca: &Arc<Ca>, path: &str) -> Message {
        let response = self.response(ca, path).await;
        assert_eq!(response.status, 200, "{:?}", ca.log().last());
        Message::parse(&response.body).unwrap()
    }

    async fn response(&self, ca: &Arc<Ca>, path: &str) -> Response {
        self.response_with(ca, path, Cipher::Aes256, Digest::Sha256).await
    }

    /// Sends the message with these algorithms.
    pub(crate) async fn response_with(
        &self,
        ca: &Arc<Ca>,
        path: &str,
        cipher: Cipher,
        digest: Digest,
    ) -> Response {
        let certificates = ca.certificates();
        self.response_for(ca, path, cipher, digest, &certificates).await
    }

    /// Sends the message, enciphered to one of these certificates, and reads the reply.
    pub(crate) async fn to_one_of(
        &self,
        certificates: &[X509],
        ca: &Arc<Ca>,
        path: &str,
    ) -> Response {
        self.response_for(ca, path, Cipher::Aes256, Digest::Sha256, certificates).await
    }

    async fn response_for(
        &self,
        ca: &Arc<Ca>,
        path: &str,
        cipher: Cipher,
        digest: Digest,
        certificates: &[X509],
    ) -> Response {
        let opens = |usage: KeyUsage| usage.contains(KeyUsage::KEY_ENCIPHERMENT);
        let mut recipients = certificates.iter();
        let recipient = recipients.find(|one| KeyUsage::of(one).is_some_and(opens)).unwrap();
        let message = RequestMessage {
            message_type: self.message_type.clone(),
            transaction_id: TransactionId::new(self.id),
            sender_nonce: Nonce::generate(&mut rand_bytes).unwrap(),
            signer: self.signer.clone(),
            cipher,
            key_transport: KeyTransport::Pkcs1v15,
            digest,
        };
        let message = message.encode(&self.body, recipient, &mut rand_bytes).unwrap();
        send(ca, "POST", &format!("{path}?operation=PKIOperation"), "", &message).await
    }
}

/// A self-signed certificate of this key.
pub(crate) fn signer(key: &PKey<Private>) -> Identity {
    let subject = scep::name::parse("CN=signer").unwrap();
    self_signed(&subject, key, Digest::Sha256, Clock::system().now()).unwrap()
}

/// A PKCSReq for this name.
pub(crate) fn pkcs_req<'a>(
    id: &'a str,
    name: &str,
    challenge: Option<&str>,
    signer: &'a Identity,
) -> Sent<'a> {
    let csr = csr(name, challenge, &signer.key);
    Sent { message_type: MessageType::PkcsReq, id, body: csr, signer }
}

/// A certification request for this name and key.
pub(crate) fn csr(name: &str, challenge: Option<&str>, key: &PKey<Private>) -> Vec<u8> {
    let challenge = challenge.map(password);
    CsrBuilder {
        subject: &scep::name::parse(name).unwrap(),
        key,
        challenge_password: challenge.as_ref(),
        extensions: &[],
        challenge_string: scep::request::ChallengeString::default(),
        digest: Digest::Sha256,
    }
    .encode()
    .unwrap()
}

/// A certification request for `key` that another key signed.
pub(crate) fn stolen_csr(name: &str, key: &PKey<Private>, thief: &PKey<Private>) -> Vec<u8> {
    let mut builder = X509Req::builder().unwrap();
    builder.set_subject_name(&scep::name::parse(name).unwrap()).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.sign(thief, MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

/// A CertPoll.
pub(crate) fn poll<'a>(ca: &Ca, id: &'a str, signer: &'a Identity) -> Sent<'a> {
    let (issuer, subject) = (ca.ca_certificate(), &signer.certificate);
    let names = (issuer.subject_name(), subject.subject_name());
    let body = IssuerAndSubject::encode(names.0, names.1).unwrap();
    Sent { message_type: MessageType::CertPoll, id, body, signer }
}
