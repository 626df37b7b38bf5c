//! What a user handed in, recognised: the contract between reading input and explaining it.

use std::time::SystemTime;

/// A message, a file or an exchange that was found in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exhibit {
    /// The forms in which it was found, outermost first, in words: `gzip`, `hex dump by xxd`, `DER`.
    pub taken_for: Vec<String>,
    /// Where it was found: a file's name, `-` or the text itself, and the place in it, such as a line or a TCP connection.
    pub origin: String,
    /// What was found.
    pub content: Content,
}

/// The content of an [`Exhibit`].
#[expect(clippy::large_enum_variant, reason = "most are exchanges, and there are few")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes without HTTP around them; nothing says if they were a request or a reply.
    Bytes(Vec<u8>),
    /// A request, a reply, or both, with their heads.
    Exchange(Exchange),
}

/// A request and its reply; one of them may be missing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// The time of the request, if the input tells it.
    pub at: Option<SystemTime>,
    /// Address of the client, if the input tells it.
    pub client: Option<String>,
    /// Address or authority of the server, if the input tells it.
    pub server: Option<String>,
    /// The request, if the input has it.
    pub request: Option<Request>,
    /// The reply, if the input has it.
    pub reply: Option<Reply>,
    /// What is known to be missing, and why, in sentences: lost segments, a connection that was cut, a body that is shorter than
    /// its head says.
    pub gaps: Vec<String>,
}

/// An HTTP request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// The method as it was sent.
    pub method: String,
    /// Path and query as they were sent.
    pub target: String,
    /// Names and values of the fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// How much of the body the input has.
    pub extent: Extent,
}

/// An HTTP reply.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status, such as 200.
    pub status: u16,
    /// Names and values of the fields in their order.
    pub fields: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// How much of the body the input has.
    pub extent: Extent,
}

/// How much of a body the input has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Extent {
    /// All that was sent, as far as it can be told.
    #[default]
    Whole,
    /// Less than was sent, or nothing of it: a log has no bodies, and a capture may lose some. What is missing is nobody's mistake.
    Partial,
    /// Less than its head announces, because its sender sent no more.
    CutBySender,
}

/// What an exchange is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// SCEP.
    Scep,
    /// The pages beside the SCEP service of NDES, such as the one on which it shows a challenge password (`mscep_admin`).
    ChallengePage,
    /// Something else, such as a revocation list.
    Other,
}

impl Exchange {
    /// What the exchange is about; `None` if the input has only a reply, and its type does not tell.
    pub fn subject(&self) -> Option<Subject> {
        if self.reply.as_ref().is_some_and(|reply| has_type_of_scep(&reply.fields)) {
            return Some(Subject::Scep);
        }
        let request = self.request.as_ref()?;
        let target = request.target.to_ascii_lowercase();
        let path = target.split('?').next().unwrap_or_default().trim_end_matches('/');
        let is_service =
            ["/scep", "/pkiclient.exe", "/mscep.dll"].iter().any(|name| path.ends_with(name));
        Some(if target.contains("operation=") || has_type_of_scep(&request.fields) {
            Subject::Scep
        } else if target.contains("mscep_admin") {
            Subject::ChallengePage
        } else if is_service {
            Subject::Scep
        } else if target.contains("mscep") {
            Subject::ChallengePage
        } else {
            Subject::Other
        })
    }
}

fn has_type_of_scep(fields: &[(String, String)]) -> bool {
    fields.iter().any(|(name, value)| {
        let value = value.to_ascii_lowercase();
        name.eq_ignore_ascii_case("content-type")
            && ["x-pki-message", "x-x509-ca"].iter().any(|word| value.contains(word))
    })
}
