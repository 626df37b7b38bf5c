//! Builds the HTTP request for a step: the step's choices, and defaults for the rest.

mod body;
mod message;
mod transport;

use std::time::{Duration, SystemTime};

use openssl::pkey::{Id, PKey, Private};
use openssl::rand::rand_bytes;
use openssl::x509::{X509, X509Name, X509Ref};
use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::{Nonce, TransactionId};
use scep::client::choice;
use scep::clock::within_range;
use scep::http::HttpRequest;
use scep::identity::Identity;
use scep::key::KeyKind;
use scep::name;
use scep::request::self_signed;
use scep::secret::Secret;
use scep::signature;

use self::message::{content, encode, mutate};
use self::transport::{http_request, request_without_message, summary};
use super::signer::issued_by;
use super::{Authority, Conversation, RequestError, Requested, Transaction};
use model::scenario::scep::{
    ChallengeChoice, Mutation, Operation, RecipientChoice, Request, SignerChoice,
};
use testbed::pki::ScepService;

/// An HTTP request, with its summary.
pub(super) struct Composed {
    pub(super) request: HttpRequest,
    /// Suffix for the path of the URL.
    pub(super) path_suffix: &'static str,
    /// The transaction that the answer is compared with, if the request has a message.
    pub(super) transaction: Option<Transaction>,
    /// Description of the request, one line each.
    pub(super) summary: Vec<String>,
}

/// A year, approximately.
const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl Conversation {
    /// Builds the HTTP request of a step. An expendable request must be refused.
    pub(super) async fn compose(
        &mut self,
        request: &Request,
        expendable: bool,
    ) -> Result<Composed, RequestError> {
        let mut composed = if request.operation.has_message() {
            self.compose_message(request, expendable).await?
        } else {
            request_without_message(request)
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
        composed.summary.extend(wrongs);
        Ok(composed)
    }

    async fn compose_message(
        &mut self,
        request: &Request,
        expendable: bool,
    ) -> Result<Composed, RequestError> {
        let parts = self.parts(request, expendable).await?;
        let body = self.body(request, &parts)?;
        let content = content(request, &parts, &body)?;
        let message = mutate(request, encode(request, &parts, content)?)?;
        let method = request.method.unwrap_or_else(|| choice::method(&parts.capabilities));
        let summary = summary(request, &parts, self.challenge.as_ref(), method, message.len());
        let http = http_request(request, method, &message);
        let serial = self.requested_serial(request);
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
        Ok(Composed { request: http, path_suffix: "", transaction: Some(transaction), summary })
    }

    /// The chosen and the default parts of a message.
    async fn parts(&mut self, request: &Request, expendable: bool) -> Result<Parts, RequestError> {
        let choice = &request.message;
        let authority = self.authority()?;
        let capabilities = authority.capabilities.clone();
        let ca = authority.certificates.ca.clone();
        let not_offered = |refusal: scep::client::Refusal| {
            RequestError::NotPossible(format!(
                "the request cannot be made with the capabilities that the CA offers: {refusal}"
            ))
        };
        let cipher = choice.cipher.map_or_else(|| choice::cipher(None, &capabilities), Ok);
        let cipher = cipher.map_err(not_offered)?;
        let recipients = self.recipients(choice.recipient).await?;
        let requested = self.requested(request, expendable).await?;
        let signing_key = self.signing_key(request, &requested).await?;
        let digest = match choice.digest {
            Some(digest) if signature::only_digest(&signing_key).is_none() => digest,
            chosen => {
                choice::digest_for(&signing_key, chosen, &capabilities).map_err(not_offered)?
            }
        };
        let signer = self.signer(request, &requested, digest).await?;
        let is_foreign = request.mutations.contains(&Mutation::ForeignSignature);
        let signature_key =
            if is_foreign { self.keys.stranger().await? } else { signer.key.clone() };
        let sender_nonce = Nonce::new(random(choice.nonce_bytes.unwrap_or(Nonce::BYTES))?);
        let polls = request.operation == Operation::CertPoll;
        let transaction_id = match (&choice.transaction_id, &self.transaction) {
            (Some(id), _) => TransactionId::new(self.filled_in(id)?),
            (None, Some(polled)) if polls => polled.id.clone(),
            (None, _) => TransactionId::generate(&mut rand_bytes)?,
        };
        Ok(Parts {
            capabilities,
            ca,
            digest,
            cipher,
            key_transport: choice.key_transport.unwrap_or(KeyTransport::Pkcs1v15),
            recipients,
            requested,
            signer,
            signature_key,
            sender_nonce,
            transaction_id,
            now: self.clock.now(),
        })
    }

    /// Chooses the challenge password of the request.
    pub(super) async fn choose_challenge(
        &mut self,
        pki: &dyn ScepService,
        request: &Request,
        expendable: bool,
    ) -> Result<(), RequestError> {
        let renews = request.operation == Operation::RenewalReq;
        let lacks = matches!(
            request.message.challenge,
            ChallengeChoice::Wrong | ChallengeChoice::Empty | ChallengeChoice::None
        );
        let proves_no_identity = matches!(
            request.message.signer,
            Some(SignerChoice::SelfSigned | SignerChoice::Stranger)
        );
        let consequence = match renews {
            false if lacks => Some("so it would prove nothing that one is missing or wrong"),
            true if proves_no_identity => {
                Some("so it cannot be known if the PKI issues to any client")
            }
            _ => None,
        };
        if let Some(consequence) = consequence
            && !pki.asks_for_challenge().await?
        {
            let reason = format!("no challenge password is given or configured, {consequence}");
            return Err(RequestError::NoPassword(reason));
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

    fn authority(&self) -> Result<&Authority, RequestError> {
        let unknown = || RequestError::NotPossible("the CA is not known yet".to_owned());
        self.authority.as_ref().ok_or_else(unknown)
    }

    /// The subject and the key to be certified.
    async fn requested(
        &mut self,
        request: &Request,
        expendable: bool,
    ) -> Result<Requested, RequestError> {
        let choice = &request.message;
        let renews = request.operation == Operation::RenewalReq;
        let subject = match (&choice.subject, &self.issued) {
            (Some(subject), _) => parsed(&self.filled_in(subject)?)?,
            (None, Some(issued)) if renews => issued.certificate.subject_name().to_owned()?,
            (None, _) => parsed(&fresh_subject(self.subject.as_deref())?)?,
        };
        let kind = choice.key_kind;
        let is_usual = kind == KeyKind::default();
        let is_spare = !request.operation.enrols() || !request.mutations.is_empty() || expendable;
        let key = match &choice.key {
            Some(name) => self.keys.key(name, kind).await?,
            None if is_spare && is_usual => self.keys.spare().await?,
            None => {
                let name = if renews { "renewed" } else { "first" };
                self.keys.key(name, kind).await?
            }
        };
        Ok(Requested { subject, key, challenge: self.challenge.clone() })
    }

    fn signer_choice(&self, request: &Request) -> SignerChoice {
        let default = match (&request.operation, &self.issued) {
            (Operation::RenewalReq, _) | (Operation::GetCert | Operation::GetCrl, Some(_)) => {
                SignerChoice::Issued
            }
            _ => SignerChoice::SelfSigned,
        };
        request.message.signer.unwrap_or(default)
    }

    /// The key that signs the message, which may decide about the digest.
    async fn signing_key(
        &self,
        request: &Request,
        requested: &Requested,
    ) -> Result<PKey<Private>, RequestError> {
        let polled = self.transaction.as_ref().filter(|_| is_polled_by_signer(request));
        Ok(match (polled, self.signer_choice(request), &self.issued) {
            (Some(polled), ..) => polled.signer.key.clone(),
            (None, SignerChoice::Issued, Some(issued)) => issued.key.clone(),
            (None, SignerChoice::OtherKey | SignerChoice::Stranger, _) => {
                self.keys.stranger().await?
            }
            _ => requested.key.clone(),
        })
    }

    async fn signer(
        &mut self,
        request: &Request,
        requested: &Requested,
        digest: Digest,
    ) -> Result<Identity, RequestError> {
        let polled = self.transaction.as_ref().map(|it| it.signer.clone());
        if let Some(signer) = polled.filter(|_| is_polled_by_signer(request)) {
            return Ok(signer);
        }
        let Requested { subject, key, .. } = requested;
        let now = self.clock.now();
        Ok(match self.signer_choice(request) {
            SignerChoice::SelfSigned => self_signed(subject, key, digest, now)?,
            SignerChoice::OtherSubject => {
                let other = parsed("CN=somebody-else")?;
                self_signed(&other, key, digest, now)?
            }
            SignerChoice::NoKeyUsage => issued_by(subject, key, subject, key, false, now)?,
            // A self-signed certificate is valid for a year.
            SignerChoice::Expired => {
                self_signed(subject, key, digest, within_range(now - 2 * YEAR))?
            }
            SignerChoice::OtherKey => {
                self_signed(subject, &self.keys.stranger().await?, digest, now)?
            }
            SignerChoice::Issued => self.issued.clone().ok_or_else(|| {
                let missing = "no certificate was issued that could sign it";
                RequestError::NotPossible(missing.to_owned())
            })?,
            SignerChoice::Stranger => {
                let own = self.keys.stranger().await?;
                let (issuer, issuer_key) = (parsed("CN=Another CA")?, self.keys.spare().await?);
                issued_by(subject, &own, &issuer, &issuer_key, true, now)?
            }
        })
    }

    async fn recipients(&self, choice: RecipientChoice) -> Result<Vec<X509>, RequestError> {
        let certificates = &self.authority()?.certificates;
        Ok(match choice {
            RecipientChoice::Right => {
                let now = self.clock.now();
                let recipient = certificates.recipient(now);
                // The refusal says which certificate has which key.
                let unusable = certificates.choose(now).err().filter(|_| !is_rsa(recipient));
                if let Some(refusal) = unusable {
                    return Err(RequestError::NoRecipient(Box::new(refusal)));
                }
                vec![recipient.to_owned()]
            }
            RecipientChoice::Everybody => {
                certificates.ra.iter().chain(&certificates.ca).cloned().collect()
            }
            RecipientChoice::Stranger => {
                let subject = parsed("CN=Another CA")?;
                let key = self.keys.spare().await?;
                vec![self_signed(&subject, &key, Digest::Sha256, self.clock.now())?.certificate]
            }
        })
    }
}

/// True for a poll that the signer of the request signs, too.
fn is_polled_by_signer(request: &Request) -> bool {
    request.operation == Operation::CertPoll && request.message.signer.is_none()
}

/// True if requests can be enciphered to the key of a certificate.
fn is_rsa(certificate: &X509Ref) -> bool {
    certificate.public_key().is_ok_and(|key| key.id() == Id::RSA)
}

/// Parts of a message.
struct Parts {
    capabilities: scep::capabilities::Capabilities,
    /// The CA's certificates.
    ca: Vec<X509>,
    digest: Digest,
    cipher: Cipher,
    key_transport: KeyTransport,
    recipients: Vec<X509>,
    requested: Requested,
    signer: Identity,
    /// The key that signs the message; that of the signer, if the signature is right.
    signature_key: PKey<Private>,
    sender_nonce: Nonce,
    transaction_id: TransactionId,
    now: SystemTime,
}

/// A new subject, from the pattern or from our default.
fn fresh_subject(pattern: Option<&str>) -> Result<String, RequestError> {
    let number = random(4)?.iter().fold(0u32, |number, octet| number << 8 | u32::from(*octet));
    Ok(pattern.unwrap_or("CN=sceplab-{n}").replace("{n}", &format!("{number:08x}")))
}

fn parsed(subject: &str) -> Result<X509Name, RequestError> {
    name::parse(subject)
        .map_err(|error| RequestError::NotPossible(format!("`{subject}` is not a name: {error}")))
}

fn random(length: usize) -> Result<Vec<u8>, RequestError> {
    let mut octets = vec![0; length];
    rand_bytes(&mut octets)?;
    Ok(octets)
}
