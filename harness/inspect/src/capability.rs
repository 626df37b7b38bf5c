//! The words of GetCACaps, each with its meaning.

use scep::capabilities::{Capabilities, Capability};
use serde::Serialize;

/// A word of the list.
#[derive(Debug, Serialize)]
pub(crate) struct Word {
    /// The word as it came.
    pub word: String,
    /// Its meaning; none if the word is unknown.
    pub meaning: Option<&'static str>,
}

/// The words in the order received.
pub(crate) fn words(list: &str) -> Vec<Word> {
    lines(list)
        .map(|word| Word {
            word: word.to_owned(),
            meaning: Capability::from_keyword(word).map(meaning),
        })
        .collect()
}

/// The lines of the list that are not blank, without blanks around them.
pub(crate) fn lines(list: &str) -> impl Iterator<Item = &str> {
    list.split(['\r', '\n']).map(str::trim).filter(|word| !word.is_empty())
}

/// Known words that are in another case than that of RFC 8894 §3.5.2.
pub(crate) fn misspelt(list: &str) -> Vec<&str> {
    let is_misspelt =
        |word: &&str| Capability::from_keyword(word).is_some_and(|known| known.as_str() != *word);
    lines(list).filter(is_misspelt).collect()
}

/// True if there is a blank line before the end.
pub(crate) fn has_blank_line(list: &str) -> bool {
    let list = list.replace("\r\n", "\n");
    let list = list.strip_suffix('\n').unwrap_or(&list);
    !list.is_empty() && list.split('\n').any(|line| line.trim().is_empty())
}

/// Capabilities that RFC 8894 §2.9 makes mandatory, and that neither the list nor `SCEPStandard` in it has.
pub(crate) fn missing(listed: &Capabilities) -> Vec<&'static str> {
    use Capability::{Aes, PostPkiOperation, Sha256};
    let wanted = [Aes, PostPkiOperation, Sha256];
    wanted.into_iter().filter(|one| !listed.has(*one)).map(Capability::as_str).collect()
}

fn meaning(capability: Capability) -> &'static str {
    match capability {
        Capability::Aes => "envelopes may be AES-128-CBC",
        Capability::Des3 => "envelopes may be triple DES",
        Capability::GetNextCaCert => "the certificate of the next CA can be fetched",
        Capability::PostPkiOperation => "messages may be sent by POST",
        Capability::Renewal => "a valid certificate authorises its renewal (RenewalReq)",
        Capability::Sha1 => "messages may be signed with SHA-1",
        Capability::Sha256 => "messages may be signed with SHA-256",
        Capability::Sha512 => "messages may be signed with SHA-512",
        Capability::Sha224 => "messages may be signed with SHA-224; no word of RFC 8894",
        Capability::Sha384 => "messages may be signed with SHA-384; no word of RFC 8894",
        Capability::ScepStandard => {
            "AES, POST and SHA-256, and all else that RFC 8894 §2.9 demands"
        }
        _ => "a capability of SCEP",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_line_is_found_only_before_the_end() {
        for list in ["AES", "AES\n", "AES\r\nDES3\r\n", ""] {
            assert!(!has_blank_line(list), "{list:?}");
        }
        for list in ["\nAES", "AES\n\nDES3", "AES\r\n\r\nDES3", "AES\n\n"] {
            assert!(has_blank_line(list), "{list:?}");
        }
    }

    #[test]
    fn words_have_meanings_and_unknown_ones_none() {
        let read = words("aes\r\nX-Other\n");
        assert_eq!(read.len(), 2);
        assert!(read[0].meaning.is_some() && read[1].meaning.is_none());
        assert_eq!(misspelt("aes\r\nDES3"), ["aes"]);
        assert_eq!(missing(&Capabilities::parse(b"AES\nRenewal")), ["POSTPKIOperation", "SHA-256"]);
        assert!(missing(&Capabilities::parse(b"SCEPStandard")).is_empty());
    }
}
