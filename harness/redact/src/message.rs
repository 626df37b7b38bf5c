//! Words of our own messages, which are no secrets even if a secret is the same word: a mask there would reveal the secret.

use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

/// Phrases of our messages and terms of the standard that stand beside texts from elsewhere.
const PHRASES: [&str; 7] = [
    r"wrong challenge password",
    r"(?:the |a |no |one |another |given )?challenge passwords?(?: already used| expired| in the request(?: is empty)?)?",
    r"\bwas answered (?:FAILURE|PENDING|SUCCESS|HTTP [0-9]{3})",
    r"\b(?:FAILURE|PENDING|SUCCESS)\b",
    r"\bbad(?:Alg|MessageCheck|Request|Time|CertId)\b",
    r"\b(?:PKIOperation|Get(?:CACaps|CACert|NextCACert|Cert|CRL)|PKCSReq|RenewalReq|CertPoll|CertRep)\b",
    r"\bin [0-9.]+ s(?:, [0-9]+ tr(?:y|ies))?\b",
];

static OWN: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(&PHRASES.join("|")).ok());

/// The places of our own phrases in a text.
pub(crate) fn own_phrases(text: &str) -> Vec<Range<usize>> {
    OWN.as_ref().map_or_else(Vec::new, |own| own.find_iter(text).map(|it| it.range()).collect())
}

/// The places of quotations in backticks; the whole text if they have no end, or if it has several lines and so is not ours alone.
pub(crate) fn quoted(text: &str) -> Vec<Range<usize>> {
    let whole = || std::iter::once(0..text.len()).collect();
    if text.contains('\n') { whole() } else { quoted_in_lines(text) }
}

/// The places of quotations in each line; a line with a quotation without an end is one as a whole.
pub(crate) fn quoted_in_lines(text: &str) -> Vec<Range<usize>> {
    let mut quoted = Vec::new();
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let marks: Vec<usize> = line.match_indices('`').map(|(at, _)| start + at).collect();
        if marks.len() % 2 == 1 {
            quoted.push(start..start + line.len());
        } else {
            quoted.extend(marks.chunks_exact(2).map(|pair| pair[0] + 1..pair[1]));
        }
        start += line.len();
    }
    quoted
}
