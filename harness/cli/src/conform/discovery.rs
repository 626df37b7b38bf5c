//! The capabilities and certificates of a PKI, read before the first case.

use openssl::x509::{X509, X509Ref};
use scep::capabilities::Capabilities;
use scep::certificate::Fingerprint;
use scep::client::CaCertificates;
use scep::http::{HttpResponse, Method, Operation};
use scep::name::to_text;

use crate::wiring::LivePki;
use crate::{access_arguments, tls_arguments};
use conformance::Target;
use diagnostics::{Diagnostic, visible, word_difference};
use model::scep_url::ScepUrl;
use testbed::NoAnswer;
use testbed::pki::{Exchanged, ScepService};

/// What a PKI says about itself.
pub(super) struct Discovered {
    /// Lines for the reader.
    pub(super) lines: Vec<String>,
    /// Fingerprints of its CA's certificates; none if they cannot be read.
    pub(super) ca: Vec<Fingerprint>,
    /// Why it is no SCEP service, and what to do, if so.
    pub(super) no_service: Option<Diagnostic>,
}

/// Asks for capabilities and certificates, and compares them with the target file; the error says why the test cannot go on.
pub(super) async fn discover(
    pki: &LivePki,
    url: &ScepUrl,
    target: &Target,
) -> Result<Discovered, Diagnostic> {
    let mut lines = vec![format!("url           {url}")];
    let unreachable = |reason: NoAnswer| unreachable(url, &reason);
    let capabilities = ask(pki, Operation::GetCaCaps(None)).await.map_err(unreachable)?;
    let mut is_service = false;
    lines.push(match &capabilities {
        Ok(response) if response.status == 200 => {
            let read = Capabilities::parse(&response.body);
            is_service |= !read.known().is_empty();
            check_capabilities(&read, target).map_err(Diagnostic::general)?;
            let said = match response.capabilities() {
                Ok(read) if !read.is_empty() => read.to_string(),
                _ => format!("none: {} came", visible(&response.came())),
            };
            format!("capabilities  {said}")
        }
        other => format!("capabilities  none: {}", words(other)),
    });
    let certificates = ask(pki, Operation::GetCaCert(None)).await;
    let certificates = certificates.map_err(|reason| gone(url, &reason, pki.is_replaced()))?;
    if let (Err(reason), Err(_)) = (&capabilities, &certificates) {
        let message = format!("{url} answers neither GetCACaps nor GetCACert: {reason}");
        return Err(Diagnostic::general(message).note(why_silent(reason)));
    }
    let mut ca = Vec::new();
    match &certificates {
        Ok(response) if response.status == 200 => match CaCertificates::read(response) {
            Ok(certificates) => {
                is_service = true;
                ca = fingerprints(&certificates);
                lines.extend(described(&certificates, target).map_err(Diagnostic::general)?);
            }
            Err(refusal) => lines.push(format!("certificates  unreadable: {refusal}")),
        },
        other => lines.push(format!("certificates  none: {}", words(other))),
    }
    let no_service =
        (!is_service).then(|| no_service(url, &capabilities, &certificates, "so it is not judged"));
    Ok(Discovered { lines, ca, no_service })
}

/// The message about a server that cannot be reached.
fn unreachable(url: &ScepUrl, reason: &NoAnswer) -> Diagnostic {
    Diagnostic::general(format!("{url} cannot be reached, so it is not judged"))
        .note(reason.to_string())
        .note(cause_of_silence(reason))
}

/// The message about a server that took one request, and none after it.
fn gone(url: &ScepUrl, reason: &NoAnswer, is_replaced: bool) -> Diagnostic {
    if is_replaced {
        let message = "the address does not serve SCEP any more";
        return Diagnostic::general(format!(
            "{url}: after GetCACaps, {message}, so it is not judged"
        ))
        .note(reason.to_string());
    }
    Diagnostic::general(format!("{url} was gone after GetCACaps, so it is not judged"))
        .note(reason.to_string())
        .note("probably the server ended, or was stopped or restarted: look at its log, and try again")
}

/// The probable cause if no connection is made.
const NOT_RUNNING: &str = "probably the server is not running, or the URL has another host or port";

/// The probable cause if nothing answers an attempt to connect.
const UNREACHED: &str =
    "probably the host is not there or not up, or a firewall drops what is sent to it";

/// What to do about a server that gives no answer, by the reason.
pub(crate) fn cause_of_silence(reason: &NoAnswer) -> &'static str {
    match reason {
        NoAnswer::TimedOut(_) => "probably the server hangs, or needs longer than `--timeout`",
        NoAnswer::NotConnected(_) => NOT_RUNNING,
        NoAnswer::Unreached(_) => UNREACHED,
        NoAnswer::Proxy(failure) => access_arguments::advice(failure),
        NoAnswer::Tls(failure) => tls_arguments::advice(failure),
        _ => why_silent(reason),
    }
}

/// What to do about a reply that is none of a SCEP service, by its HTTP status.
pub(crate) fn cause_of_foreign_reply(status: u16) -> &'static str {
    let without = if status == 200 { IN_ITS_PLACE } else { OTHER_PATH };
    cause_of_status(status).unwrap_or(without)
}

/// The probable reason why a server that takes connections answers nothing.
fn why_silent(reason: &NoAnswer) -> &'static str {
    match reason {
        NoAnswer::TimedOut(_) => {
            "probably the server hangs, or needs longer than `--timeout`; try GetCACaps with `sceplab health`"
        }
        NoAnswer::Proxy(failure) => access_arguments::advice(failure),
        NoAnswer::Tls(failure) => tls_arguments::advice(failure),
        NoAnswer::Closed(_) => {
            "perhaps the server speaks only HTTPS: then write `https://`; or another service listens at this port, or the server ends at each request: look at its log"
        }
        NoAnswer::NotHttp(_) => {
            "probably another service listens at this port: compare the port of the URL"
        }
        _ => {
            "probably another service listens at this port, or the server ends at each request: compare the URL, and look at its log"
        }
    }
}

/// The message about a URL whose replies are not those of a SCEP service; `end` is the end of its sentence.
pub(crate) fn no_service(
    url: &ScepUrl,
    capabilities: &Answer,
    certificates: &Answer,
    end: &str,
) -> Diagnostic {
    let what = |operation: &str, answer: &Answer| match answer {
        Ok(response) => format!("{operation} {}", visible(&response.answered())),
        Err(reason) => format!("{operation} was not answered: {reason}"),
    };
    let answers = [capabilities, certificates];
    let is_elsewhere = answers.into_iter().flatten().any(leads_to_https);
    let statuses = || answers.into_iter().filter_map(|it| Some(it.as_ref().ok()?.status));
    let mut pages = answers.into_iter().flatten();
    let about_tls = pages.find_map(tls_arguments::cause_of_page);
    let probably = is_elsewhere.then_some(BY_HTTPS).or(about_tls);
    let probably = probably.or_else(|| statuses().find_map(cause_of_status));
    let probably = probably.or_else(|| statuses().map(cause_of_foreign_reply).next());
    let heading = format!("{url} does not answer as a SCEP service, {end}");
    let diagnostic = Diagnostic::general(heading);
    let diagnostic = if is_one_answer(capabilities, certificates) {
        diagnostic.note(format!("{}, and so was GetCACert", what("GetCACaps", capabilities)))
    } else {
        diagnostic.note(what("GetCACaps", capabilities)).note(what("GetCACert", certificates))
    };
    diagnostic.note(probably.unwrap_or(OTHER_PATH))
}

/// True if the answer sends the client to an address of HTTPS.
pub(crate) fn leads_to_https(answer: &HttpResponse) -> bool {
    let scheme = answer.location.as_deref().and_then(|location| location.trim_start().get(..6));
    scheme.is_some_and(|scheme| scheme.eq_ignore_ascii_case("https:"))
}

/// What to do about a server that sends clients to HTTPS.
const BY_HTTPS: &str = "the server redirects to HTTPS: give that address, which begins with `https://`, if it is the SCEP service, or one that \
                        begins with `http://` and is not redirected, if there is one";

/// True if both requests were answered with the same, which is described once.
fn is_one_answer(one: &Answer, other: &Answer) -> bool {
    let (Ok(one), Ok(other)) = (one, other) else { return false };
    let seen = |it: &HttpResponse| (it.status, it.content_type.clone(), it.location.clone());
    seen(one) == seen(other) && one.body == other.body
}

/// The probable cause if the replies name no other one.
const OTHER_PATH: &str = "probably the path is another, such as `/scep` for scepserver, `/certsrv/mscep/mscep.dll` for an NDES, \
                          `/scep/PROVISIONER` for step-ca; or a proxy or a login page answers in place of the service";

/// The possible causes of a reply with HTTP 200 that is none of a SCEP service.
const IN_ITS_PLACE: &str = "perhaps the service is in maintenance, or a proxy or a login page stands before it, or the path is another, such as `/scep` \
                            for scepserver, `/certsrv/mscep/mscep.dll` for an NDES, `/scep/PROVISIONER` for step-ca";

/// The probable cause that an HTTP status names itself.
pub(crate) fn cause_of_status(status: u16) -> Option<&'static str> {
    Some(match status {
        301 | 302 | 303 | 307 | 308 => {
            "the server redirects: give the address of the SCEP service itself, which needs no login"
        }
        407 => {
            "a proxy on the way wants a login: write user and password before the host in its URL, with `--proxy` or in the environment"
        }
        401 | 403 => {
            "the server wants a login, or does not let this address in: SCEP clients send no credentials in HTTP"
        }
        429 | 503 => "the server is busy or not ready: try again later",
        502 | 504 => "a proxy does not reach the server behind it: find out if that one runs",
        500 => {
            "the server has an error of its own, whose reason is in its log; or the path is another"
        }
        _ => return None,
    })
}

type Answer = Result<HttpResponse, NoAnswer>;

/// Sends a request; an unexpected reply is an `Ok`, and an unreachable PKI an error.
async fn ask(pki: &dyn ScepService, operation: Operation) -> Result<Answer, NoAnswer> {
    let exchanged = pki.exchange(&operation.to_http(Method::Get), "").await;
    exchanged.map(Exchanged::response).map_err(NoAnswer::from)
}

/// Fingerprints of the certificates of the CA that the server returns now; `None` if none can be read.
pub(super) async fn ca_of(pki: &dyn ScepService) -> Option<Vec<Fingerprint>> {
    let response = ask(pki, Operation::GetCaCert(None)).await.ok()?.ok()?;
    let certificates = CaCertificates::read(&response).ok().filter(|_| response.status == 200)?;
    Some(fingerprints(&certificates))
}

/// The certificates that the server returns now; the error says what came in their place.
pub(crate) async fn certificates_of(pki: &dyn ScepService) -> Result<Vec<X509>, String> {
    let answer = ask(pki, Operation::GetCaCert(None)).await.map_err(|error| error.to_string())?;
    let response = answer.map_err(|error| error.to_string())?;
    if response.status != 200 {
        return Err(format!("GetCACert {}", response.answered()));
    }
    let read = CaCertificates::read(&response).map_err(|refusal| refusal.to_string())?;
    Ok(read.ca.into_iter().chain(read.ra).collect())
}

fn fingerprints(certificates: &CaCertificates) -> Vec<Fingerprint> {
    certificates.ca.iter().filter_map(|one| Fingerprint::of(one).ok()).collect()
}

fn words(answer: &Answer) -> String {
    match answer {
        Ok(response) => visible(&response.answered()),
        Err(reason) => reason.to_string(),
    }
}

fn check_capabilities(read: &Capabilities, target: &Target) -> Result<(), String> {
    let Some(expected) = &target.capabilities else { return Ok(()) };
    let known = read.known().iter().map(|known| known.as_str());
    let mut actual: Vec<&str> = known.chain(read.unknown().iter().map(String::as_str)).collect();
    let mut expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    actual.sort_unstable();
    expected.sort_unstable();
    if actual == expected {
        return Ok(());
    }
    let difference = word_difference(&actual, &expected);
    Err(format!(
        "the PKI offers {}, its target file says {}; {}: correct `capabilities` there, or find out why they changed",
        visible(&actual.join(", ")),
        visible(&expected.join(", ")),
        difference.map_or_else(
            || "a word occurs more than once".to_owned(),
            |it| format!("it {}", visible(&it))
        )
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
    let lines: Vec<String> = lines.collect();
    match &target.ca_fingerprint {
        Some(known)
            if all.iter().all(|(_, one)| Fingerprint::of(one).ok().as_ref() != Some(known)) =>
        {
            let came: Vec<_> = lines.iter().map(|line| format!("\n  {line}")).collect();
            Err(format!(
                "no certificate of this PKI has the fingerprint {known} of its target file: it is another PKI, or its CA was \
                 renewed; its certificates are{}",
                came.concat()
            ))
        }
        _ => Ok(lines),
    }
}

fn shown(certificate: &X509Ref) -> String {
    Fingerprint::of(certificate).map_or_else(|_| String::new(), |it| it.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cause_of_silence_follows_from_its_kind() {
        let words = || "`pki.invalid` cannot be resolved".to_owned();
        assert_eq!(cause_of_silence(&NoAnswer::NotConnected(words())), NOT_RUNNING);
        assert_eq!(cause_of_silence(&NoAnswer::Unreached(words())), UNREACHED);
        let cause = |reason| (cause_of_silence(&reason), why_silent(&reason));
        for (reason, of_silence, of_replies) in [
            (NoAnswer::TimedOut(words()), "the server hangs", "try GetCACaps"),
            (NoAnswer::NotHttp(words()), "another service listens", "another service listens"),
            (NoAnswer::Closed(words()), "ends at each request", "ends at each request"),
        ] {
            let (silence, replies) = cause(reason);
            assert!(silence.contains(of_silence), "{silence}");
            assert!(replies.contains(of_replies), "{replies}");
        }
    }
}
