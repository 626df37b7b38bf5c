//! The step that sends a SCEP request, right or wrong, and lists the acceptable outcomes.

mod acceptable;
mod asked;
mod decode;
mod fact;
mod mutation;
mod words;

use self::acceptable::ABSENT;
pub use self::acceptable::{Acceptable, Condition, Expected};
pub(super) use self::acceptable::{acceptable, acceptables};
pub(crate) use self::fact::facts;
pub use self::fact::{Fact, FactName};
pub use self::mutation::{Carrier, Mutation};

use std::fmt;

use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::PkiStatus;
use scep::http::Method;
use scep::key::KeyKind;
use scep::request::{ChallengeString, RequestedExtensions};
use scep::signature::RsaPadding;

use diagnostics::Place;

/// Sends a SCEP request to a PKI.
#[derive(Debug, Clone)]
pub struct Scep {
    /// The PKI.
    pub pki: String,
    /// The request.
    pub request: Request,
    /// Acceptable outcomes, of which one must happen; at least one.
    pub acceptable: Vec<Acceptable>,
    /// True if a request whose refusal is no acceptable outcome is sent again with the challenge password.
    pub retry_with_challenge: bool,
    /// Facts that later steps may use as `{{name}}`, by name.
    pub save: Vec<(String, Fact)>,
    /// Place of the operation in the file.
    pub place: Place,
}

impl Scep {
    /// A description of the action.
    pub(super) fn title(&self) -> String {
        format!("send {} to {}", self.request, self.pki)
    }

    /// True if a granted request is acceptable; otherwise the request does not use up a password.
    pub fn may_be_granted(&self) -> bool {
        let success = PkiStatus::Success.to_string();
        let is_success = |it: &Condition<Fact>| {
            let names_it =
                |expected: &Expected| matches!(expected, Expected::Text(text) if *text == success);
            it.fact == Fact::Status && it.expected.iter().any(names_it)
        };
        let grants =
            |one: &Acceptable<Fact>| one.skip.is_none() && one.conditions.iter().any(is_success);
        self.acceptable.iter().any(grants)
    }
}

/// An operation and all choices about it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// HTTP method of a message; if absent, POST if the CA supports it.
    pub method: Option<Method>,
    /// The `message` of a GetCACaps, GetCACert or GetNextCACert: name of a CA.
    pub ca_identifier: Option<String>,
    /// Mutations.
    pub mutations: Vec<Mutation>,
    /// The message, if the operation carries one.
    pub message: MessageChoice,
}

/// Choices about a pkiMessage. Everything else follows RFC 8894 and the CA's capabilities.
#[derive(Debug, Clone, Default)]
pub struct MessageChoice {
    /// Requested subject; a new `CN=sceplab-…` for each request if absent.
    pub subject: Option<String>,
    /// Requested extensions.
    pub extensions: RequestedExtensions,
    /// Key to be certified, by a name that the scenario chooses; the same name means the same key.
    pub key: Option<String>,
    /// Kind of that key.
    pub key_kind: KeyKind,
    /// The challenge password.
    pub challenge: ChallengeChoice,
    /// ASN.1 string type of the challenge password.
    pub challenge_string: ChallengeString,
    /// Cipher of the envelope.
    pub cipher: Option<Cipher>,
    /// Digest of the signatures.
    pub digest: Option<Digest>,
    /// Encryption of the envelope's key.
    pub key_transport: Option<KeyTransport>,
    /// Padding of the message's signature, if the signer has an RSA key.
    pub rsa_padding: RsaPadding,
    /// Length of the senderNonce in bytes.
    pub nonce_bytes: Option<usize>,
    /// Transaction id; if absent, a new one, or that of the polled transaction.
    pub transaction_id: Option<String>,
    /// The signer.
    pub signer: Option<SignerChoice>,
    /// The recipient of the envelope.
    pub recipient: RecipientChoice,
    /// Serial number in hexadecimal for GetCert or GetCRL; that of the last certificate issued if absent.
    pub serial: Option<String>,
    /// signingTime in seconds from now; none if absent.
    pub signing_time: Option<i64>,
}

/// An operation (RFC 8894 §4), or the type of message that PKIOperation carries (RFC 8894 §3.2.1.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// GetCACaps.
    GetCaCaps,
    /// GetCACert.
    GetCaCert,
    /// GetNextCACert.
    GetNextCaCert,
    /// PKIOperation with a PKCSReq.
    PkcsReq,
    /// PKIOperation with a RenewalReq.
    RenewalReq,
    /// PKIOperation with a CertPoll.
    CertPoll,
    /// PKIOperation with a GetCert.
    GetCert,
    /// PKIOperation with a GetCRL.
    GetCrl,
    /// Another word in the query.
    Other(String),
}

impl fmt::Display for Request {
    /// The operation and its mutations, in a few words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name())?;
        match self.method {
            Some(Method::Get) if self.operation.has_message() => f.write_str(" by GET")?,
            Some(Method::Post) if self.operation.has_message() => f.write_str(" by POST")?,
            _ => {}
        }
        let mutations: Vec<&str> = self.mutations.iter().map(|it| it.as_str()).collect();
        if mutations.is_empty() { Ok(()) } else { write!(f, " with {}", mutations.join(", ")) }
    }
}

impl Operation {
    /// The operations that have a name.
    pub const KNOWN: [(&'static str, Self); 8] = [
        ("GetCACaps", Self::GetCaCaps),
        ("GetCACert", Self::GetCaCert),
        ("GetNextCACert", Self::GetNextCaCert),
        ("PKCSReq", Self::PkcsReq),
        ("RenewalReq", Self::RenewalReq),
        ("CertPoll", Self::CertPoll),
        ("GetCert", Self::GetCert),
        ("GetCRL", Self::GetCrl),
    ];

    /// Name in the standard.
    pub fn name(&self) -> &str {
        let known = Self::KNOWN.iter().find(|(_, known)| known == self);
        match (known, self) {
            (Some((name, _)), _) => name,
            (None, Self::Other(word)) => word,
            (None, _) => "PKIOperation",
        }
    }

    /// True if it carries a pkiMessage.
    pub fn has_message(&self) -> bool {
        !matches!(self, Self::GetCaCaps | Self::GetCaCert | Self::GetNextCaCert | Self::Other(_))
    }

    /// True if it asks for a certificate.
    pub fn enrols(&self) -> bool {
        matches!(self, Self::PkcsReq | Self::RenewalReq)
    }
}

scep::named! {
    /// The challenge password of a request.
    #[derive(Default)]
    ChallengeChoice, "challenge" {
        /// A valid challenge password, if the PKI asks for any; none in a renewal (RFC 8894 §2.4).
        #[default]
        Right = "right";
        /// A valid challenge password, in a renewal too.
        Always = "always";
        /// An invalid challenge password.
        Wrong = "wrong";
        /// The empty string.
        Empty = "empty";
        /// No challenge password.
        None = "none";
        /// The challenge password of the previous request.
        Again = "again";
    }
}

scep::named! {
    /// The signer of a message (RFC 8894 §2.3).
    SignerChoice, "signer" {
        /// A self-signed certificate with the requested key and subject.
        SelfSigned = "self-signed";
        /// The same with another subject.
        OtherSubject = "other-subject";
        /// The same without a key usage.
        NoKeyUsage = "no-key-usage";
        /// The same, expired.
        Expired = "expired";
        /// A self-signed certificate for another key.
        OtherKey = "other-key";
        /// The last certificate issued.
        Issued = "issued";
        /// A certificate of a CA unknown to the PKI.
        Stranger = "stranger";
    }
}

scep::named! {
    /// The recipient of an envelope.
    #[derive(Default)]
    RecipientChoice, "recipient" {
        /// The recipient that the CA's certificates name: its RA for encryption, or the CA.
        #[default]
        Right = "right";
        /// All certificates of GetCACert, as scepclient does.
        Everybody = "everybody";
        /// A certificate that is not the CA's.
        Stranger = "stranger";
    }
}
