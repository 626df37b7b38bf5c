//! The capabilities of a CA: the text of GetCACaps (RFC 8894 §3.5).

use std::fmt;

use crate::{
    algorithm::{Cipher, Digest},
    content::{Content, text},
    named,
};

/// The longest capability text that is read, in bytes; a longer text is most likely a web page.
const MAX_BYTES: usize = 16 * 1024;

named! {
    /// A keyword of RFC 8894 §3.5.2, or one of two other common ones.
    #[non_exhaustive]
    Capability, "capability" {
        /// Encryption with AES-128-CBC.
        Aes = "AES";
        /// Encryption with triple DES.
        Des3 = "DES3";
        /// The GetNextCACert operation.
        GetNextCaCert = "GetNextCACert";
        /// PKIOperation by HTTP POST.
        PostPkiOperation = "POSTPKIOperation";
        /// The RenewalReq message.
        Renewal = "Renewal";
        /// SHA-1 digests.
        Sha1 = "SHA-1";
        /// SHA-256 digests.
        Sha256 = "SHA-256";
        /// SHA-512 digests.
        Sha512 = "SHA-512";
        /// SHA-224 digests; not a keyword of RFC 8894, but OpenXPKI sends it and strongSwan reads it.
        Sha224 = "SHA-224";
        /// SHA-384 digests; not a keyword of RFC 8894, but OpenXPKI sends it and strongSwan reads it.
        Sha384 = "SHA-384";
        /// All that RFC 8894 §2.9 makes mandatory: AES, POST and SHA-256.
        ScepStandard = "SCEPStandard";
    }
}

impl Capability {
    /// The capability with this keyword, in any case, although a CA must send the exact case (RFC 8894 §3.5.2).
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str().eq_ignore_ascii_case(keyword))
    }
}

/// The capabilities of a CA, in the order of its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    known: Vec<Capability>,
    unknown: Vec<String>,
}

impl Capabilities {
    /// Reads the body of a GetCACaps response.
    ///
    /// Lines end in LF or CRLF, and unknown words are kept apart (RFC 8894 §3.5.2). A body that is too long to be a
    /// capability text, and a body that is no plain text, such as a web page, give no capabilities. Ignore its content type, as the standard demands.
    ///
    /// # Examples
    /// ```
    /// use scep::{algorithm::Cipher, capabilities::{Capabilities, Capability}};
    ///
    /// let capabilities = Capabilities::parse(b"SCEPStandard\r\nRenewal\r\nX-Other");
    /// assert!(capabilities.has(Capability::PostPkiOperation)); // implied by SCEPStandard
    /// assert!(capabilities.offers_cipher(Cipher::Aes128));
    /// assert_eq!(capabilities.unknown(), ["X-Other"]);
    /// ```
    pub fn parse(body: &[u8]) -> Self {
        let is_text = matches!(Content::of(body), Content::Text(_));
        if body.len() > MAX_BYTES || !is_text {
            return Self::default();
        }
        let mut capabilities = Self::default();
        let text = text(body).unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
        for word in text.split(['\r', '\n']).map(str::trim).filter(|word| !word.is_empty()) {
            match Capability::from_keyword(word) {
                Some(known) => capabilities.known.push(known),
                None => capabilities.unknown.push(word.to_owned()),
            }
        }
        capabilities
    }

    /// True if the CA names this capability, or `SCEPStandard` and that implies it (RFC 8894 §3.5.2).
    pub fn has(&self, capability: Capability) -> bool {
        use Capability::{Aes, PostPkiOperation, ScepStandard, Sha256};
        let implied = matches!(capability, Aes | PostPkiOperation | Sha256)
            && self.known.contains(&ScepStandard);
        implied || self.known.contains(&capability)
    }

    /// The known capabilities.
    pub fn known(&self) -> &[Capability] {
        &self.known
    }

    /// The unknown words, which a client must ignore.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// True if the CA names no known capability; a CA that is too old for GetCACaps has none.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// True if the CA accepts envelopes with this cipher; never for AES-192 and AES-256, which have no keyword.
    pub fn offers_cipher(&self, cipher: Cipher) -> bool {
        match cipher {
            Cipher::Aes128 => self.has(Capability::Aes),
            Cipher::TripleDes => self.has(Capability::Des3),
            Cipher::Des | Cipher::Aes192 | Cipher::Aes256 => false,
        }
    }

    /// True if the CA accepts messages with this digest; never for MD5, which has no keyword.
    pub fn offers_digest(&self, digest: Digest) -> bool {
        // The names of the digests are their keywords.
        Capability::from_keyword(digest.as_str()).is_some_and(|keyword| self.has(keyword))
    }
}

/// The number of unknown words that are shown.
const SHOWN: usize = 8;

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.iter().map(|capability| capability.as_str().to_owned());
        let unknown =
            self.unknown.iter().take(SHOWN).map(|word| format!("`{}`", word.escape_debug()));
        f.write_str(&known.chain(unknown).collect::<Vec<_>>().join(", "))?;
        match self.unknown.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capability_text_is_split_into_known_and_unknown_words() {
        let read = Capabilities::parse(b"aes\r\nDES3\n\nX-Foo\r\nSHA-384");
        assert_eq!(read.known(), [Capability::Aes, Capability::Des3, Capability::Sha384]);
        assert_eq!(read.unknown(), ["X-Foo"]);
        assert!(read.offers_digest(Digest::Sha384) && !read.offers_digest(Digest::Sha256));
    }

    #[test]
    fn words_that_are_not_shown_are_counted() {
        let words = (0..10).map(|number| format!("X-{number}")).collect::<Vec<_>>().join("\n");
        let shown = Capabilities::parse(format!("AES\n{words}").as_bytes()).to_string();
        assert!(
            shown.starts_with("AES, `X-0`, ") && shown.ends_with("`X-7` and 2 more"),
            "{shown}"
        );
    }

    #[test]
    fn scep_standard_implies_the_mandatory_capabilities() {
        let read = Capabilities::parse(b"SCEPStandard");
        assert!(read.offers_cipher(Cipher::Aes128) && read.offers_digest(Digest::Sha256));
        assert!(read.has(Capability::PostPkiOperation) && !read.has(Capability::Renewal));
    }

    #[test]
    fn blank_lines_and_web_pages_give_no_capabilities() {
        assert!(Capabilities::parse(b"\n\n").is_empty());
        assert!(Capabilities::parse(b"<html><body>Not here</body></html>").is_empty());
        assert!(Capabilities::parse(&b"AES\n".repeat(10_000)).is_empty());
    }
}
