//! From a request of a scenario to what travels: what is chosen, and what follows where nothing is.

mod body;
mod message;
mod transport;

use std::time::{Duration, SystemTime};

use openssl::rand::rand_bytes;
use openssl::x509::{X509, X509Name};
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{Nonce, TransactionId};
use scep::client::choice;
use scep::http::HttpRequest;
use scep::identity::Identity;
use scep::name;
use scep::request::self_signed;
use scep::secret::Secret;

use self::message::{bytes, content, encode};
use self::transport::{question, travelling, words};
use super::keys::Kind;
use super::signer::issued_by;
use super::{Authority, Conversation, Requested, SpeechError, Transaction, keys};
use model::scenario::scep::{
    ChallengeChoice, KeyType, Mutation, Operation, RecipientChoice, Request, SignerChoice,
};
use testbed::pki::Pki;

/// What travels, and what it is.
pub(super) struct Composed {
    pub(super) request: HttpRequest,
    /// What is appended to the path.
    pub(super) path_suffix: &'static str,
    /// What the answer is held against; for a message.
    pub(super) transaction: Option<Transaction>,
    /// What is sent, in words.
    pub(super) words: Vec<String>,
}

/// A key length that every CA takes.
const KEY_BITS: u32 = 2048;
/// A year, more or less.
const YEAR: Duration = Duration::from_secs(365 * 86_400);
/// A key to sign with.
const OTHER_KEY: Kind = Kind::Rsa(KEY_BITS);

impl Conversation {
    /// Makes what travels of a request.
    pub(super) async fn compose(&mut self, request: &Request) -> Result<Composed, SpeechError> {
        let mut composed = if request.operation.has_message() {
            self.compose_message(request).await?
        } else {
            question(request)
        };
        if request.mutations.contains(&Mutation::LowerCaseOperation) {
            let query = &composed.request.query;
            let (operation, rest) = query.split_once('&').unwrap_or((query, ""));
            let operation = operation.to_ascii_lowercase();
            composed.request.query =
                if rest.is_empty() { operation } else { format!("{operation}&{rest}") };
        }
        if request.mutations.contains(&Mutation::NoOperation) {
            let query = &composed.request.query;
            composed.request.query =
                query.split_once('&').map_or_else(String::new, |(_, rest)| rest.to_owned());
        }
        if request.mutations.contains(&Mutation::OtherPath) {
            composed.path_suffix = "/pkiclient.exe";
        }
        let wrongs =
            request.mutations.iter().map(|wrong| format!("  wrong: {}", wrong.description()));
        composed.words.extend(wrongs);
        Ok(composed)
    }

    async fn compose_message(&mut self, request: &Request) -> Result<Composed, SpeechError> {
        let parts = self.parts(request).await?;
        let body = self.body(request, &parts)?;
        let content = content(request, &parts, &body)?;
        let message = bytes(request, encode(request, &parts, content)?)?;
        let method = request.method.unwrap_or_else(|| choice::method(&parts.capabilities));
        let words = words(request, &parts, self.challenge.is_some(), method, message.len());
        let http = travelling(request, method, &message);
        let serial = self.wanted_serial(request);
        let transaction = Transaction {
            id: parts.transaction_id,
            sender_nonce: parts.sender_nonce,
            signer: parts.signer,
            requested: match request.operation {
                Operation::PkcsReq | Operation::RenewalReq => Some(parts.requested),
                _ => self.transaction.as_mut().and_then(|last| last.requested.take()),
            },
            serial,
        };
        Ok(Composed { request: http, path_suffix: "", transaction: Some(transaction), words })
    }

    /// All that is chosen or follows of a message.
    async fn parts(&mut self, request: &Request) -> Result<Parts, SpeechError> {
        let choice = &request.message;
        let authority = self.authority()?;
        let capabilities = authority.capabilities.clone();
        let not_offered = |refusal: scep::client::Refusal| {
            SpeechError::NotPossible(format!("nothing fits what the CA offers: {refusal}"))
        };
        let digest = choice.digest.map_or_else(|| choice::digest(None, &capabilities), Ok);
        let digest = digest.map_err(not_offered)?;
        let cipher = choice.cipher.map_or_else(|| choice::cipher(None, &capabilities), Ok);
        let cipher = cipher.map_err(not_offered)?;
        let recipients = self.recipients(choice.recipient).await?;
        let requested = self.requested(request).await?;
        let signer = self.signer(request, &requested, digest).await?;
        let sender_nonce = Nonce::new(noise(choice.nonce_bytes.unwrap_or(Nonce::BYTES))?);
        let polls = request.operation == Operation::CertPoll;
        let transaction_id = match (&choice.transaction_id, &self.transaction) {
            (Some(id), _) => TransactionId::new(self.filled(id)),
            (None, Some(polled)) if polls => polled.id.clone(),
            (None, _) => TransactionId::generate(&mut rand_bytes)?,
        };
        Ok(Parts {
            capabilities,
            digest,
            cipher,
            key_transport: choice.key_transport.unwrap_or(KeyTransport::Pkcs1v15),
            recipients,
            requested,
            signer,
            sender_nonce,
            transaction_id,
        })
    }

    /// Finds the challenge password that the request is to carry.
    pub(super) async fn choose_challenge(
        &mut self,
        pki: &dyn Pki,
        request: &Request,
        expendable: bool,
    ) -> Result<(), SpeechError> {
        let renews = request.operation == Operation::RenewalReq;
        let lacks = matches!(
            request.message.challenge,
            ChallengeChoice::Wrong | ChallengeChoice::Empty | ChallengeChoice::None
        );
        let is_nobody = matches!(
            request.message.signer,
            Some(SignerChoice::SelfSigned | SignerChoice::Stranger)
        );
        let consequence = match renews {
            false if lacks => Some("none can be missing"),
            true if is_nobody => Some("serves everybody"),
            _ => None,
        };
        if let Some(consequence) = consequence
            && !pki.asks_for_challenge().await?
        {
            let reason = format!("the PKI asks for no challenge password, and {consequence}");
            return Err(SpeechError::NotPossible(reason));
        }
        self.challenge = match request.message.challenge {
            ChallengeChoice::Right if renews => None,
            ChallengeChoice::Right | ChallengeChoice::Always => {
                let secret = pki.challenge(expendable).await?;
                self.challenges += usize::from(secret.is_some() && !expendable);
                secret
            }
            ChallengeChoice::Wrong => Some(Secret::new("0BAD0BAD0BAD0BAD")),
            ChallengeChoice::Empty => Some(Secret::new("")),
            ChallengeChoice::None => None,
            ChallengeChoice::Again => self.challenge.take(),
        };
        self.secrets.extend(self.challenge.clone());
        Ok(())
    }

    fn authority(&self) -> Result<&Authority, SpeechError> {
        let unknown = || SpeechError::NotPossible("the CA is not known yet".to_owned());
        self.authority.as_ref().ok_or_else(unknown)
    }

    /// The subject and the key to be certified.
    async fn requested(&mut self, request: &Request) -> Result<Requested, SpeechError> {
        let choice = &request.message;
        let renews = request.operation == Operation::RenewalReq;
        let subject = match (&choice.subject, &self.issued) {
            (Some(subject), _) => parsed(&self.filled(subject))?,
            (None, Some(issued)) if renews => issued.certificate.subject_name().to_owned()?,
            (None, _) => parsed(&fresh_subject(self.subject.as_deref())?)?,
        };
        let kind = match choice.key_type {
            KeyType::Rsa => Kind::Rsa(choice.key_bits.unwrap_or(KEY_BITS)),
            KeyType::P256 => Kind::P256,
        };
        let key = match &choice.key {
            Some(name) => self.keys.key(name, kind).await?,
            None if !request.operation.enrols() || !request.mutations.is_empty() => {
                keys::throw_away().await?
            }
            None => {
                let name = if renews { "renewed" } else { "first" };
                self.keys.key(name, kind).await?
            }
        };
        Ok(Requested { subject, key })
    }

    async fn signer(
        &mut self,
        request: &Request,
        requested: &Requested,
        digest: Digest,
    ) -> Result<Identity, SpeechError> {
        let polled = self.transaction.as_ref().map(|it| it.signer.clone());
        let default = match (&request.operation, &self.issued, polled) {
            (Operation::CertPoll, _, Some(signer)) if request.message.signer.is_none() => {
                return Ok(signer);
            }
            (Operation::RenewalReq, ..) | (Operation::GetCert | Operation::GetCrl, Some(_), _) => {
                SignerChoice::Issued
            }
            _ => SignerChoice::SelfSigned,
        };
        let Requested { subject, key } = requested;
        let now = SystemTime::now();
        Ok(match request.message.signer.unwrap_or(default) {
            SignerChoice::SelfSigned => self_signed(subject, key, digest, now)?,
            SignerChoice::OtherSubject => {
                let other = parsed("CN=somebody-else")?;
                self_signed(&other, key, digest, now)?
            }
            SignerChoice::NoKeyUsage => issued_by(subject, key, subject, key, false)?,
            // Such a certificate is valid for a year.
            SignerChoice::Expired => self_signed(subject, key, digest, now - 2 * YEAR)?,
            SignerChoice::OtherKey => {
                self_signed(subject, &self.keys.key("other", OTHER_KEY).await?, digest, now)?
            }
            SignerChoice::Issued => self.issued.clone().ok_or_else(|| {
                let missing = "no certificate was issued that could sign it";
                SpeechError::NotPossible(missing.to_owned())
            })?,
            SignerChoice::Stranger => {
                let own = self.keys.key("stranger", OTHER_KEY).await?;
                let (issuer, issuer_key) = (parsed("CN=Another CA")?, keys::throw_away().await?);
                issued_by(subject, &own, &issuer, &issuer_key, true)?
            }
        })
    }

    async fn recipients(&self, choice: RecipientChoice) -> Result<Vec<X509>, SpeechError> {
        let certificates = &self.authority()?.certificates;
        Ok(match choice {
            RecipientChoice::Right => vec![certificates.recipient().to_owned()],
            RecipientChoice::Everybody => {
                certificates.ra.iter().chain(&certificates.ca).cloned().collect()
            }
            RecipientChoice::Stranger => {
                let subject = parsed("CN=Another CA")?;
                let key = keys::throw_away().await?;
                vec![self_signed(&subject, &key, Digest::Sha256, SystemTime::now())?.certificate]
            }
        })
    }
}

/// What a message is made of.
struct Parts {
    capabilities: scep::capabilities::Capabilities,
    digest: Digest,
    cipher: Cipher,
    key_transport: KeyTransport,
    recipients: Vec<X509>,
    requested: Requested,
    signer: Identity,
    sender_nonce: Nonce,
    transaction_id: TransactionId,
}

/// A subject that nobody has: the pattern's, or our own.
fn fresh_subject(pattern: Option<&str>) -> Result<String, SpeechError> {
    let number = noise(4)?.iter().fold(0u32, |number, octet| number << 8 | u32::from(*octet));
    Ok(pattern.unwrap_or("CN=sceplab-{n}").replace("{n}", &format!("{number:08x}")))
}

fn parsed(subject: &str) -> Result<X509Name, SpeechError> {
    name::parse(subject)
        .map_err(|error| SpeechError::NotPossible(format!("`{subject}` is no name: {error}")))
}

fn noise(length: usize) -> Result<Vec<u8>, SpeechError> {
    let mut octets = vec![0; length];
    rand_bytes(&mut octets)?;
    Ok(octets)
}
