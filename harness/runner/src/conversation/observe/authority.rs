//! Facts of the answers to GetCACaps and GetCACert.

use openssl::x509::{X509, X509Ref};
use scep::capabilities::{Capabilities, Capability};
use scep::certificate::{allows, is_issued_by, is_self_issued};
use scep::certs_only;
use scep::client::CaCertificates;
use scep::http::HttpResponse;
use scep::key_usage::KeyUsage;

use super::certificate::{usages, validity};
use super::{Observation, other_body};
use model::scenario::scep::Fact;

/// The capabilities (RFC 8894 §3.5.2).
pub(super) fn capabilities(seen: &mut Observation, response: &HttpResponse) {
    other_body(seen, response);
    if response.status != 200 {
        return;
    }
    let read = Capabilities::parse(&response.body);
    let known: Vec<&str> = read.known().iter().map(|known| known.as_str()).collect();
    // A sentence is no list of keywords, whatever else they may be.
    let is_sentence = |word: &String| word.contains(char::is_whitespace);
    if known.is_empty() && (read.unknown().is_empty() || read.unknown().iter().any(is_sentence)) {
        return;
    }
    seen.set(Fact::Capabilities, known.join(" "));
    if !read.unknown().is_empty() {
        let words: Vec<String> =
            read.unknown().iter().take(20).map(|word| word.chars().take(40).collect()).collect();
        seen.set(Fact::UnknownCapabilities, words.join(" "));
    }
    if !known.is_empty() {
        // Another encoding of the words says nothing about their case and their line ends.
        let text = scep::content::text(&response.body);
        let text = text.unwrap_or_else(|| String::from_utf8_lossy(&response.body).into_owned());
        seen.set(Fact::CapabilityText, text_encoding(&response.body));
        seen.set(Fact::CapabilityLines, line_ends(&text));
        let is_exact = |word: &&str| Capability::ALL.iter().any(|known| known.as_str() == *word);
        let exact = text.split_whitespace().filter(is_exact).count();
        seen.set(Fact::CapabilityCase, if exact == known.len() { "exact" } else { "other" });
    }
}

/// How the words of a text are encoded.
fn text_encoding(body: &[u8]) -> &'static str {
    if body.starts_with(b"\xef\xbb\xbf") {
        "marked"
    } else if body.contains(&0) {
        "UTF-16"
    } else {
        "plain"
    }
}

/// Kind of the line ends: line feeds alone, each after a carriage return, or both.
fn line_ends(text: &str) -> &'static str {
    let feeds = text.matches('\n').count();
    let (returns, pairs) = (text.matches('\r').count(), text.matches("\r\n").count());
    match (feeds, returns) {
        (0, 0) => "one",
        (_, 0) => "LF",
        _ if pairs == feeds && pairs == returns => "CRLF",
        _ => "mixed",
    }
}

/// The certificates of the CA and its RA (RFC 8894 §4.2.1).
pub(super) fn certificates(seen: &mut Observation, response: &HttpResponse) {
    if let Ok(certificate) = X509::from_der(&response.body) {
        seen.set(Fact::Body, "certificate");
        sorted(seen, vec![certificate]);
    } else if let Ok(contents) = certs_only::decode(&response.body) {
        seen.set(Fact::Body, "certificates");
        seen.set(Fact::Signers, contents.signers);
        if contents.has_content {
            seen.set(Fact::Content, "other");
        }
        seen.set(Fact::Certificates, contents.certificates.len());
        super::encoding(seen, "the message", super::is_der(&response.body));
        sorted(seen, contents.certificates);
    } else {
        other_body(seen, response);
    }
}

fn sorted(seen: &mut Observation, certificates: Vec<X509>) {
    let sorted = match CaCertificates::sort(certificates) {
        Ok(sorted) => sorted,
        Err(refusal) => {
            seen.detail(refusal.to_string());
            return;
        }
    };
    seen.set(Fact::CaCount, sorted.ca.len());
    seen.set(Fact::RaCount, sorted.ra.len());
    let now = seen.clock.now();
    let issuer = sorted.issuer(now);
    seen.set(Fact::CaKeyUsage, usages(issuer));
    seen.set(Fact::CaValidity, validity(issuer, now));
    seen.set(
        Fact::CaSelfSigned,
        match (is_self_issued(issuer), is_issued_by(issuer, issuer)) {
            (false, _) => "not self-signed",
            (true, true) => "verifies",
            (true, false) => "broken",
        },
    );
    seen.set(Fact::CaChain, chain(&sorted, issuer));
    if !sorted.ra.is_empty() {
        let is_ours = |ra: &X509| sorted.ca.iter().any(|ca| is_issued_by(ra, ca));
        seen.set(Fact::RaIssuer, if sorted.ra.iter().all(is_ours) { "CA" } else { "other" });
        let worst =
            sorted.ra.iter().map(|ra| validity(ra, now)).find(|validity| *validity != "valid");
        seen.set(Fact::RaValidity, worst.unwrap_or("valid"));
    }
    seen.set(Fact::Recipient, recipient(&sorted, issuer));
}

/// Whether the issuers of a CA are among the certificates, up to a self-signed one.
fn chain(sorted: &CaCertificates, first: &X509Ref) -> &'static str {
    let mut one = first;
    for _ in &sorted.ca {
        if is_self_issued(one) {
            return "complete";
        }
        match sorted.ca.iter().find(|ca| is_issued_by(one, ca)) {
            Some(issuer) => one = issuer,
            None => return "incomplete",
        }
    }
    if is_self_issued(one) { "complete" } else { "incomplete" }
}

fn recipient(sorted: &CaCertificates, issuer: &X509Ref) -> &'static str {
    let takes = |one: &X509Ref| allows(one, KeyUsage::KEY_ENCIPHERMENT);
    if sorted.ra.iter().any(|ra| takes(ra)) {
        "RA"
    } else if takes(issuer) {
        "CA"
    } else {
        "none"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_ends_are_classified() {
        let all = ["AES", "AES\nDES3\n", "AES\r\nDES3", "AES\r\nDES3\n", "AES\rDES3"];
        let ends: Vec<&str> = all.into_iter().map(line_ends).collect();
        assert_eq!(ends, ["one", "LF", "CRLF", "mixed", "mixed"]);
    }
}
