//! The error of an enrolment that ended without a certificate.

use crate::{Error, attribute::FailInfo, http::HttpResponse, named};

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
    #[error("was answered HTTP {status}{excerpt}")]
    HttpStatus {
        /// The status code.
        status: u16,
        /// `: ` and the first line of a text body; empty for another body.
        excerpt: String,
    },
    /// The server refused the request.
    #[error("was answered FAILURE, {fail_info}{}", text.as_deref().map(|text| format!(": {}", text.escape_debug())).unwrap_or_default())]
    Refused {
        /// The server's reason in the standard's terms.
        fail_info: FailInfo,
        /// The server's reason in words.
        text: Option<String>,
    },
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
    /// A check failed, in words.
    #[error("{0}")]
    Unacceptable(String),
    /// A message was not understood or not built.
    #[error(transparent)]
    Message(#[from] Error),
}

/// The error of an enrolment: its stage, its exchange and its reason.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
#[non_exhaustive]
pub struct Refusal {
    /// The stage at which the enrolment ended.
    pub stage: Stage,
    /// The exchange, such as `PKIOperation (PKCSReq)`.
    pub exchange: String,
    /// The reason.
    #[source]
    pub reason: Reason,
}

impl Refusal {
    /// `PKIOperation (PKCSReq) was answered …` is a sentence; the other reasons need the stage before them.
    fn text(&self) -> String {
        let Self { stage, exchange, reason } = self;
        match reason {
            Reason::HttpStatus { .. } | Reason::Refused { .. } => format!("{exchange} {reason}"),
            _ if stage.as_str() == exchange => format!("{exchange}: {reason}"),
            _ => format!("{exchange}, {stage}: {reason}"),
        }
    }

    pub(super) fn new(stage: Stage, reason: Reason) -> Self {
        let exchange = match stage {
            Stage::GetCaCaps => "GetCACaps",
            Stage::GetCaCert | Stage::RaChoice => "GetCACert",
            _ => "PKIOperation",
        };
        Self { stage, exchange: exchange.to_owned(), reason }
    }

    pub(super) fn unacceptable(stage: Stage, text: impl Into<String>) -> Self {
        Self::new(stage, Reason::Unacceptable(text.into()))
    }

    pub(super) fn misuse(text: &'static str) -> Self {
        let refusal = Self::new(Stage::Request, Error::Misuse(text).into());
        Self { exchange: "the client".to_owned(), ..refusal }
    }

    /// An error at this stage.
    pub(super) fn at<E: Into<Error>>(stage: Stage) -> impl Fn(E) -> Self {
        move |error| Self::new(stage, Reason::Message(error.into()))
    }
}

/// Refuses any status but 200, with the first line of a text body.
pub(super) fn check_status(exchange: &str, response: &HttpResponse) -> Result<(), Refusal> {
    if response.status == 200 {
        return Ok(());
    }
    Err(Refusal {
        stage: Stage::Http,
        exchange: exchange.to_owned(),
        reason: Reason::HttpStatus { status: response.status, excerpt: excerpt(response) },
    })
}

/// The first line of a plain text body, shortened; empty for a web page.
fn excerpt(response: &HttpResponse) -> String {
    const CHARACTERS: usize = 120;
    let is_plain =
        response.content_type.as_deref().is_some_and(|kind| kind.starts_with("text/plain"));
    let text = std::str::from_utf8(&response.body).unwrap_or_default();
    let line = text.lines().next().unwrap_or_default().trim();
    if !is_plain || line.is_empty() {
        return String::new();
    }
    format!(": {}", line.chars().take(CHARACTERS).collect::<String>().escape_debug())
}
