//! The answers to GetCACert and GetNextCACert, with other certificates if keys are not known.

use openssl::x509::X509;
use scep::{
    Error,
    certificate::is_ca,
    danger::{Changes, Template},
};

use crate::authorities::Authorities;
use crate::script::{Kind, Script};

/// The certificates that a server showed in its answers, each once, in the order of the answers: those of GetCACert and GetNextCACert, then
/// those of CAs and signers in replies to messages; and the number of the former.
pub(crate) fn shown(script: &Script) -> (Vec<X509>, usize) {
    /// The most certificates that are looked at.
    const MOST: usize = 200;
    let mut found: Vec<X509> = Vec::new();
    let add = |found: &mut Vec<X509>, certificate: X509| {
        if found.len() < MOST && !found.contains(&certificate) {
            found.push(certificate);
        }
    };
    let bodies = |of_operation: bool| {
        let steps = script.steps.iter();
        let fitting =
            steps.filter(move |step| matches!(step.kind, Kind::Operation(_)) == of_operation);
        fitting.filter_map(|step| Some(step.exchange.reply.as_ref()?.body.as_slice()))
    };
    for body in bodies(true) {
        match X509::from_der(body) {
            Ok(certificate) => add(&mut found, certificate),
            Err(_) => certificates_in(body).into_iter().for_each(|one| add(&mut found, one)),
        }
    }
    let of_operations = found.len();
    for body in bodies(false) {
        let Ok(reply) = Template::read(body) else { continue };
        let signer = reply.signer(&[]);
        let own = reply
            .certificates()
            .into_iter()
            .filter(|one| Some(one) == signer.as_ref() || is_ca(one));
        own.for_each(|one| add(&mut found, one));
    }
    (found, of_operations)
}

/// The certificates of a certs-only message, or of one in a signed message.
fn certificates_in(body: &[u8]) -> Vec<X509> {
    let Ok(message) = Template::read(body) else { return Vec::new() };
    let inner = message.content().and_then(|content| Template::read(content).ok());
    let inner = inner.map(|inner| inner.certificates()).unwrap_or_default();
    message.certificates().into_iter().chain(inner).collect()
}

/// The answer in place of a recorded one; `None` if it stays as it was.
///
/// # Errors
/// Fails if a certificate cannot be made.
pub(crate) fn made_again(
    body: &[u8],
    authorities: &mut Authorities,
) -> Result<Option<Vec<u8>>, Error> {
    if let Ok(certificate) = X509::from_der(body) {
        let new = authorities.of(&certificate)?.certificate;
        if new == certificate {
            return Ok(None);
        }
        // What followed the certificate by mistake still does.
        let rest = body.get(certificate.to_der()?.len()..).unwrap_or_default();
        return Ok(Some([&new.to_der()?, rest].concat()));
    }
    let Ok(message) = Template::read(body) else { return Ok(None) };
    let inner = message.content().and_then(|content| Template::read(content).ok());
    let inner = inner.map(|inner| remade(&inner, None, authorities)).transpose()?.flatten();
    remade(&message, inner, authorities)
}

fn remade(
    message: &Template,
    content: Option<Vec<u8>>,
    authorities: &mut Authorities,
) -> Result<Option<Vec<u8>>, Error> {
    let mut is_changed = content.is_some();
    let signer = message.signer(authorities.shown());
    let signer = signer.filter(|_| message.is_signed());
    let key = signer.map(|signer| authorities.of(&signer)).transpose()?.map(|it| it.key);
    let mut certificate = |der: &[u8]| {
        let old = X509::from_der(der).ok()?;
        let new = authorities.of(&old).ok()?.certificate;
        let new = if new == old { return None } else { new.to_der().ok()? };
        is_changed = true;
        Some(new)
    };
    let made = message.remake(&mut Changes {
        content,
        certificate: Some(&mut certificate),
        signer: key.as_ref().map(|key| (&**key, None)),
        ..Changes::default()
    })?;
    Ok(Some(made).filter(|_| is_changed))
}
