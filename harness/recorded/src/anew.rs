//! Recorded requests that are made anew for another server: with new keys, and with the subject, the attributes, the algorithms and the
//! mistakes that they had.

mod body;
mod fresh;
mod request;
mod signer;

use std::collections::HashMap;
use std::time::Duration;

use openssl::pkey::{PKey, Private};
use scep::{
    Error,
    client::CaCertificates,
    clock::Clock,
    danger::Changes,
    http::{HttpRequest, HttpResponse},
    identity::Identity,
    message::AttributeName,
    secret::Secret,
};

use self::fresh::{new_id, new_nonce};
use self::request::{as_recorded, with_message};
use crate::asked::Asked;
use crate::certificates::shown;
use crate::facts::{Facts, facts};
use crate::script::{Kind, Script};
use crate::source::Source;

/// Recorded requests, made anew one after another.
pub struct Anew {
    script: Script,
    /// The certificates that the recorded server showed, if one of them is a CA's.
    recorded_ca: Option<CaCertificates>,
    /// Those of the server that is asked now.
    ca: Option<CaCertificates>,
    challenge: Option<Secret>,
    clock: Clock,
    /// New keys, by the recorded public key in DER.
    keys: HashMap<Vec<u8>, PKey<Private>>,
    /// New signers, by the recorded certificate in DER.
    signers: HashMap<Vec<u8>, Identity>,
    /// New transaction ids and nonces, by the recorded ones.
    ids: HashMap<Vec<u8>, Vec<u8>>,
    nonces: HashMap<Vec<u8>, Vec<u8>>,
    /// The certificate that a request got last.
    obtained: Option<Identity>,
    /// The signer, the certified key and the message of the last request.
    last: Option<Sent>,
}

struct Sent {
    signer: Identity,
    key: PKey<Private>,
    message: Vec<u8>,
}

/// A recorded request for another server.
#[derive(Debug)]
pub enum Made {
    /// The request, and what is other in it than in the recorded one.
    Request(HttpRequest, Vec<String>),
    /// It cannot be made anew, or is none of SCEP.
    NotSent(String),
}

/// The recorded answer to a request, and the one that came now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// The recorded answer in words.
    pub recorded: String,
    /// The answer now in words.
    pub now: String,
    /// What is other in what matters, in sentences; empty if nothing is.
    pub differences: Vec<String>,
}

impl Anew {
    /// The requests of a recording.
    pub fn new(source: Source, clock: Clock) -> Self {
        let script = Script::of(source.exchanges, &source.keys);
        let (mut certificates, of_operations) = shown(&script);
        certificates.truncate(of_operations);
        let recorded_ca = CaCertificates::sort(certificates).ok();
        Self {
            script,
            recorded_ca,
            ca: None,
            challenge: None,
            clock,
            keys: HashMap::new(),
            signers: HashMap::new(),
            ids: HashMap::new(),
            nonces: HashMap::new(),
            obtained: None,
            last: None,
        }
    }

    /// The number of requests.
    pub fn count(&self) -> usize {
        self.script.steps.len()
    }

    /// True for a request for a certificate.
    pub fn is_enrolment(&self, index: usize) -> bool {
        self.script.steps[index].asked.as_ref().is_some_and(Asked::is_enrolment)
    }

    /// How long the recorded client waited before a poll: since the reply before it in its transaction. `None` for another request.
    pub fn pause_before(&self, index: usize) -> Option<Duration> {
        let step = &self.script.steps[index];
        let before = self.script.steps[*step.before.last()?].exchange.replied_at?;
        step.exchange.at?.duration_since(before).ok()
    }

    /// Sends this challenge password from now on where the recorded request had one; without it, the recorded one is sent.
    pub fn set_challenge(&mut self, challenge: Option<Secret>) {
        self.challenge = challenge;
    }

    /// The number of a request in the recording, from 1, and what it asks for.
    pub fn title(&self, index: usize) -> (usize, String) {
        let step = &self.script.steps[index];
        (step.number, step.kind.to_string())
    }

    /// The challenge passwords in recorded requests that a known key opens.
    pub fn secrets(&self) -> Vec<Secret> {
        self.script.secrets()
    }

    /// The answer of the server that is asked now to GetCACert; requests are enciphered to its certificates from now on.
    ///
    /// # Errors
    /// Fails if the answer has no certificate of a CA.
    pub fn learn(&mut self, response: &HttpResponse) -> Result<(), String> {
        let ca = CaCertificates::read(response).map_err(|refusal| refusal.to_string())?;
        self.ca = Some(ca);
        Ok(())
    }

    /// The request of this place.
    pub fn request(&mut self, index: usize) -> Made {
        let step = &self.script.steps[index];
        let Some(recorded) = step.exchange.request.clone() else {
            return Made::NotSent("the recording has no request".to_owned());
        };
        self.last = None;
        match (&step.kind, recorded.operation()) {
            (Kind::Page(_), _) | (_, None) => {
                Made::NotSent("it is no operation of SCEP (RFC 8894 §4.1)".to_owned())
            }
            (Kind::Operation(_), _) => Made::Request(as_recorded(&recorded), Vec::new()),
            (Kind::Message(_), _) if step.asked.is_none() => {
                let what = "the message cannot be read, and is sent as it was recorded".to_owned();
                Made::Request(as_recorded(&recorded), vec![what])
            }
            (Kind::Message(_), _) => match self.message(index) {
                Ok((message, notes)) => Made::Request(with_message(&recorded, message), notes),
                Err(reason) => Made::NotSent(reason),
            },
        }
    }

    /// The recorded message made anew, and what is other in it.
    fn message(&mut self, index: usize) -> Result<(Vec<u8>, Vec<String>), String> {
        let mut notes = Vec::new();
        let signer = self.signer(index)?;
        let key = self.certified_key(index, &signer).map_err(|error| error.to_string())?;
        let content = self.content(index, &key, &mut notes)?;
        let made = self.encode(index, &signer, &key, content).map_err(|error| error.to_string())?;
        self.last = Some(Sent { signer, key, message: made.clone() });
        Ok((made, notes))
    }

    fn encode(
        &mut self,
        index: usize,
        signer: &Identity,
        key: &PKey<Private>,
        content: Option<Vec<u8>>,
    ) -> Result<Vec<u8>, Error> {
        let step = &self.script.steps[index];
        let Some(asked) = &step.asked else { return Err(Error::Misuse("there is no message")) };
        let old_signer = asked.signer.as_ref().map(|it| it.to_der()).transpose()?;
        let new_signer = signer.certificate.to_der()?;
        let id = asked.transaction.as_deref();
        let id = id.map(|old| new_id(&mut self.ids, old, asked, key)).transpose()?;
        let nonces = &mut self.nonces;
        let is_right = asked.signer.as_ref().is_none_or(|it| asked.template.is_signed_by(it));
        let mut attribute = |name: AttributeName, old: &[u8]| match name {
            AttributeName::TransactionId => id.clone(),
            AttributeName::SenderNonce => new_nonce(nonces, old),
            _ => None,
        };
        let mut certificate =
            |old: &[u8]| (Some(old) == old_signer.as_deref()).then(|| new_signer.clone());
        asked.template.remake(&mut Changes {
            content,
            certificate: Some(&mut certificate),
            attribute: Some(&mut attribute),
            later: step.seconds_until(self.clock.now()),
            signer: Some((&signer.key, Some(&signer.certificate))),
            corrupts_signature: !is_right,
        })
    }

    /// Holds the answer that came now against the recorded one.
    pub fn answered(&mut self, index: usize, response: &HttpResponse) -> Held {
        let step = &self.script.steps[index];
        let message = self.last.as_ref().and_then(|sent| Asked::read(&sent.message, &[]));
        let now = facts(&step.kind, Some(response.status), &response.body, message.as_ref());
        let held = match &step.exchange.reply {
            Some(reply) => {
                let then = facts(&step.kind, reply.status, &reply.body, step.asked.as_ref());
                Held {
                    differences: then.differences(&now),
                    recorded: then.summary,
                    now: now.summary,
                }
            }
            None => Held {
                differences: vec!["there was no answer, and now there is one".to_owned()],
                recorded: "no answer".to_owned(),
                now: now.summary,
            },
        };
        self.keep_certificate(response);
        held
    }

    /// Holds a missing answer against the recorded one.
    pub fn unanswered(&self, index: usize, reason: &str) -> Held {
        let step = &self.script.steps[index];
        let reply = step.exchange.reply.as_ref();
        let then = reply.map(|it| facts(&step.kind, it.status, &it.body, step.asked.as_ref()));
        Held {
            differences: then
                .iter()
                .map(|_| "there was an answer, and now there is none".to_owned())
                .collect(),
            recorded: then.map_or_else(|| "no answer".to_owned(), |it: Facts| it.summary),
            now: format!("no answer: {reason}"),
        }
    }
}

impl std::fmt::Debug for Anew {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Anew").field("count", &self.count()).finish_non_exhaustive()
    }
}
