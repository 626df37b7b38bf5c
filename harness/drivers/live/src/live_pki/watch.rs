//! Finds out if a server is still there after a request without an answer of its service, and which request ended it.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use parking_lot::Mutex;
use scep::capabilities::Capabilities;
use scep::content::Content;
use scep::http::{HttpError, HttpRequest, HttpResponse, Operation};
use tokio::sync;
use tokio::time::{Instant, sleep};

use super::LivePki;
use testbed::NoAnswer;
use testbed::pki::{Exchanged, PkiError, ServerState};

/// How long a server that ended, or that is busy, may take until it answers again.
const RETURN_LIMIT: Duration = Duration::from_secs(3);

/// Pause between two attempts to reach such a server.
const PAUSE: Duration = Duration::from_millis(100);

/// State of a server whose end must be noticed.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// Held during a request: if several were on their way, no one could say which ended the server.
    alone: sync::Mutex<()>,
    /// The request by which the server shows that it is there; none before it has answered one.
    probe: Mutex<Option<Probe>>,
    /// The requests without a body that the server has answered: another one like them does not end it.
    answered: Mutex<BTreeSet<String>>,
    /// Why nothing more is sent, once the server does not serve any more.
    gone: OnceLock<String>,
    /// True if something else than the service answers.
    is_replaced: AtomicBool,
    /// Why the server could not be reached for a moment, each time.
    outages: Mutex<Vec<String>>,
}

/// A GetCACaps or GetCACert, and the look of its answer. Some servers answer only one of them.
#[derive(Debug, Clone)]
struct Probe {
    request: HttpRequest,
    operation: Operation,
    /// True if the answer was one of a SCEP service.
    is_served: bool,
}

/// The state of a server after a request without an answer of its service.
enum Presence {
    /// The server answers.
    Here,
    /// The server did not serve for a moment, and answers now.
    Back,
    /// The server cannot be reached, for this reason.
    Gone(String),
    /// The server takes connections and answers nothing, or leaves them without an answer, for this reason.
    Hangs(String),
    /// What answers is not the service any more.
    Unserved(HttpResponse),
}

impl LivePki {
    /// The same PKI with one request at a time, and a further request after each without an answer of the service.
    #[must_use]
    pub fn watched(mut self) -> Self {
        self.watch = Some(Arc::default());
        self
    }

    /// Why nothing more is sent, if the server does not serve any more.
    pub fn gone(&self) -> Option<&str> {
        self.watch.as_ref()?.gone.get().map(String::as_str)
    }

    /// True if something else than the service answers at its URL by now.
    pub fn is_replaced(&self) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.is_replaced.load(Ordering::Relaxed))
    }

    /// Why the server could not be reached for a moment before a request, which was then sent again.
    pub fn outages(&self) -> Vec<String> {
        self.watch.as_ref().map(|watch| watch.outages.lock().clone()).unwrap_or_default()
    }

    /// Sends a request, unless the server is gone. If the service does not answer, finds out if it is still there.
    pub(super) async fn send_watched(
        &self,
        watch: &Watch,
        request: &HttpRequest,
        suffix: &str,
    ) -> Result<Exchanged, PkiError> {
        let _alone = watch.alone.lock().await;
        if let Some(reason) = watch.gone.get() {
            return Err(PkiError::NotServed { reason: NoAnswer::Gone(reason.clone()) });
        }
        let sent = self.send(request, suffix).await;
        let was_answered = watch.learn(request, suffix, &sent);
        let Some(probe) = watch.probe.lock().clone() else { return sent };
        match sent {
            Ok(Exchanged::Unanswered(reason)) => {
                self.unanswered(watch, &probe, reason, was_answered).await
            }
            Ok(Exchanged::Answered(response)) if probe.is_unlike(request, &response) => {
                self.unserved(watch, &probe, (request, suffix), response).await
            }
            Err(PkiError::NotServed { reason }) => match self.presence(&probe).await {
                Presence::Here | Presence::Back => {
                    watch.outages.lock().push(reason.to_string());
                    self.send(request, suffix).await
                }
                away => {
                    watch.set_gone(&probe, &away);
                    let (what, then) = (away.what(), away.in_words());
                    let reason = format!("{what} before this request: {then}");
                    Err(PkiError::NotServed { reason: NoAnswer::Other(reason) })
                }
            },
            other => other,
        }
    }

    /// The missing answer to a request, and whether the server is still there.
    async fn unanswered(
        &self,
        watch: &Watch,
        probe: &Probe,
        reason: NoAnswer,
        was_answered: bool,
    ) -> Result<Exchanged, PkiError> {
        // A server that answered before does not speak only HTTPS.
        let reason_in_words = reason.to_string();
        let but = |words: String| reason.reworded(|reason| format!("{reason}{words}"));
        let presence = self.presence(probe).await;
        let state = match &presence {
            Presence::Here => return Ok(Exchanged::Unanswered(but(String::new()))),
            Presence::Back => {
                let reason = but("; then the server could not be reached for a moment".to_owned());
                return Ok(Exchanged::Ended { reason, state: ServerState::Back });
            }
            Presence::Gone(_) | Presence::Unserved(_) => ServerState::Gone,
            Presence::Hangs(_) => ServerState::Hangs,
        };
        let then = presence.in_words();
        watch.set_gone(probe, &presence);
        if was_answered {
            let reason = match &presence {
                Presence::Gone(_) => but("; a second try could not connect".to_owned()),
                Presence::Hangs(_) if then == reason_in_words => but(", twice".to_owned()),
                _ => but(format!("; then {then}")),
            };
            return Err(PkiError::Broken { reason: reason.to_string() });
        }
        Ok(Exchanged::Ended { reason: but(format!("; then {}: {then}", probe.name())), state })
    }

    /// The answer to a request that is none of the service, or the reason why there is none: the service is gone.
    async fn unserved(
        &self,
        watch: &Watch,
        probe: &Probe,
        (request, suffix): (&HttpRequest, &str),
        response: HttpResponse,
    ) -> Result<Exchanged, PkiError> {
        let (answered, name) = (response.answered(), probe.name());
        let presence = self.presence(probe).await;
        let reason = match &presence {
            Presence::Back if matches!(response.status, 502 | 504) => format!(
                "a request {answered}, and so was {name} for a moment: either this request ended the server behind a proxy, or \
                 it was restarted"
            ),
            // The server was busy, so it did nothing.
            Presence::Back if matches!(response.status, 429 | 503) => {
                return self.send(request, suffix).await;
            }
            Presence::Unserved(then) => {
                watch.set_gone(probe, &presence);
                let then = then.answered();
                let probably = presence.advice().unwrap_or_default();
                if then == answered {
                    format!("a request {answered}, and so was {name} after it; {probably}")
                } else {
                    format!("a request {answered}, and {name} after it {then}; {probably}")
                }
            }
            // A server that ends after its answer is missed by the next request.
            _ => return Ok(Exchanged::Answered(response)),
        };
        // A proxy that got no answer does not know if the server behind it got the request.
        Err(match response.status {
            502 | 504 => PkiError::Broken { reason },
            _ => PkiError::NotServed { reason: NoAnswer::Other(reason) },
        })
    }

    /// Repeats a request that the server has answered until there is an answer or the time for a restart has passed. A server that
    /// can be reached, and is perhaps still busy with the request before, has as long as for any reply.
    async fn presence(&self, probe: &Probe) -> Presence {
        let (begun, mut was_away) = (Instant::now(), false);
        loop {
            let state = match self.send_within(self.limit, &probe.request, "").await {
                Ok(Exchanged::Answered(response)) if probe.is_unlike(&probe.request, &response) => {
                    was_away = true;
                    Presence::Unserved(response)
                }
                Ok(Exchanged::Answered(_)) if was_away => return Presence::Back,
                Ok(Exchanged::Answered(_)) => return Presence::Here,
                Ok(Exchanged::Unanswered(reason) | Exchanged::Ended { reason, .. }) => {
                    Presence::Hangs(reason.to_string())
                }
                Err(PkiError::NotServed { reason }) => {
                    was_away = true;
                    let reason_in_words = reason.to_string();
                    match reason {
                        NoAnswer::Unreached(_) => Presence::Hangs(reason_in_words),
                        _ => Presence::Gone(reason_in_words),
                    }
                }
                Err(error) => Presence::Gone(error.to_string()),
            };
            let limit = match &state {
                Presence::Hangs(_) => RETURN_LIMIT.max(self.limit),
                _ => RETURN_LIMIT,
            };
            if begun.elapsed() >= limit {
                return state;
            }
            sleep(PAUSE).await;
        }
    }
}

impl Probe {
    /// The probe that an answered request makes.
    fn of(request: &HttpRequest, response: &HttpResponse) -> Option<Self> {
        let operation = Operation::from_http(request).ok()?;
        matches!(operation, Operation::GetCaCaps(None) | Operation::GetCaCert(None)).then(|| Self {
            request: request.clone(),
            operation,
            is_served: is_served(request, response),
        })
    }

    /// True if a response to this or another request may come from something else than the service.
    fn is_unlike(&self, request: &HttpRequest, response: &HttpResponse) -> bool {
        self.is_served && !is_served(request, response)
    }

    /// Name of the operation.
    fn name(&self) -> &str {
        self.operation.name()
    }
}

impl Watch {
    /// Remembers what the server answers; true if it had answered this request before.
    fn learn(
        &self,
        request: &HttpRequest,
        suffix: &str,
        sent: &Result<Exchanged, PkiError>,
    ) -> bool {
        let Ok(Exchanged::Answered(response)) = sent else {
            return self.answered.lock().contains(&line_of(request, suffix));
        };
        if !is_message(request) {
            self.answered.lock().insert(line_of(request, suffix));
        }
        let mut probe = self.probe.lock();
        if suffix.is_empty() && !probe.as_ref().is_some_and(|probe| probe.is_served) {
            // A served one is better than any; otherwise the first one stays.
            let new = Probe::of(request, response);
            *probe = new.filter(|new| new.is_served || probe.is_none()).or_else(|| probe.take());
        }
        true
    }

    /// Remembers that the server does not serve any more.
    fn set_gone(&self, probe: &Probe, presence: &Presence) {
        let (name, words) = (probe.name(), presence.in_words());
        let what = match presence {
            Presence::Hangs(_) => "the server answers nothing any more",
            Presence::Unserved(_) => "the address does not serve SCEP any more",
            _ => "the server is gone",
        };
        let is_replaced = matches!(presence, Presence::Unserved(_));
        self.is_replaced.store(is_replaced, Ordering::Relaxed);
        let advice = presence.advice().map(|advice| format!("; {advice}")).unwrap_or_default();
        let gone = || format!("{what}, so nothing more is sent ({name}: {words}{advice})");
        self.gone.get_or_init(gone);
    }
}

impl Presence {
    /// What became of the server.
    fn what(&self) -> &'static str {
        match self {
            Self::Here | Self::Back => "the server was away for a moment",
            Self::Gone(_) => "the server was gone",
            Self::Hangs(_) => "the server answered nothing any more",
            Self::Unserved(_) => "the address did not serve SCEP any more",
        }
    }

    /// What was met.
    fn in_words(&self) -> String {
        match self {
            Self::Here | Self::Back => "it answers".to_owned(),
            Self::Gone(reason) | Self::Hangs(reason) => reason.clone(),
            Self::Unserved(response) => format!("it {}", response.answered()),
        }
    }

    /// The possible reasons, or what to do.
    fn advice(&self) -> Option<&'static str> {
        let response = match self {
            Self::Unserved(response) => response,
            Self::Hangs(_) => {
                return Some(
                    "it hangs or is overloaded, or a firewall drops what is sent; if it is only slow, give it longer with `--timeout`",
                );
            }
            Self::Gone(_) | Self::Here | Self::Back => return None,
        };
        Some(match response.status {
            200 => {
                "perhaps the service is in maintenance, or a proxy or a login page stands before it"
            }
            404 => "probably the service was stopped, or a proxy does not know it any more",
            500..=501 | 505.. => "the reason is probably in the log of the server",
            401 | 403 | 407 => "a login is asked for, or this address is locked out",
            429 | 503 => "try again later, with `--rate` if it limits the rate of requests",
            502 | 504 => {
                "a proxy does not reach the server behind it: a request ended that one, or it was stopped"
            }
            _ => return None,
        })
    }
}

/// True for a PKIOperation, even one without a readable message.
pub(super) fn is_message(request: &HttpRequest) -> bool {
    matches!(
        Operation::from_http(request),
        Ok(Operation::PkiOperation(_)) | Err(HttpError::NoMessage | HttpError::NotBase64(_))
    )
}

/// True if a response may be one of a SCEP service: capabilities, or ASN.1.
fn is_served(request: &HttpRequest, response: &HttpResponse) -> bool {
    response.status == 200
        && if matches!(Operation::from_http(request), Ok(Operation::GetCaCaps(_))) {
            !Capabilities::parse(&response.body).known().is_empty()
        } else {
            matches!(Content::of(&response.body), Content::Asn1(_))
        }
}

/// Method and target of a request.
fn line_of(request: &HttpRequest, suffix: &str) -> String {
    format!("{} {suffix}?{}", request.method.as_str(), request.query)
}
