//! Faults of answers that are no CertRep: of any answer over HTTP, of the capabilities (RFC 8894 §3.5) and of the CA's
//! certificates (RFC 8894 §2.1.2, §4.2).

use openssl::{error::ErrorStack, x509::X509};
use scep::{
    certs_only, danger,
    http::{CA_CERTIFICATE, CA_RA_CERTIFICATES},
    key_usage::KeyUsage,
};

use super::{
    Fault, Strikes,
    strangers::{EXPIRED, by_another_ca, impostor},
};
use crate::{
    answer::Answer,
    authority::{Authority, lab::STRANGER_KEY},
    log::LogOutcome,
    personality::Personality,
    profile::altered,
};

const HTML: &str = "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n\
                    <body><h1>Welcome to the network</h1><p>Please sign in.</p></body></html>\n";

/// Applies the faults to an answer, and notes in it those that happened.
pub(crate) fn distorted(
    mut answer: Answer,
    personality: &Personality,
    strikes: &Strikes<'_>,
) -> Answer {
    strikes.each(|fault| distort(fault, &mut answer, personality));
    answer.note.faults = strikes.fired();
    answer
}

fn distort(fault: Fault, answer: &mut Answer, personality: &Personality) -> bool {
    match fault {
        Fault::HttpStatus(status) => {
            let page = Answer::error(personality, status, &"a fault was asked for");
            answer.status = status;
            answer.content_type = page.content_type;
            answer.body = page.body;
            answer.outcome = LogOutcome::Http(status);
        }
        Fault::EmptyBody => answer.body.clear(),
        Fault::TruncatedBody => answer.body.truncate(answer.body.len() / 2),
        Fault::TrailingBytes => answer.body = [&answer.body[..], &[0; 16]].concat().into(),
        Fault::Delay(delay) => answer.delay = delay,
        Fault::CloseConnection => {
            answer.is_withheld = true;
            answer.outcome = LogOutcome::Cut;
        }
        Fault::HtmlPage => {
            answer.status = 200;
            answer.content_type = Some("text/html");
            answer.body = HTML.into();
            answer.outcome = LogOutcome::Http(200);
        }
        Fault::WrongContentType => answer.content_type = Some("application/octet-stream"),
        Fault::NoContentType => answer.content_type = None,
        _ => return false,
    }
    true
}

/// Applies the faults to the text of GetCACaps.
pub(crate) fn capabilities(text: &[u8], strikes: &Strikes<'_>) -> Vec<u8> {
    let mut text = String::from_utf8_lossy(text).into_owned();
    strikes.each(|fault| {
        let line_end = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let words: Vec<&str> = text.split(line_end).collect();
        text = match fault {
            Fault::CapsCrlf => words.join("\r\n"),
            Fault::CapsUnknownWords => {
                let (first, rest) = words.split_at(words.len() / 2);
                [&["Unheard-Of"], first, &["X-Teleport 2"], rest, &["SHA-3-999"]]
                    .concat()
                    .join(line_end)
            }
            Fault::CapsBlankLines => {
                let doubled = format!("{line_end}{line_end}");
                format!("{line_end}{}{doubled}", words.join(&doubled))
            }
            Fault::CapsNone => String::new(),
            Fault::CapsLowerCase => text.to_lowercase(),
            Fault::CapsWeak => ["DES3", "SHA-1"].join(line_end),
            _ => return false,
        };
        true
    });
    text.into_bytes()
}

/// The content type and body of the answer to GetCACert, with the faults applied: a single certificate as it is, several
/// certificates in a certs-only message (RFC 8894 §4.2.1).
pub(crate) fn certificates_answer(
    authority: &Authority,
    strikes: &Strikes<'_>,
) -> Result<(&'static str, Vec<u8>), scep::Error> {
    let mut certificates = authority.certificates();
    strikes.try_each(|fault| distort_certificates(fault, &mut certificates, authority))?;
    let (right, wrong, body) = match certificates.as_slice() {
        [single] => (CA_CERTIFICATE, CA_RA_CERTIFICATES, single.to_der()?),
        several => (CA_RA_CERTIFICATES, CA_CERTIFICATE, certs_only::encode(several, &[])?),
    };
    let is_swapped = strikes.fire(Fault::CaContentTypeSwapped);
    let is_list = certificates.len() > 1;
    let body = if is_list && strikes.fire(Fault::CaCertificatesBer) {
        danger::stream(&body)?
    } else {
        body
    };
    Ok((if is_swapped { wrong } else { right }, body))
}

/// The certificates are in the authority's order: the RA's for signing, the RA's for encryption, the CA's, and those above it. All
/// keep their serial numbers, so that a client that accepts them is answered, and its next step can be observed.
fn distort_certificates(
    fault: Fault,
    certificates: &mut Vec<X509>,
    authority: &Authority,
) -> Result<bool, ErrorStack> {
    let ca_key = &authority.ca.key;
    // Those above the CA stay as they are.
    let of_ra = certificates.len().saturating_sub(authority.issuers.len() + 1);
    let Some((ra, [ca, ..])) = certificates.split_at_mut_checked(of_ra) else { return Ok(false) };
    match fault {
        Fault::CaExpired => {
            let key = authority.issuer_key();
            *ca = altered(ca, key, |fields| fields.validity = EXPIRED.into())?;
        }
        Fault::CaImpostor => *ca = impostor(ca)?.certificate,
        Fault::CaWithoutKeyUsage => {
            *ca = altered(ca, authority.issuer_key(), |fields| fields.set_key_usage(None))?;
        }
        _ if ra.is_empty() => return Ok(false),
        Fault::RaExpired => {
            for one in ra {
                *one = altered(one, ca_key, |fields| fields.validity = EXPIRED.into())?;
            }
        }
        Fault::RaForeign => {
            for one in ra {
                *one = altered(one, &STRANGER_KEY, |_| ())?;
            }
        }
        Fault::RaUsagesSwapped => {
            let usages: Vec<_> = ra.iter().map(|one| KeyUsage::of(one)).rev().collect();
            for (one, usage) in ra.iter_mut().zip(usages) {
                *one = altered(one, ca_key, |fields| fields.set_key_usage(usage))?;
            }
        }
        Fault::CaSubordinate => *ca = by_another_ca(ca)?,
        Fault::CaMissing => drop(certificates.remove(of_ra)),
        Fault::CaCertificatesReversed => certificates.reverse(),
        _ => return Ok(false),
    }
    Ok(true)
}
