//! The capabilities and certificates of a PKI, read before the first case.

use openssl::x509::X509Ref;
use scep::capabilities::Capabilities;
use scep::certificate::Fingerprint;
use scep::client::CaCertificates;
use scep::http::{HttpResponse, Method, Operation};
use scep::name::to_text;

use conformance::Target;
use diagnostics::visible;
use model::scep_url::ScepUrl;
use testbed::pki::{Exchanged, PkiError, ScepService};

/// Asks for capabilities and certificates, and compares them with the target file; the error says why the test cannot go on.
pub(super) async fn discover(
    pki: &dyn ScepService,
    url: &ScepUrl,
    target: &Target,
) -> Result<Vec<String>, String> {
    let mut lines = vec![format!("url           {url}")];
    let capabilities = ask(pki, Operation::GetCaCaps(None)).await?;
    lines.push(match &capabilities {
        Ok(response) if response.status == 200 => {
            let read = Capabilities::parse(&response.body);
            check_capabilities(&read, target)?;
            format!("capabilities  {read}")
        }
        other => format!("capabilities  none: {}", words(other)),
    });
    let certificates = ask(pki, Operation::GetCaCert(None)).await?;
    if let (Err(reason), Err(_)) = (&capabilities, &certificates) {
        return Err(format!("{url} answers neither GetCACaps nor GetCACert: {reason}"));
    }
    if let (Ok(first), Ok(second)) = (&capabilities, &certificates)
        && first.status != 200
        && second.status != 200
    {
        return Err(format!(
            "{url} is not a SCEP service: GetCACaps was answered HTTP {}, GetCACert HTTP {}; check the path",
            first.status, second.status
        ));
    }
    match &certificates {
        Ok(response) if response.status == 200 => match CaCertificates::read(response) {
            Ok(certificates) => lines.extend(described(&certificates, target)?),
            Err(refusal) => lines.push(format!("certificates  unreadable: {refusal}")),
        },
        other => lines.push(format!("certificates  none: {}", words(other))),
    }
    Ok(lines)
}

type Answer = Result<HttpResponse, String>;

/// Sends a request; an unexpected reply is an `Ok`, and an unreachable PKI an error.
async fn ask(pki: &dyn ScepService, operation: Operation) -> Result<Answer, String> {
    match pki.exchange(&operation.to_http(Method::Get), "").await {
        Ok(Exchanged::Answered(response)) => Ok(Ok(response)),
        Ok(Exchanged::Unanswered(reason)) => Ok(Err(reason)),
        Err(PkiError::Broken { reason }) => Err(reason),
        Err(error @ PkiError::NotSupported { .. }) => Err(error.to_string()),
    }
}

fn words(answer: &Answer) -> String {
    match answer {
        Ok(response) => format!("answered HTTP {}", response.status),
        Err(reason) => reason.clone(),
    }
}

fn check_capabilities(read: &Capabilities, target: &Target) -> Result<(), String> {
    let Some(expected) = &target.capabilities else { return Ok(()) };
    let sorted = |mut words: Vec<String>| {
        words.sort();
        words
    };
    let known = read.known().iter().map(|known| known.as_str().to_owned());
    let actual = sorted(known.chain(read.unknown().iter().cloned()).collect());
    if actual == sorted(expected.clone()) {
        return Ok(());
    }
    Err(format!(
        "the PKI offers {}, its target file says {}: correct `capabilities` there, or find out why they changed",
        visible(&actual.join(", ")),
        visible(&expected.join(", "))
    ))
}

fn described(certificates: &CaCertificates, target: &Target) -> Result<Vec<String>, String> {
    let ca = certificates.ca.iter().map(|one| ("ca", one));
    let ra = certificates.ra.iter().map(|one| ("ra", one));
    let all: Vec<_> = ca.chain(ra).collect();
    let lines = all.iter().map(|(what, one)| {
        let subject = visible(&to_text(one.subject_name()));
        format!("{what}            SHA-256 {}  {subject}", shown(one))
    });
    let lines = lines.collect();
    match &target.ca_fingerprint {
        Some(known)
            if all.iter().all(|(_, one)| Fingerprint::of(one).ok().as_ref() != Some(known)) =>
        {
            Err(format!(
                "no certificate of this PKI has the fingerprint {known} of its target file: it is another PKI, or its CA was \
                 renewed"
            ))
        }
        _ => Ok(lines),
    }
}

fn shown(certificate: &X509Ref) -> String {
    Fingerprint::of(certificate).map_or_else(|_| String::new(), |it| it.to_string())
}
