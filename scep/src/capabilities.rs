//! What a CA says it can do: the text of GetCACaps (RFC 8894 §3.5).

use std::fmt;

use crate::{
    algorithm::{Cipher, Digest},
    named,
};

/// The longest capability text read, in bytes; a longer one is most likely a web page.
const MAX_BYTES: usize = 16 * 1024;

named! {
    /// A keyword of RFC 8894 §3.5.2, or one of the two that are common besides.
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
        /// SHA-224 digests; no keyword of RFC 8894, but OpenXPKI sends it and strongSwan reads it.
        Sha224 = "SHA-224";
        /// SHA-384 digests; no keyword of RFC 8894, but OpenXPKI sends it and strongSwan reads it.
        Sha384 = "SHA-384";
        /// Everything that RFC 8894 §2.9 makes mandatory: AES, POST and SHA-256.
        ScepStandard = "SCEPStandard";
    }
}

impl Capability {
    /// The capability of a keyword, which is to be sent in their exact case and is read in any (RFC 8894 §3.5.2).
    pub fn from_keyword(keyword: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str().eq_ignore_ascii_case(keyword))
    }
}

/// The capabilities of a CA, in the order it named them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Capabilities {
    known: Vec<Capability>,
    unknown: Vec<String>,
}

impl Capabilities {
    /// Reads the body of a GetCACaps response.
    ///
    /// Lines end in LF or CRLF, unknown words are kept apart, and the content type is the caller's to ignore
    /// (RFC 8894 §3.5.2). What is longer than any capability text counts as none.
    pub fn parse(body: &[u8]) -> Self {
        if body.len() > MAX_BYTES {
            return Self::default();
        }
        let mut capabilities = Self::default();
        let text = String::from_utf8_lossy(body);
        for word in text.split(['\r', '\n']).map(str::trim).filter(|word| !word.is_empty()) {
            match Capability::from_keyword(word) {
                Some(known) => capabilities.known.push(known),
                None => capabilities.unknown.push(word.to_owned()),
            }
        }
        capabilities
    }

    /// Whether the CA named this capability itself, or `SCEPStandard` which implies it (RFC 8894 §3.5.2).
    pub fn has(&self, capability: Capability) -> bool {
        use Capability::{Aes, PostPkiOperation, ScepStandard, Sha256};
        let implied = matches!(capability, Aes | PostPkiOperation | Sha256)
            && self.known.contains(&ScepStandard);
        implied || self.known.contains(&capability)
    }

    /// The capabilities this crate knows.
    pub fn known(&self) -> &[Capability] {
        &self.known
    }

    /// The words it does not know, which a client must ignore.
    pub fn unknown(&self) -> &[String] {
        &self.unknown
    }

    /// Whether the CA named none, as one does that is too old to be asked.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Whether the CA takes envelopes with this cipher; AES-192 and AES-256 have no keyword and are never offered.
    pub fn offers_cipher(&self, cipher: Cipher) -> bool {
        match cipher {
            Cipher::Aes128 => self.has(Capability::Aes),
            Cipher::TripleDes => self.has(Capability::Des3),
            Cipher::Des | Cipher::Aes192 | Cipher::Aes256 => false,
        }
    }

    /// Whether the CA takes messages with this digest; MD5 has no keyword and is never offered.
    pub fn offers_digest(&self, digest: Digest) -> bool {
        // The names of the digests are their keywords.
        Capability::from_keyword(digest.as_str()).is_some_and(|keyword| self.has(keyword))
    }
}

impl fmt::Display for Capabilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = self.known.iter().map(|capability| capability.as_str().to_owned());
        let unknown = self.unknown.iter().take(8).map(|word| format!("`{}`", word.escape_debug()));
        f.write_str(&known.chain(unknown).collect::<Vec<_>>().join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_case_and_unknown_words() {
        let read = Capabilities::parse(b"aes\r\nDES3\n\nX-Foo\r\nSHA-384");
        assert_eq!(read.known(), [Capability::Aes, Capability::Des3, Capability::Sha384]);
        assert_eq!(read.unknown(), ["X-Foo"]);
        assert!(read.offers_digest(Digest::Sha384) && !read.offers_digest(Digest::Sha256));
    }

    #[test]
    fn the_standard_implies_what_it_demands() {
        let read = Capabilities::parse(b"SCEPStandard");
        assert!(read.offers_cipher(Cipher::Aes128) && read.offers_digest(Digest::Sha256));
        assert!(read.has(Capability::PostPkiOperation) && !read.has(Capability::Renewal));
    }

    #[test]
    fn a_blank_line_or_a_web_page_offers_nothing() {
        assert!(Capabilities::parse(b"\n\n").is_empty());
        assert!(Capabilities::parse(b"<html><body>Not here</body></html>").is_empty());
        assert!(Capabilities::parse(&b"AES\n".repeat(10_000)).is_empty());
    }
}
