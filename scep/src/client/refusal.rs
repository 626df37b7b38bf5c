//! Why an enrolment ended without a certificate.

use crate::{Error, attribute::FailInfo, http::HttpResponse, named};

named! {
    /// Where an enrolment ended.
    #[non_exhaustive]
    Stage, "stage" {
        /// The server's HTTP status.
        Http = "HTTP";
        /// The capabilities do not allow what is configured.
        GetCaCaps = "GetCACaps";
        /// The CA's certificates are unreadable or not the expected ones.
        GetCaCert = "GetCACert";
        /// No certificate can be enciphered to, or an RA's does not belong to the CA.
        RaChoice = "RA choice";
        /// The request could not be built.
        Request = "request";
        /// The reply is no CertRep.
        Reply = "reply";
        /// The reply's signature does not verify.
        Signature = "signature";
        /// The reply is signed by somebody else than the CA or its RA.
        Signer = "signer";
        /// The reply belongs to another transaction.
        TransactionId = "transaction id";
        /// The reply does not return our nonce.
        Nonce = "nonce";
        /// The server said no.
        Answer = "answer";
        /// The reply's envelope cannot be opened.
        Envelope = "envelope";
        /// The certificate in it is not the one asked for.
        Certificate = "certificate";
    }
}

/// Why it ended.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// The server answered with another status than 200.
    #[error("was answered HTTP {status}{excerpt}")]
    HttpStatus {
        /// The status code.
        status: u16,
        /// `: ` and the first line of a text body, or nothing.
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
    /// What is configured is not what the CA offers.
    #[error("{what} `{configured}` is configured, the CA offers {offered}")]
    NotOffered {
        /// `cipher` or `digest`.
        what: &'static str,
        /// The configured value.
        configured: String,
        /// The capabilities of the CA.
        offered: String,
    },
    /// Something is not as it must be.
    #[error("{0}")]
    Unacceptable(String),
    /// A message was not understood or not built.
    #[error(transparent)]
    Message(#[from] Error),
}

/// An enrolment that ended without a certificate: where, in which exchange, and why.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.text())]
pub struct Refusal {
    /// Where it ended.
    pub stage: Stage,
    /// The exchange, such as `PKIOperation (PKCSReq)`.
    pub exchange: String,
    /// Why it ended.
    #[source]
    pub reason: Reason,
}

impl Refusal {
    /// `PKIOperation (PKCSReq) was answered …` reads by itself; the other reasons need to be told where.
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

    /// Puts an error at its stage.
    pub(super) fn at<E: Into<Error>>(stage: Stage) -> impl Fn(E) -> Self {
        move |error| Self::new(stage, Reason::Message(error.into()))
    }
}

/// Refuses any status but 200, with what a text body says of it.
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

/// The first line of a plain text body, shortened; web pages are left out.
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
