//! What a user handed in, recognised: the contract between reading input and explaining it.

pub use recording::{Exchange, Extent, Gap, Reply, Request};

/// A message, a file or an exchange that was found in the input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputItem {
    /// The forms in which it was found, outermost first, in words: `gzip`, `hex dump by xxd`, `DER`.
    pub taken_for: Vec<String>,
    /// Where it was found: a file's name, `-` or the text itself, and the place in it, such as a line or a TCP connection.
    pub origin: String,
    /// What was found.
    pub content: Content,
}

/// The content of an [`InputItem`].
#[expect(clippy::large_enum_variant, reason = "most are exchanges, and there are few")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Bytes without HTTP around them; nothing says if they were a request or a reply.
    Bytes(Vec<u8>),
    /// A request, a reply, or both, with their heads.
    Exchange(Exchange),
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

/// What an exchange is about; `None` if the input has only a reply, and its type does not tell.
pub fn subject(exchange: &Exchange) -> Option<Subject> {
    if exchange.reply.as_ref().is_some_and(|reply| has_type_of_scep(&reply.fields)) {
        return Some(Subject::Scep);
    }
    let request = exchange.request.as_ref()?;
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

fn has_type_of_scep(fields: &[(String, String)]) -> bool {
    fields.iter().any(|(name, value)| {
        let value = value.to_ascii_lowercase();
        name.eq_ignore_ascii_case("content-type")
            && ["x-pki-message", "x-x509-ca"].iter().any(|word| value.contains(word))
    })
}
