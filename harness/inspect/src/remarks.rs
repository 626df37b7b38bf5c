//! What stands out at a PKI, whoever its client is.

use scep::key_usage::KeyUsage;

use crate::capability::{has_blank_line, missing, misspelt};
use crate::certificate::{Facts, Role, Validity};
use crate::probe::Probe;
use crate::seen::{Seen, answered};

/// Days before the end of a certificate from which on it stands out.
const SOON: i64 = 30;

/// The shortest RSA key that does not stand out, in bits (NIST SP 800-131A).
const SHORT: u32 = 2048;

/// The remarks, in sentences.
pub(crate) fn remarks(seen: &Seen, chain: &[Facts]) -> Vec<String> {
    let mut remarks: Vec<String> = seen.caution.iter().map(ToString::to_string).collect();
    remarks.extend(about_capabilities(seen));
    remarks.extend(about_answer(seen, chain));
    for one in chain {
        remarks.extend(about(one, chain));
    }
    remarks.extend(about_http(seen));
    if is_ndes(seen, chain) {
        remarks.push(
            "this looks like an NDES: its challenge passwords are on the page `mscep_admin`, which needs a login and was not fetched"
                .to_owned(),
        );
    }
    remarks
}

fn about_capabilities(seen: &Seen) -> Vec<String> {
    let Some(list) = seen.list() else {
        let came = answered(&seen.capabilities);
        return vec![format!(
            "GetCACaps {came}; a client takes that for no capabilities (RFC 8894 §3.5.2)"
        )];
    };
    let listed = seen.listed().unwrap_or_default();
    let mut remarks = Vec::new();
    let missing = missing(&listed);
    if !missing.is_empty() {
        remarks.push(format!(
            "GetCACaps does not list {}; RFC 8894 §2.9 demands AES, POST and SHA-256, and §3.5.2 has the words",
            missing.join(", ")
        ));
    }
    if let Some(word) = misspelt(&list).first() {
        remarks
            .push(format!("GetCACaps lists `{word}`, and RFC 8894 §3.5.2 demands its exact case"));
    }
    if has_blank_line(&list) {
        remarks.push("GetCACaps has a blank line, which some clients take for a word".to_owned());
    }
    remarks
}

fn about_answer(seen: &Seen, chain: &[Facts]) -> Vec<String> {
    let mut remarks = Vec::new();
    if chain.is_empty() {
        remarks.push(format!("GetCACert {}", answered(&seen.certificates)));
    } else if seen.ca_certificates().is_none() {
        remarks.push("no certificate says that it is a CA's".to_owned());
    }
    if chain.len() == 1 && !seen.is_alone() {
        remarks.push(
            "a single certificate comes in a certs-only message; RFC 8894 §4.2.1.1 wants it by itself".to_owned(),
        );
    }
    let certificates = seen.ca_certificates();
    let unclear = certificates.and_then(|all| {
        let chosen = all.choose(seen.at);
        match chosen {
            Ok(chosen) => all.unclear_addressee(&chosen, seen.at),
            Err(refusal) => Some(refusal.to_string()),
        }
    });
    remarks.extend(unclear);
    remarks
}

fn about(one: &Facts, chain: &[Facts]) -> Vec<String> {
    let name = one.named();
    let mut remarks = Vec::new();
    match &one.validity {
        Validity::Invalid(reason) => remarks.push(format!("{name} {reason}")),
        Validity::Valid(_) if one.days_left < SOON => {
            remarks.push(format!("{name} ends soon: it is {}", one.validity));
        }
        Validity::Valid(_) => {}
    }
    let is_root = one.role == Role::RootCa;
    if !is_root && one.has_weak_digest() {
        remarks
            .push(format!("{name} is signed with {}, which many programs refuse", one.signature));
    }
    let bits = one.certificate.public_key().map_or(SHORT, |key| key.bits());
    if one.is_rsa() && bits < SHORT {
        remarks
            .push(format!("{name} has a key of {bits} bits, and programs want {SHORT} at least"));
    }
    if one.is_ca() && !is_used_for_scep(one, chain) {
        return remarks;
    }
    if one.is_ca() && !one.names(KeyUsage::DIGITAL_SIGNATURE) {
        remarks.push(format!(
            "{name} signs replies and does not name digitalSignature, which RFC 8894 §2.1.2 demands"
        ));
    }
    if one.is_ca() && !one.names(KeyUsage::KEY_ENCIPHERMENT) {
        remarks.push(format!(
            "requests are enciphered to {name}, which does not name keyEncipherment, and RFC 8894 §2.1.2 demands that"
        ));
    }
    if !one.is_ca() && one.issued_by.is_empty() && chain.len() > 1 {
        remarks.push(format!("{name} is issued by no certificate that came"));
    }
    remarks
}

/// True for the CA that stands for itself, because there is no RA.
fn is_used_for_scep(one: &Facts, chain: &[Facts]) -> bool {
    let is_below =
        |other: &Facts| other.position != one.position && other.issued_by.contains(&one.position);
    chain.iter().all(Facts::is_ca) && !chain.iter().any(is_below)
}

fn about_http(seen: &Seen) -> Vec<String> {
    let mut remarks = Vec::new();
    let offers_post = seen
        .listed()
        .is_some_and(|listed| listed.has(scep::capabilities::Capability::PostPkiOperation));
    let post = seen.probe(Probe::EmptyPost).and_then(|answer| answer.as_ref().ok());
    if let Some(response) = post.filter(|response| matches!(response.status, 404 | 405 | 501))
        && offers_post
    {
        remarks.push(format!(
            "POST is offered, and a POST of an empty message was answered HTTP {}",
            response.status
        ));
    }
    remarks
}

/// True if the path or the templates of the certificates are those of an NDES.
fn is_ndes(seen: &Seen, chain: &[Facts]) -> bool {
    let path = seen.url.path().to_ascii_lowercase();
    let templates = ["CEPEncryption", "EnrollmentAgentOffline"];
    let is_of_ndes = |one: &Facts| {
        one.extensions.template.as_deref().is_some_and(|name| templates.contains(&name))
    };
    path.contains("/mscep") || chain.iter().any(is_of_ndes)
}
