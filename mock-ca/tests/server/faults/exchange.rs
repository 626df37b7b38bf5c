//! A request that triggers a fault, and the answer.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use mock_ca::{Approval, Ca, Fault, FaultRule, PersonalityName, Trigger};
use openssl::{
    pkey::{PKey, Private},
    rand::rand_bytes,
};
use scep::{
    algorithm::{Cipher, Digest, KeyTransport},
    attribute::{MessageType, Nonce, TransactionId},
    client::RequestMessage,
    identity::Identity,
};
use tokio::time::Instant;

use super::RFC8894;
use crate::{
    client::{NDES, Response, key, open_with, parse, raw},
    messages::{Sent, pkcs_req, poll, signer},
};

/// One key for all exchanges, because making a key takes longer than all the rest.
static KEY: LazyLock<PKey<Private>> = LazyLock::new(key);

pub(super) const ID: &str = "TRANSACTION-1";
pub(super) const NONCE: [u8; 16] = *b"0123456789abcdef";

/// The request, and the server that it is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Provocation {
    GetCaCaps,
    GetCaCert(PersonalityName),
    GetNextCaCert,
    /// A PKCSReq that gets its certificate.
    Granted(PersonalityName),
    /// A poll for an unknown transaction.
    Refused,
    /// A PKCSReq that waits for approval.
    Held,
}

impl Provocation {
    pub(super) fn of(fault: Fault) -> Self {
        let fits = |trigger| fault.fits(trigger);
        if fits(Trigger::GetCaCaps) {
            return Self::GetCaCaps;
        }
        if fits(Trigger::GetCaCert) {
            let rfc8894 = PersonalityName::Rfc8894;
            let suits = fault.suits(rfc8894);
            return Self::GetCaCert(if suits { rfc8894 } else { PersonalityName::Ndes });
        }
        if fits(Trigger::GetNextCaCert) {
            return Self::GetNextCaCert;
        }
        match fault {
            Fault::NoFailInfo | Fault::UnknownFailInfo | Fault::PayloadInFailure => Self::Refused,
            Fault::PayloadInPending => Self::Held,
            // Replies of this personality carry no certificate.
            Fault::CertificatesPresent | Fault::CombinedSignatureAlgorithm => {
                Self::Granted(PersonalityName::Ndes)
            }
            _ => Self::Granted(PersonalityName::Rfc8894),
        }
    }

    pub(super) fn trigger(self) -> Trigger {
        match self {
            Self::GetCaCaps => Trigger::GetCaCaps,
            Self::GetCaCert(_) => Trigger::GetCaCert,
            Self::GetNextCaCert => Trigger::GetNextCaCert,
            Self::Granted(_) | Self::Held => Trigger::PkcsReq,
            Self::Refused => Trigger::CertPoll,
        }
    }

    fn personality(self) -> PersonalityName {
        match self {
            Self::GetCaCert(personality) | Self::Granted(personality) => personality,
            _ => PersonalityName::Rfc8894,
        }
    }
}

/// A request and its answer.
pub(super) struct Exchange {
    pub(super) ca: Arc<Ca>,
    pub(super) own: Identity,
    /// `None` if the connection was closed.
    pub(super) response: Option<Response>,
    /// The time until the answer, by a clock that counts only waits.
    pub(super) waited: Duration,
}

impl Exchange {
    pub(super) async fn with(provocation: Provocation, rule: Option<FaultRule>) -> Self {
        let personality = provocation.personality();
        let is_held = provocation == Provocation::Held;
        let approval = if is_held { Approval::Manual } else { Approval::Automatic };
        let faults = rule.into_iter().collect();
        let ca = open_with(personality, |settings| {
            settings.faults = faults;
            settings.approval = approval;
        });
        let own = signer(&KEY);
        let request = request(provocation, &ca, &own);
        let start = Instant::now();
        let bytes = raw(&ca, &request).await;
        let waited = start.elapsed();
        let response = (!bytes.is_empty()).then(|| parse(&bytes));
        Self { ca, own, response, waited }
    }
}

fn request(provocation: Provocation, ca: &Ca, own: &Identity) -> Vec<u8> {
    let get = |operation| get(provocation, operation);
    match provocation {
        Provocation::GetCaCaps => get("GetCACaps"),
        Provocation::GetCaCert(_) => get("GetCACert"),
        Provocation::GetNextCaCert => get("GetNextCACert"),
        Provocation::Granted(_) | Provocation::Held => {
            post(provocation, ca, &pkcs_req(ID, "CN=a", None, own))
        }
        Provocation::Refused => post(provocation, ca, &poll(ca, ID, own)),
    }
}

fn path(provocation: Provocation) -> &'static str {
    if provocation.personality() == PersonalityName::Ndes { NDES } else { RFC8894 }
}

fn get(provocation: Provocation, operation: &str) -> Vec<u8> {
    let path = path(provocation);
    format!("GET {path}?operation={operation} HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\r\n")
        .into()
}

fn post(provocation: Provocation, ca: &Ca, sent: &Sent<'_>) -> Vec<u8> {
    let certificates = ca.certificates();
    // The RA's second certificate, or the CA's only one.
    let recipient = certificates.get(1).unwrap_or(&certificates[0]);
    let message = RequestMessage {
        message_type: MessageType::clone(&sent.message_type),
        transaction_id: TransactionId::new(sent.id),
        sender_nonce: Nonce::new(NONCE),
        signer: sent.signer.clone(),
        cipher: Cipher::Aes128,
        key_transport: KeyTransport::Pkcs1v15,
        digest: Digest::Sha256,
    };
    let message = message.encode(&sent.body, recipient, &mut rand_bytes).unwrap();
    let (path, length) = (path(provocation), message.len());
    let head = format!(
        "POST {path}?operation=PKIOperation HTTP/1.1\r\nHost: ca\r\nConnection: close\r\n\
         Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), &message].concat()
}
