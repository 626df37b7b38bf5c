//! The error of an enrolment that ended without a certificate.

use std::fmt;

use crate::{
    Error,
    algorithm::{Cipher, Digest},
    attribute::MessageType,
    denial::Denial,
    http::HttpResponse,
    named,
};

named! {
    /// The stage at which an enrolment ended.
    #[non_exhaustive]
    Stage, "stage" {
        /// The server's HTTP status.
        Http = "HTTP";
        /// The capabilities do not allow what is configured.
        GetCaCaps = "GetCACaps";
        /// The CA's certificates are unreadable or not the expected ones.
        GetCaCert = "GetCACert";
        /// The certificates of the next CA are unreadable, or the current CA has not signed them.
        GetNextCaCert = "GetNextCACert";
        /// No certificate can receive the request, or an RA's does not belong to the CA.
        RaChoice = "RA choice";
        /// The request could not be built.
        Request = "request";
        /// The reply is not a CertRep.
        Reply = "reply";
        /// The reply's signature does not verify.
        Signature = "signature";
        /// The signer of the reply is neither the CA nor its RA.
        Signer = "signer";
        /// The reply belongs to another transaction.
        TransactionId = "transaction id";
        /// The reply does not return the nonce of the request.
        Nonce = "nonce";
        /// The server refused the request.
        Answer = "answer";
        /// The reply's envelope cannot be opened.
        Envelope = "envelope";
        /// The certificate in the reply is not the requested one.
        Certificate = "certificate";
    }
}

/// The reason why an enrolment ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The server answered with another status than 200.
    #[error("{words}")]
    HttpStatus {
        /// The status code.
        status: u16,
        /// The answer in words ([`HttpResponse::answered`]).
        words: String,
    },
    /// The server refused the request.
    #[error("was answered FAILURE, {0}")]
    Refused(Denial),
    /// The CA does not offer a configured algorithm.
    #[error("{what} `{configured}` is configured, the CA offers {offered}")]
    NotOffered {
        /// `cipher` or `digest`.
        what: &'static str,
        /// The configured value.
        configured: String,
        /// The capabilities of the CA.
        offered: String,
    },
    /// Something else came in place of the CA's certificates, such as a web page.
    #[error("{came} came in place of the CA's certificates")]
    NoCertificates {
        /// What came, in words ([`HttpResponse::came`]).
        came: String,
    },
    /// The reply is signed with a digest that RFC 8894 §2.9 forbids.
    #[error("the reply is signed with {0}, which RFC 8894 forbids")]
    ObsoleteDigest(Digest),
    /// The reply is enciphered with a cipher that RFC 8894 §2.9 forbids: the CA has granted the request.
    #[error("the reply is enciphered with single {0}, which RFC 8894 forbids")]
    ObsoleteCipher(Cipher),
    /// Another check failed, in words.
    #[error("{0}")]
    Unacceptable(String),
    /// A message was not understood or not built.
    #[error(transparent)]
    Message(#[from] Error),
}

/// An exchange of an enrolment; its `Display` has the words of the standard, such as `PKIOperation (PKCSReq)`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Exchange {
    /// The question for the capabilities (RFC 8894 §3.5.1).
    GetCaCaps,
    /// The question for the certificates of the CA (RFC 8894 §4.2).
    GetCaCert,
    /// The question for the certificates of the next CA (RFC 8894 §4.7).
    GetNextCaCert,
    /// A message (RFC 8894 §4.3), and its type if that is known.
    PkiOperation(Option<MessageType>),
    /// None: no request is under way.
    #[default]
    None,
}

impl Exchange {
    /// The exchange of a message of this type.
    pub const fn of(message: MessageType) -> Self {
        Self::PkiOperation(Some(message))
    }
}

impl fmt::Display for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::GetCaCaps => f.write_str("GetCACaps"),
            Self::GetCaCert => f.write_str("GetCACert"),
            Self::GetNextCaCert => f.write_str("GetNextCACert"),
            Self::PkiOperation(None) => f.write_str("PKIOperation"),
            Self::PkiOperation(Some(message)) => write!(f, "PKIOperation ({message})"),
            Self::None => f.write_str("the client"),
        }
    }
}

/// The error of an enrolment: its stage, its exchange and its reason.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
#[non_exhaustive]
pub struct Refusal {
    /// The stage at which the enrolment ended.
    pub stage: Stage,
    /// The exchange.
    pub exchange: Exchange,
    /// The reason. Its text is in the text of the refusal, so it is no `source`.
    pub reason: Reason,
}

impl Refusal {
    /// `PKIOperation (PKCSReq) was answered …` is a sentence; the other reasons need the stage before them.
    fn text(&self) -> String {
        let Self { stage, exchange, reason } = self;
        match (reason, stage, exchange) {
            (Reason::HttpStatus { .. } | Reason::Refused(_), ..) => format!("{exchange} {reason}"),
            (_, Stage::GetCaCaps, Exchange::GetCaCaps)
            | (_, Stage::GetCaCert, Exchange::GetCaCert)
            | (_, Stage::GetNextCaCert, Exchange::GetNextCaCert) => format!("{exchange}: {reason}"),
            _ => format!("{exchange}, {stage}: {reason}"),
        }
    }

    pub(super) fn new(stage: Stage, reason: Reason) -> Self {
        let exchange = match stage {
            Stage::GetCaCaps => Exchange::GetCaCaps,
            Stage::GetCaCert | Stage::RaChoice => Exchange::GetCaCert,
            Stage::GetNextCaCert => Exchange::GetNextCaCert,
            _ => Exchange::PkiOperation(None),
        };
        Self { stage, exchange, reason }
    }

    /// The same about this response: if its body is no message, with its content type.
    pub(super) fn about(self, response: &HttpResponse) -> Self {
        match (self.stage, self.reason) {
            (Stage::Reply, Reason::Message(Error::Foreign { what, .. })) => {
                let reason = Error::Foreign { what, came: response.came() }.into();
                Self { stage: Stage::Reply, exchange: self.exchange, reason }
            }
            (stage, reason) => Self { stage, exchange: self.exchange, reason },
        }
    }

    pub(super) fn unacceptable(stage: Stage, text: impl Into<String>) -> Self {
        Self::new(stage, Reason::Unacceptable(text.into()))
    }

    pub(super) fn misuse(text: &'static str) -> Self {
        let refusal = Self::new(Stage::Request, Error::Misuse(text).into());
        Self { exchange: Exchange::None, ..refusal }
    }

    /// An error at this stage.
    pub(super) fn at<E: Into<Error>>(stage: Stage) -> impl Fn(E) -> Self {
        move |error| Self::new(stage, Reason::Message(error.into()))
    }
}

/// Refuses any status but 200, and says what came.
pub(super) fn check_status(exchange: Exchange, response: &HttpResponse) -> Result<(), Refusal> {
    if response.status == 200 {
        return Ok(());
    }
    Err(Refusal {
        stage: Stage::Http,
        exchange,
        reason: Reason::HttpStatus { status: response.status, words: response.answered() },
    })
}
