//! The result, as plain data for reports.

use std::fmt::Display;

use families::FamilyName;
use openssl::x509::X509;
use scep::clock::moment_text;
use scep::http::HttpResponse;
use scep::name::to_text;
use serde::Serialize;

use crate::capability::{Word, words};
use crate::certificate::Facts;
use crate::needs::NeedChecker;
use crate::probe::Probe;
use crate::probed::{NotProbed, Probed, shows_nothing};
use crate::remarks::remarks;
use crate::seen::{Answer, Seen, answered, certificates_in};
use crate::verdict::{ClientVerdict, verdict};

/// Version of the JSON document; it changes if a reader of the old form would misunderstand the new one.
pub const VERSION: u32 = 1;

/// The form of an answer that is one certificate.
pub(crate) const BY_ITSELF: &str = "certificate";

/// What a PKI shows.
#[derive(Debug, Serialize)]
pub struct Inspection {
    pub(crate) version: u32,
    pub(crate) url: String,
    pub(crate) inspected_at: String,
    pub(crate) ca_identifier: Option<String>,
    pub(crate) capabilities: List,
    pub(crate) certificates: Certificates,
    pub(crate) next_ca: Option<NextCa>,
    pub(crate) http: Vec<Behaviour>,
    pub(crate) remarks: Vec<String>,
    pub(crate) clients: Vec<ClientVerdict>,
}

/// The capabilities.
#[derive(Debug, Serialize)]
pub(crate) struct List {
    pub reply: Reply,
    pub words: Vec<Word>,
    /// The end of a line: `LF`, `CRLF`, or none if there is one line.
    pub line_ends: Option<&'static str>,
}

/// The certificates.
#[derive(Debug, Serialize)]
pub(crate) struct Certificates {
    pub reply: Reply,
    /// `certificate` or `certs-only message`; none if nothing could be read.
    pub form: Option<&'static str>,
    /// In the order received.
    pub list: Vec<Facts>,
    /// The place of the certificate that requests are enciphered to.
    pub recipient: Option<usize>,
}

/// The next CA.
#[derive(Debug, Serialize)]
pub(crate) struct NextCa {
    pub reply: Reply,
    pub list: Vec<Facts>,
    /// Why its certificates are not to be trusted.
    pub problem: Option<String>,
}

/// The answer to a request.
#[derive(Debug, Serialize)]
pub(crate) struct Reply {
    pub status: Option<u16>,
    pub content_type: Option<String>,
    pub bytes: Option<usize>,
    /// Why there is no answer.
    pub no_answer: Option<String>,
}

/// How the server treats a request.
#[derive(Debug, Serialize)]
pub(crate) struct Behaviour {
    pub probe: Probe,
    pub request: String,
    pub reply: Reply,
    /// True if the answer is that to the plain request.
    pub is_same: Option<bool>,
    pub in_words: String,
}

impl Inspection {
    /// What the answers mean, for these clients, or for all if none is named.
    pub fn of(seen: &Seen, clients: &[FamilyName]) -> Self {
        let chain = seen.chain();
        let checker = NeedChecker::new(seen, &chain);
        let wanted =
            FamilyName::ALL.iter().filter(|name| clients.is_empty() || clients.contains(name));
        let verdicts = wanted.map(|name| verdict(name.family(), &checker)).collect();
        let list = seen.list().unwrap_or_default();
        Self {
            version: VERSION,
            url: seen.url.to_string(),
            inspected_at: moment_text(seen.at),
            ca_identifier: seen.name.clone(),
            capabilities: List {
                reply: Reply::of(&seen.capabilities),
                words: words(&list),
                line_ends: line_ends(&list),
            },
            next_ca: seen.next_ca.as_ref().map(|answer| NextCa::of(answer, seen)),
            http: seen
                .probes
                .iter()
                .map(|(probe, answer)| behaviour(seen, *probe, answer))
                .collect(),
            remarks: remarks(seen, &chain),
            clients: verdicts,
            certificates: Certificates {
                reply: Reply::of(&seen.certificates),
                form: form(seen, &chain),
                recipient: checker.recipient(),
                list: chain,
            },
        }
    }

    /// The verdicts about the clients.
    pub fn clients(&self) -> &[ClientVerdict] {
        &self.clients
    }
}

fn line_ends(list: &str) -> Option<&'static str> {
    if list.contains("\r\n") { Some("CRLF") } else { list.contains('\n').then_some("LF") }
}

fn form(seen: &Seen, chain: &[Facts]) -> Option<&'static str> {
    let form = if seen.is_alone() { BY_ITSELF } else { "certs-only message" };
    (!chain.is_empty()).then_some(form)
}

impl Reply {
    fn of<E: Display>(answer: &Result<HttpResponse, E>) -> Self {
        let response = answer.as_ref().ok();
        Self {
            status: response.map(|response| response.status),
            content_type: response.and_then(|response| response.content_type.clone()),
            bytes: response.map(|response| response.body.len()),
            no_answer: answer.as_ref().err().map(ToString::to_string),
        }
    }

    /// The answer on a line: `HTTP 200, text/plain, 65 bytes`.
    pub(crate) fn line(&self) -> String {
        let Some(status) = self.status else {
            return format!("no answer: {}", self.no_answer.as_deref().unwrap_or_default());
        };
        let content_type = self.content_type.as_deref().unwrap_or("no content type");
        format!("HTTP {status}, {content_type}, {} bytes", self.bytes.unwrap_or_default())
    }
}

impl NextCa {
    fn of(answer: &Answer, seen: &Seen) -> Self {
        let read = |response: &HttpResponse| {
            let current = seen.ca_certificates().ok_or("there is no CA to verify it")?;
            current.read_next(response, seen.at).map_err(|refusal| refusal.to_string())
        };
        let read = match answer {
            Ok(response) => read(response),
            Err(_) => Err(answered(answer)),
        };
        let certificates = read
            .as_ref()
            .map(|next| [next.ca.clone(), next.ra.clone()].concat())
            .unwrap_or_default();
        let list = Facts::of_all(&certificates, seen.at);
        Self { reply: Reply::of(answer), list, problem: read.err() }
    }
}

fn in_words(response: &HttpResponse) -> String {
    let words = response.answered();
    words.strip_prefix("was answered ").unwrap_or(&words).to_owned()
}

/// The most subjects that are listed.
const SUBJECTS: usize = 4;

/// How the certificates that came differ from those of the plain answer; none if none came.
fn others(came: &[X509], plain: &[Facts]) -> Option<String> {
    if came.is_empty() {
        return None;
    }
    let is_plain = |one: &&X509| plain.iter().any(|facts| facts.certificate == **one);
    let new: Vec<&X509> = came.iter().filter(|one| !is_plain(one)).collect();
    if new.is_empty() {
        let (count, all) = (came.len(), plain.len());
        return Some(format!("the same certificates in another form: {count} of {all}"));
    }
    let subjects =
        new.iter().take(SUBJECTS).map(|one| format!("`{}`", to_text(one.subject_name())));
    let more = if new.len() > SUBJECTS { ", …" } else { "" };
    let subjects = subjects.collect::<Vec<_>>().join(", ");
    Some(format!("other certificates: {subjects}{more}"))
}

fn behaviour(seen: &Seen, probe: Probe, answer: &Probed) -> Behaviour {
    let is_same = seen.is_same(probe).filter(|_| probe.wants_the_same());
    let in_words = match (is_same, answer) {
        (Some(true), _) => "the same answer".to_owned(),
        (_, Err(NotProbed::NotAnswered(reason)))
            if probe == Probe::Again && !shows_nothing(reason) =>
        {
            "not answered: the connection takes one request".to_owned()
        }
        (_, Err(reason)) => reason.in_words(),
        (_, Ok(response)) if probe == Probe::Head => format!("HTTP {}", response.status),
        (Some(false), Ok(response)) if probe.is_of_certificates() && response.status == 200 => {
            others(&certificates_in(response), &seen.chain()).unwrap_or_else(|| in_words(response))
        }
        (_, Ok(response)) => in_words(response),
    };
    Behaviour { probe, request: probe.in_words(), reply: Reply::of(answer), is_same, in_words }
}
