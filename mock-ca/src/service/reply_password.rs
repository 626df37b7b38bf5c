//! The challenge passwords with which replies are encrypted for signers whose keys cannot decrypt (RFC 8894 §3.1).

use std::collections::VecDeque;

use openssl::{pkey::Id, x509::X509Ref};
use parking_lot::Mutex;
use scep::{
    attribute::TransactionId,
    envelope,
    request::Csr,
    secret::Secret,
    server::{Body, Header, Request},
};

use super::Service;
use crate::{fault::Fault, refusal::Refusal};

/// The passwords of the last requests with such keys, for answers to polls. They are in memory alone: after a restart, a poll about a
/// certificate that was issued before is refused.
#[derive(Default)]
pub(super) struct ReplyPasswords(Mutex<VecDeque<(TransactionId, Secret)>>);

impl ReplyPasswords {
    /// The most passwords that are remembered.
    const MOST: usize = 1024;

    fn keep(&self, id: &TransactionId, password: &Secret) {
        let mut kept = self.0.lock();
        kept.retain(|(known, _)| known != id);
        if kept.len() == Self::MOST {
            kept.pop_front();
        }
        kept.push_back((id.clone(), password.clone()));
    }

    fn of(&self, id: &TransactionId) -> Option<Secret> {
        let kept = self.0.lock();
        kept.iter().find(|(known, _)| known == id).map(|(_, password)| password.clone())
    }
}

impl Service {
    /// Remembers the password of a request whose key cannot decrypt, for polls.
    pub(super) fn keep_reply_password(&self, id: &TransactionId, csr: &Csr) {
        let Some(password) = &csr.challenge_password else { return };
        if self.personality.encrypts_with_password && csr.public_key.id() != Id::RSA {
            self.reply_passwords.keep(id, password);
        }
    }

    /// The password with which a reply to this request may be encrypted.
    pub(super) fn reply_password(
        &self,
        header: &Header,
        opened: Option<&Request>,
    ) -> Option<Secret> {
        if self.agrees_with(&header.signer) {
            // The fault makes another envelope of the one with this password.
            return Some(Secret::new("replaced"));
        }
        let password = match opened.map(|request| &request.body) {
            Some(Body::PkcsReq(csr) | Body::RenewalReq(csr)) => csr.challenge_password.clone(),
            _ => self.reply_passwords.of(&header.transaction_id),
        };
        password.filter(|_| self.personality.encrypts_with_password)
    }

    /// True if the reply is encrypted with a key that is agreed on with the signer's, because a fault demands it.
    fn agrees_with(&self, signer: &X509Ref) -> bool {
        let is_curve = signer.public_key().is_ok_and(|key| key.id() == Id::EC);
        is_curve && self.faults.has(Fault::KeyAgreementReply)
    }

    /// Refuses a signer who could not open the reply, before a certificate is issued in vain.
    pub(super) fn expect_recipient(&self, request: &Request) -> Result<(), Refusal> {
        let Request { header, cipher, key_transport, .. } = request;
        let password = self.reply_password(header, Some(request));
        let signer = &header.signer;
        envelope::expect_reply_recipient(signer, password.as_ref(), *cipher, *key_transport)
            .map_err(Refusal::UnusableSigner)
    }
}
