//! A step that speaks SCEP itself: what is sent, right or wrong, and which outcomes are acceptable.

mod acceptable;
mod decode;
mod fact;
mod wrong;

pub(super) use self::acceptable::acceptables;
pub use self::acceptable::{Acceptable, Condition, Expected};
pub(crate) use self::fact::facts;
pub use self::fact::{Fact, FactName};
pub use self::wrong::{Carrier, Wrong};

use std::fmt;

use scep::algorithm::{Cipher, Digest, KeyTransport};
use scep::attribute::PkiStatus;
use scep::http::Method;
use scep::request::ChallengeString;

use diagnostics::Place;

/// Speaks SCEP to a PKI.
#[derive(Debug, Clone)]
pub struct Scep {
    /// The PKI.
    pub pki: String,
    /// What is sent.
    pub request: Request,
    /// The outcomes of which one must come; at least one.
    pub acceptable: Vec<Acceptable>,
    /// What later steps may use as `{{name}}`: a fact by its name.
    pub save: Vec<(String, Fact)>,
    /// Where the operation stands in the file.
    pub place: Place,
}

impl Scep {
    /// What is done, in words.
    pub(super) fn title(&self) -> String {
        format!("send {} to {}", self.request, self.pki)
    }

    /// Whether the step is content when its request is granted; otherwise the password of the request is not used up.
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

/// An operation, with everything about it that can be chosen.
#[derive(Debug, Clone)]
pub struct Request {
    /// The operation.
    pub operation: Operation,
    /// How the message travels; by POST where the CA takes it and nothing is said.
    pub method: Option<Method>,
    /// The `message` of a GetCACaps, GetCACert or GetNextCACert: the name of a CA.
    pub ca_identifier: Option<String>,
    /// What is wrong with it, or unusual.
    pub wrong: Vec<Wrong>,
    /// The message, where the operation carries one.
    pub message: MessageChoice,
}

/// What is chosen of a pkiMessage; what is not follows RFC 8894 and the CA's capabilities.
#[derive(Debug, Clone, Default)]
pub struct MessageChoice {
    /// The subject asked for; `CN=sceplab-…`, different each time, where it is left out.
    pub subject: Option<String>,
    /// DNS names asked for.
    pub dns_names: Vec<String>,
    /// The key to be certified, by a name of the scenario's own; the same name is the same key.
    pub key: Option<String>,
    /// The length of that key in bits, where it is an RSA key.
    pub key_bits: Option<u32>,
    /// What kind of key it is.
    pub key_type: KeyType,
    /// The challenge password.
    pub challenge: ChallengeChoice,
    /// As which string it travels.
    pub challenge_string: ChallengeString,
    /// The cipher of the envelope.
    pub cipher: Option<Cipher>,
    /// The digest of the signatures.
    pub digest: Option<Digest>,
    /// How the key of the envelope travels.
    pub key_transport: Option<KeyTransport>,
    /// The length of the senderNonce in bytes.
    pub nonce_bytes: Option<usize>,
    /// The transaction id; a fresh one, or that of the transaction polled for, where it is left out.
    pub transaction_id: Option<String>,
    /// Who signs.
    pub signer: Option<SignerChoice>,
    /// Whom the envelope is for.
    pub recipient: RecipientChoice,
    /// The serial number, in hexadecimal, that GetCert or GetCRL names; that of the certificate issued last where it is
    /// left out.
    pub serial: Option<String>,
    /// Whether the message says when it was signed, and how many seconds from now.
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
    /// Any other word in the query.
    Other(String),
}

impl fmt::Display for Request {
    /// In a few words: the operation, and what is wrong with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.operation.name())?;
        match self.method {
            Some(Method::Get) if self.operation.has_message() => f.write_str(" by GET")?,
            Some(Method::Post) if self.operation.has_message() => f.write_str(" by POST")?,
            _ => {}
        }
        let wrong: Vec<&str> = self.wrong.iter().map(|wrong| wrong.as_str()).collect();
        if wrong.is_empty() { Ok(()) } else { write!(f, " with {}", wrong.join(", ")) }
    }
}

impl Operation {
    /// Those with a name of their own.
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

    /// Its name in the standard.
    pub fn name(&self) -> &str {
        let known = Self::KNOWN.iter().find(|(_, known)| known == self);
        match (known, self) {
            (Some((name, _)), _) => name,
            (None, Self::Other(word)) => word,
            (None, _) => "PKIOperation",
        }
    }

    /// Whether it carries a pkiMessage.
    pub fn has_message(&self) -> bool {
        !matches!(self, Self::GetCaCaps | Self::GetCaCert | Self::GetNextCaCert | Self::Other(_))
    }

    /// Whether it asks for a certificate to be issued.
    pub fn enrols(&self) -> bool {
        matches!(self, Self::PkcsReq | Self::RenewalReq)
    }
}

scep::named! {
    /// What kind of key is to be certified.
    #[derive(Default, PartialOrd, Ord)]
    KeyType, "kind of key" {
        /// RSA.
        #[default]
        Rsa = "rsa";
        /// An elliptic curve, P-256; a message cannot be signed with it, and so another key signs.
        P256 = "p256";
    }
}

scep::named! {
    /// Which challenge password a request carries.
    #[derive(Default)]
    ChallengeChoice, "challenge" {
        /// One that serves, where the PKI asks for any; none in a renewal (RFC 8894 §2.4).
        #[default]
        Right = "right";
        /// One that serves, in a renewal too.
        Always = "always";
        /// One that does not serve.
        Wrong = "wrong";
        /// The empty string.
        Empty = "empty";
        /// None at all.
        None = "none";
        /// That of the request before.
        Again = "again";
    }
}

scep::named! {
    /// Who signs a message (RFC 8894 §2.3).
    SignerChoice, "signer" {
        /// A self-signed certificate for the key and the subject asked for.
        SelfSigned = "self-signed";
        /// The same with another subject.
        OtherSubject = "other-subject";
        /// The same without a key usage.
        NoKeyUsage = "no-key-usage";
        /// The same, expired.
        Expired = "expired";
        /// A self-signed certificate for another key.
        OtherKey = "other-key";
        /// The certificate that was issued last.
        Issued = "issued";
        /// A certificate of a CA that the PKI does not know.
        Stranger = "stranger";
    }
}

scep::named! {
    /// Whom an envelope is enciphered to.
    #[derive(Default)]
    RecipientChoice, "recipient" {
        /// Whom the CA's certificates say: its RA for encryption, or the CA.
        #[default]
        Right = "right";
        /// Every certificate of GetCACert, as scepclient does.
        Everybody = "everybody";
        /// A certificate that is none of the CA's.
        Stranger = "stranger";
    }
}
