//! What a server answered, and what can be read in it.

use std::time::SystemTime;

use model::scep_url::ScepUrl;
use openssl::x509::X509;
use scep::capabilities::Capabilities;
use scep::certs_only;
use scep::client::CaCertificates;
use scep::http::HttpResponse;
use testbed::NoAnswer;

use crate::certificate::Facts;
use crate::probe::Probe;
use crate::probed::Probed;

/// The answer to a request, or the reason why there is none.
pub type Answer = Result<HttpResponse, NoAnswer>;

/// The answers of a server.
#[derive(Debug, Clone)]
pub struct Seen {
    /// The URL that was asked.
    pub url: ScepUrl,
    /// The name of the CA that was asked for, if any.
    pub name: Option<String>,
    /// A warning about how it was asked.
    pub caution: Option<&'static str>,
    /// The time.
    pub at: SystemTime,
    /// The answer to GetCACaps.
    pub capabilities: Answer,
    /// The answer to GetCACert.
    pub certificates: Answer,
    /// The answer to GetNextCACert, if that is offered.
    pub next_ca: Option<Answer>,
    /// The answers to the other requests.
    pub probes: Vec<(Probe, Probed)>,
}

/// The answer in words, to be written after the name of the request.
pub(crate) fn answered(answer: &Answer) -> String {
    match answer {
        Ok(response) => response.answered(),
        Err(reason) => format!("was not answered: {reason}"),
    }
}

/// The certificates in an answer to GetCACert; none if there are none that can be read.
pub(crate) fn certificates_in(response: &HttpResponse) -> Vec<X509> {
    match X509::from_der(&response.body) {
        Ok(one) => vec![one],
        Err(_) => certs_only::decode(&response.body)
            .map(|message| message.certificates)
            .unwrap_or_default(),
    }
}

/// The bytes of a successful answer.
fn body(answer: &Answer) -> Option<&HttpResponse> {
    answer.as_ref().ok().filter(|response| response.status == 200)
}

impl Seen {
    /// True if the answers are those of a SCEP service: a known capability, or certificates of a CA.
    pub fn is_service(&self) -> bool {
        let listed = self.listed().is_some_and(|listed| !listed.is_empty());
        listed || self.ca_certificates().is_some()
    }

    /// The capabilities; none if GetCACaps is not answered with HTTP 200 and a list, which may be empty.
    pub(crate) fn listed(&self) -> Option<Capabilities> {
        body(&self.capabilities)?.capabilities().ok()
    }

    /// The text of the capabilities, if there is one.
    pub(crate) fn list(&self) -> Option<String> {
        let response = body(&self.capabilities)?;
        response.capabilities().ok()?;
        Some(String::from_utf8_lossy(&response.body).into_owned())
    }

    /// The certificates as Sceplab's client sorts them, if one is a CA's.
    pub(crate) fn ca_certificates(&self) -> Option<CaCertificates> {
        CaCertificates::read(body(&self.certificates)?).ok()
    }

    /// True if one certificate came by itself, not in a certs-only message.
    pub(crate) fn is_alone(&self) -> bool {
        body(&self.certificates).is_some_and(|response| X509::from_der(&response.body).is_ok())
    }

    /// The certificates in the order received.
    pub(crate) fn chain(&self) -> Vec<Facts> {
        let certificates = body(&self.certificates).map(certificates_in).unwrap_or_default();
        Facts::of_all(&certificates, self.at)
    }

    /// Takes from a later look what can be read in it, and keeps the rest: what is not there for a while comes back or changes.
    pub fn update(&mut self, later: Self) {
        let (is_listed, has_certificates) = (later.list().is_some(), !later.chain().is_empty());
        let asked = later.next_ca.as_ref();
        if asked.is_some_and(Result::is_ok) || asked.is_none() && is_listed {
            self.next_ca = later.next_ca;
        }
        if is_listed {
            self.capabilities = later.capabilities;
        }
        if has_certificates {
            self.certificates = later.certificates;
        }
        self.at = later.at;
    }

    /// The answer to this request, if it was sent.
    pub(crate) fn probe(&self, wanted: Probe) -> Option<&Probed> {
        self.probes.iter().find(|(probe, _)| *probe == wanted).map(|(_, answer)| answer)
    }

    /// True if this request was answered as the plain one; none if it was not sent or not answered.
    pub(crate) fn is_same(&self, probe: Probe) -> Option<bool> {
        let of_certificates = probe.is_of_certificates();
        let plain = if of_certificates { &self.certificates } else { &self.capabilities };
        let (answer, plain) = (self.probe(probe)?.as_ref().ok()?, plain.as_ref().ok()?);
        Some(answer.status == plain.status && answer.body == plain.body)
    }
}
