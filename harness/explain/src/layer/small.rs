//! Capabilities, revocation lists, and nothing.

use scep::{
    capabilities::{Capabilities, Capability},
    challenge_page::Shown,
    clock::moment_text,
    content::text,
    name::to_text,
    revocation_list::RevocationList,
    secret::MASK,
};

use super::Reading;
use crate::{
    asn1::CERTIFICATE_LIST,
    explanation::{Field, Finding, Layer},
};

/// A text of GetCACaps as a layer.
pub(crate) fn capabilities(read: &Capabilities, bytes: &[u8]) -> Layer {
    let mut layer = Layer::new("CACaps", "the capabilities of a CA (GetCACaps)");
    let known: Vec<&str> = read.known().iter().map(|known| known.as_str()).collect();
    layer.field("capabilities", known.join(", "));
    if !read.unknown().is_empty() {
        let words =
            read.unknown().iter().take(20).map(String::as_str).collect::<Vec<_>>().join(", ");
        layer.fields.push(
            Field::new("other words", words).meaning("a client must ignore them (RFC 8894 §3.5.2)"),
        );
    }
    let text = text(bytes).unwrap_or_default();
    let exact = |word: &str| Capability::ALL.iter().any(|known| known.as_str() == word);
    let inexact = text
        .split_whitespace()
        .find(|word| !exact(word) && Capability::from_keyword(word).is_some());
    if let Some(word) = inexact {
        layer.findings.push(
            Finding::odd(format!(
                "`{word}` is in another case than the standard's, and some clients overlook it"
            ))
            .against("R11"),
        );
    }
    if text.contains('\r') && !text.contains('\n') {
        layer.findings.push(Finding::odd("the lines end with CR alone").against("R54"));
    }
    if read.has(Capability::Des3) && !read.has(Capability::Aes) {
        layer.findings.push(
            Finding::odd("the CA offers triple DES and not AES: newer clients refuse that, and it may be a downgrade on the way")
                .against("R04"),
        );
    }
    if read.has(Capability::Sha1) && !read.has(Capability::Sha256) {
        layer.findings.push(
            Finding::odd("the CA offers SHA-1 and not SHA-256: newer clients refuse that, and it may be a downgrade on the way")
                .against("R04"),
        );
    }
    if !read.has(Capability::PostPkiOperation) {
        layer.findings.push(
            Finding::note(
                "the CA does not offer POST: long requests by GET do not fit through some proxies",
            )
            .against("R58"),
        );
    }
    layer
}

/// A revocation list as a layer.
pub(crate) fn revocation_list(list: &RevocationList, reading: &Reading<'_>) -> Layer {
    const SHOWN: usize = 20;
    let issuer = to_text(list.issuer());
    let mut layer = Layer::new("CertificateList", format!("a revocation list of `{issuer}`"));
    layer.field("issuer", &issuer);
    layer.field("thisUpdate", moment_text(list.this_update()));
    if let Some(next) = list.next_update() {
        layer.field("nextUpdate", moment_text(next));
        if reading.at.is_some_and(|at| next < at) {
            layer.findings.push(
                Finding::odd(format!("the list was to be renewed on {}", moment_text(next)))
                    .against_section("RFC 5280 §5.1.2.5"),
            );
        }
    }
    if let Some(number) = list.number() {
        layer.field("cRLNumber", number);
    }
    layer.field("revokedCertificates", list.revoked().len().to_string());
    for one in list.revoked().iter().take(SHOWN) {
        let reason = one.reason.map(|reason| format!(", {reason}")).unwrap_or_default();
        layer.field("revoked", format!("{} on {}{reason}", one.serial, moment_text(one.at)));
    }
    if let Some(ca) = reading.knowledge.certificates.iter().find(|ca| list.check_issuer(ca).is_ok())
    {
        layer.field(
            "signature",
            format!("verifies with the key of `{}`", to_text(ca.subject_name())),
        );
    }
    if let Ok(der) = list.to_der() {
        reading.annotate(&mut layer, &der, Some(&CERTIFICATE_LIST));
    }
    layer
}

/// A page of challenge passwords as a layer.
pub(crate) fn challenge_page(shown: &Shown, reading: &Reading<'_>) -> Layer {
    let sentence =
        "the page on which NDES shows a challenge password (mscep_admin), or one like it";
    let mut layer = Layer::new("web page", sentence);
    match shown {
        Shown::Password(password) if reading.knowledge.shows_secrets => {
            layer.field("challenge password", format!("`{}`", password.expose()));
        }
        Shown::Password(_) => {
            let field = Field::new("challenge password", MASK);
            layer.fields.push(match reading.knowledge.about_options("`--show-secrets` shows it") {
                "" => field,
                words => field.meaning(words),
            });
        }
        Shown::CacheFull => layer.findings.push(
            Finding::odd(
                "the page shows no password: the server stores as many unused ones as it may",
            )
            .advice("they are stored for an hour; restarting NDES (iisreset) forgets them"),
        ),
        Shown::ThumbprintAlone => layer.findings.push(
            Finding::odd("the page shows the thumbprint of the CA and no challenge password")
                .advice("NDES does so if it asks for none: then a client needs none"),
        ),
        Shown::Other(reason) => layer.findings.push(Finding::odd(reason.clone())),
    }
    layer
}

/// An empty body.
pub(crate) fn empty() -> Layer {
    Layer::new("nothing", "an empty body")
}
