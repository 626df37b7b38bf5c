//! The step that checks the requests of clients.

use super::Given;
use super::scep::{Acceptable, Operation, facts};
use diagnostics::Place;

/// Checks all requests of one kind that a PKI received.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The PKI.
    pub pki: String,
    /// Kind of request; if none came, only an outcome is acceptable that says so.
    pub on: SeenKind,
    /// Acceptable requests; at least one.
    pub acceptable: Vec<Acceptable<SeenFact>>,
    /// Place of the step in the file.
    pub place: Place,
}

impl Seen {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] = &[&["pki", "on", "accept"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let pki = given.pki().unwrap_or_default();
        let on = given.fields.required("on");
        let kind = on.and_then(|node| node.one_of("request", &SeenKind::all(), given.problems));
        let mut acceptable = given.acceptable()?;
        let (kind, place) = (kind?, on?.place.clone());
        for condition in acceptable.iter_mut().flat_map(|one| &mut one.conditions) {
            condition.whole = condition.whole.filter(|_| !kind.selects_by(condition.fact));
        }
        Some(Self { pki, on: kind, acceptable, place })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("check each {} that came to {}", self.on.name(), self.pki)
    }
}

/// A kind of request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeenKind {
    /// Every request.
    Any,
    /// The requests of an operation, or those with a message of a type, by its name in the standard.
    Named(&'static str),
}

impl SeenKind {
    /// All kinds by name.
    fn all() -> Vec<(&'static str, Self)> {
        let unspecific = [("any", Self::Any), ("PKIOperation", Self::Named("PKIOperation"))];
        let operations = Operation::KNOWN.map(|(name, _)| (name, Self::Named(name)));
        unspecific.into_iter().chain(operations).collect()
    }

    /// Name in a scenario.
    pub fn name(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Named(name) => name,
        }
    }

    /// True if every request of this kind has the fact, so that `absent` says that none came.
    fn selects_by(self, fact: SeenFact) -> bool {
        let Self::Named(name) = self else { return false };
        let is_message =
            Operation::KNOWN.iter().any(|(known, it)| *known == name && it.has_message());
        fact == SeenFact::Operation || fact == SeenFact::MessageType && is_message
    }

    /// True if a request is of this kind, judged by its operation and the type of its message.
    pub fn takes(self, operation: &str, message_type: &str) -> bool {
        match self {
            Self::Any => true,
            Self::Named(name) => operation == name || message_type == name,
        }
    }
}

impl SeenFact {
    const fn says_what_came(_: Self) -> bool {
        false
    }

    const fn whole(self) -> Option<Self> {
        match self {
            Self::Method => None,
            Self::Path
            | Self::ContentType
            | Self::Operation
            | Self::PostOffered
            | Self::Base64
            | Self::Digest => Some(Self::Method),
            Self::SignerKeyUsage | Self::SignerValidity | Self::SignerFrom => Some(Self::Signer),
            Self::KeyTransport | Self::KeyBits => Some(Self::Cipher),
            Self::Subject
            | Self::Challenge
            | Self::ProofOfPossession
            | Self::SignerSubject
            | Self::SignerName
            | Self::SignerKey => Some(Self::KeyBits),
            _ => Some(Self::Digest),
        }
    }
}

facts! {
    /// A fact of a received request. A fact that the request does not have is `absent`.
    SeenFact:
    Method, "method", ["GET", "POST"], "The HTTP method.";
    Path, "path", [], "The path, without the query.";
    ContentType, "content-type", [], "The content type.";
    Operation, "operation", [], "The operation that the query names.";
    PostOffered, "post-offered", ["yes", "no"], "Whether GetCACaps offered POST before it.";
    Base64, "base64", [], "Encoding of the message in the query of a GET: `proper` as RFC 8894 §4.1 says, otherwise its peculiarities, separated by blanks: bare-plus, bare-slash, bare-equals, url-safe, unpadded, line-breaks.";
    MessageType, "message-type", [], "The messageType, by its name.";
    Transaction, "transaction", ["new", "continued"], "Whether it is the first message with its transactionID, or an earlier one had the same.";
    PreviousReply, "previous-reply", ["came", "lost"], "Whether the reply to the message before it in its transaction came, or a fault closed the connection.";
    TransactionId, "transaction-id", [], "The transactionID.";
    SenderNonceBytes, "sender-nonce-bytes", [], "The length of the senderNonce.";
    SenderNonce, "sender-nonce", ["fresh", "repeated"], "Whether no earlier message had the same senderNonce.";
    Digest, "digest", ["MD5", "SHA-1", "SHA-224", "SHA-256", "SHA-384", "SHA-512"], "The digest of the signature.";
    SigningTime, "signing-time", ["present"], "Whether it has a signingTime.";
    Certificates, "certificates", [], "Number of certificates in the message.";
    Signer, "signer", ["self-signed", "issued"], "Whether the signer's certificate is self-signed; `absent` if it is not in the message.";
    SignerKeyUsage, "signer-key-usage", [], "The key usages of the signer's certificate, separated by commas.";
    SignerValidity, "signer-validity", ["valid", "expired", "not yet valid"], "Whether the signer's certificate is valid by the PKI's clock when the request comes.";
    SignerFrom, "signer-from", [], "The moment from which the signer's certificate is valid, such as `2026-01-01T00:00:00Z`.";
    SignerSubject, "signer-subject", ["requested", "other"], "Whether the signer's certificate has the subject that is asked for.";
    SignerName, "signer-name", [], "The subject of the signer's certificate, in one line.";
    SignerKey, "signer-key", ["requested", "other"], "Whether the signer's certificate has the key that is to be certified.";
    Cipher, "cipher", ["DES", "3DES", "AES-128", "AES-192", "AES-256"], "The cipher of the envelope; `absent` if it did not open.";
    KeyTransport, "key-transport", ["RSA PKCS#1 v1.5", "RSA-OAEP"], "Encryption of the envelope's key.";
    Subject, "subject", [], "The subject that is asked for, in one line.";
    KeyBits, "key-bits", [], "The length of the key that is to be certified, in bits.";
    Challenge, "challenge", ["present"], "Whether the certification request has a challenge password.";
    PollIssuer, "poll-issuer", ["CA", "other"], "Whether a CertPoll names the CA as issuer.";
    PollIssuerName, "poll-issuer-name", [], "The issuer that a CertPoll names, in one line.";
    PollSubject, "poll-subject", ["requested", "other"], "Whether a CertPoll names the subject that was asked for in its transaction.";
    PollSubjectName, "poll-subject-name", [], "The subject that a CertPoll names, in one line.";
    ProofOfPossession, "proof-of-possession", ["valid", "invalid"], "Whether the certification request is signed with the key that it is for.";
}
