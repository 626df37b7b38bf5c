//! A certification request (PKCS#10).

use openssl::pkey::Id;
use scep::{
    Unproven, extension,
    name::to_text,
    printable::is_printable,
    request::{Csr, Extension},
    secret::MASK,
};

use super::{
    Reading,
    certificate::{extension_field, key_words},
};
use crate::{
    asn1::{CERTIFICATION_REQUEST, oid_name},
    explanation::{Field, Finding, Layer},
};

/// The object identifier of the challenge password (RFC 2985 §5.4.1).
pub(crate) const CHALLENGE_PASSWORD: &str = "1.2.840.113549.1.9.7";

/// A certification request as a layer.
pub(crate) fn request(csr: &Csr, reading: &Reading<'_>) -> Layer {
    let subject = to_text(csr.subject());
    let shown = if subject.is_empty() { "nobody" } else { &subject };
    let mut layer = Layer::new(
        "CertificationRequest",
        format!("a certification request (PKCS#10) for `{shown}`"),
    );
    layer.field("version", csr.version());
    layer.field("subject", &subject);
    layer.field("subjectPKInfo", key_words(&csr.public_key));
    challenge(&mut layer, csr, reading);
    for oid in csr.attributes().iter().map(ToString::to_string).filter(|oid| !is_shown(oid)) {
        let name = oid_name(&oid).unwrap_or_default();
        layer.field("attribute", format!("{oid} {name}").trim_end());
    }
    let is_challenge = |one: &&Extension| one.extn_id.to_string() == CHALLENGE_PASSWORD;
    let extensions = csr.extensions.iter().filter(|one| !is_challenge(one));
    layer.fields.extend(extensions.map(|one| {
        let field = extension_field(one);
        Field { name: format!("requested {}", field.name), ..field }
    }));
    layer.field("signatureAlgorithm", csr.signature_algorithm());
    let proof = csr.verify();
    let words = proof
        .as_ref()
        .map_or_else(ToString::to_string, |()| "verifies with the key in it".to_owned());
    layer.field("signature", words);
    findings(&mut layer, csr, &subject, proof.err());
    reading.annotate(&mut layer, &csr.der, Some(&CERTIFICATION_REQUEST));
    layer
}

/// True for an attribute that has a field of its own.
fn is_shown(oid: &str) -> bool {
    matches!(oid, CHALLENGE_PASSWORD | "1.2.840.113549.1.9.14" | "1.3.6.1.4.1.311.2.1.14")
}

fn challenge(layer: &mut Layer, csr: &Csr, reading: &Reading<'_>) {
    let kind = csr.challenge_type.as_deref().unwrap_or_default();
    let field = match &csr.challenge_password {
        None => Field::new("challengePassword", "none"),
        Some(password) if reading.knowledge.shows_secrets => {
            Field::new("challengePassword", format!("`{}`", password.expose())).meaning(kind)
        }
        Some(password) => {
            let length = password.expose().chars().count();
            let option = reading.knowledge.about_options("; `--show-secrets` shows them");
            let meaning = match length {
                0 => format!("{kind}, and empty"),
                length => format!("{kind} of {length} characters{option}"),
            };
            Field::new("challengePassword", MASK).meaning(meaning)
        }
    };
    layer.fields.push(field);
}

fn findings(layer: &mut Layer, csr: &Csr, subject: &str, unproven: Option<Unproven>) {
    let mut all = Vec::new();
    match unproven {
        None => {}
        Some(unproven @ Unproven::Version(_)) if csr.verify_signature().is_ok() => {
            all.push(
                Finding::odd(unproven.to_string())
                    .against_section("RFC 2986 §4.1")
                    .advice("macOS and iOS write such requests; their signature is right, and most servers take them"),
            );
        }
        Some(unproven) => {
            all.push(Finding::wrong(unproven.to_string()).against_section("RFC 2986 §4.2"));
        }
    }
    if subject.is_empty() {
        all.push(Finding::odd("the request has no subject").against("R36"));
    }
    if csr.challenge_among_extensions {
        all.push(
            Finding::wrong(
                "the challenge password is among the requested extensions, where no server looks for it, and not an attribute of the request",
            )
            .against("R36"),
        );
    } else if csr.challenge_password.is_none() {
        all.push(
            Finding::note(
                "the request has no challenge password: a server that demands one refuses it",
            )
            .against("R64"),
        );
    }
    all.extend(string_type(csr));
    if let Some(password) = &csr.challenge_password {
        let text = password.expose();
        if text != text.trim() {
            all.push(Finding::odd(
                "the challenge password begins or ends with a blank or a line end, which was probably copied with it",
            ));
        }
    }
    if csr.public_key.id() == Id::RSA && csr.public_key.bits() < 2048 {
        let bits = csr.public_key.bits();
        all.push(
            Finding::odd(format!("the RSA key has {bits} bits; many CAs refuse fewer than 2048"))
                .against_section("NIST SP 800-131A §3"),
        );
    }
    all.extend(unreadable(&csr.extensions));
    layer.findings.extend(all);
}

/// A challenge password in a string type that some servers do not read.
fn string_type(csr: &Csr) -> Option<Finding> {
    const DIRECTORY_STRINGS: [&str; 5] = [
        "a PrintableString",
        "a UTF8String",
        "a BMPString",
        "a TeletexString",
        "a UniversalString",
    ];
    let (password, kind) = (csr.challenge_password.as_ref()?, csr.challenge_type.as_deref()?);
    if !DIRECTORY_STRINGS.contains(&kind) {
        let words = format!(
            "the challenge password is {kind}, which is no type of a DirectoryString: some servers refuse it"
        );
        return Some(Finding::odd(words).against_section("RFC 2985 §5.4.1"));
    }
    let would_fit = !password.expose().is_empty() && password.expose().chars().all(is_printable);
    if kind == DIRECTORY_STRINGS[0] || !would_fit {
        return None;
    }
    let words = format!(
        "the challenge password is {kind}, although a PrintableString could hold it, which it should then be: some servers read nothing else"
    );
    let advice = "NDES of Windows Server 2012 R2 refused it (certnanny/sscep#83)";
    Some(Finding::odd(words).against_section("RFC 2985 §5.4.1").advice(advice))
}

/// Extensions with a known name whose value cannot be read.
fn unreadable(extensions: &[Extension]) -> Option<Finding> {
    const KNOWN: [&str; 3] = ["2.5.29.15", "2.5.29.17", "2.5.29.37"];
    let is_unreadable = |one: &&Extension| {
        KNOWN.contains(&one.extn_id.to_string().as_str()) && extension::words(one).is_none()
    };
    let one = extensions.iter().find(is_unreadable)?;
    let words =
        format!("the value of the requested extension {} cannot be read", extension::name(one));
    Some(Finding::odd(words).against_section("RFC 5280 §4.2"))
}
