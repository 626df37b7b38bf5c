//! `sceplab replay BUNDLE --at URL`: the recorded requests, made anew, at another server.

use std::time::Duration;

use clap::Args;
use diagnostics::{counted, visible};
use model::scep_url::ScepUrl;
use recorded::{Anew, Held, Made, Source};
use scep::clock::{Clock, apart};
use scep::http::{HttpRequest, HttpResponse, Method, Operation};
use serde::Serialize;
use testbed::NoAnswer;
use testbed::pki::{Exchanged, ScepService};

use crate::conform::challenges::ChallengeArguments;
use crate::conform::discovery::cause_of_silence;
use crate::exit::{CommandError, Exit};
use crate::output::{self, masked, say, say_report, warn};
use crate::stop::interruptible;
use crate::values::scep_url;
use crate::wiring::LivePki;
use diagnostics::Diagnostic;

/// The version of the JSON.
const VERSION: u32 = 1;

/// Options for another server.
#[derive(Debug, Args)]
pub(super) struct AtArguments {
    /// Send the recorded requests, made anew with new keys, to the server at this SCEP address, and say how its answers differ from those recorded
    #[arg(long, value_name = "URL", value_parser = scep_url(), conflicts_with = "serve")]
    pub(super) at: Option<ScepUrl>,
    #[command(flatten)]
    challenge: ChallengeArguments,
    /// With --at, how long the server may take for one reply, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, requires = "at", value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// With --at, the longest pause before a poll, in seconds; the pauses are those of the recording, if they are not longer
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "at", value_parser = clap::value_parser!(u64).range(0..=3600))]
    poll_pause: u64,
}

impl AtArguments {
    /// The given option among those that name challenge passwords.
    pub(super) fn challenge(&self) -> Option<&'static str> {
        self.challenge.given()
    }

    /// Sends the requests to the server at `url`.
    ///
    /// # Errors
    /// If a password cannot be read, or the server gives no answer at all.
    pub(super) async fn perform(
        &self,
        source: Source,
        url: &ScepUrl,
        as_json: bool,
    ) -> Result<Exit, CommandError> {
        let given = self.challenge.read().await.map_err(|reason| Exit::Usage.because(reason))?;
        given.keep_secret();
        let limit = Duration::from_secs(self.timeout);
        let pki = LivePki::new(url.clone(), given.challenges, limit, None);
        let anew = interruptible(move || Anew::new(source, Clock::system())).await?;
        output::hide(&anew.secrets());
        let longest_pause = Duration::from_secs(self.poll_pause);
        let results = Sending { anew, pki, url: url.clone(), longest_pause }.all().await?;
        let verdict = Verdict::of(results);
        if as_json {
            say_report(&report::json::document(&verdict));
        } else {
            verdict.lines().iter().for_each(|line| say(line));
        }
        Ok(verdict.exit())
    }
}

struct Sending {
    anew: Anew,
    pki: LivePki,
    url: ScepUrl,
    longest_pause: Duration,
}

/// A request and what became of it.
#[derive(Debug, Serialize)]
struct Line {
    /// Number of the recorded exchange, from 1.
    exchange: usize,
    request: String,
    result: Outcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    recorded: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    now: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    differences: Vec<String>,
    /// What is other in the request than in the recorded one, or why it was not sent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    notes: Vec<String>,
}

scep::named! {
    /// What became of a request.
    Outcome, "outcome" {
        /// The answer is the recorded one in what matters.
        Same = "same";
        /// The answer is another one.
        Differs = "differs";
        /// The request was not sent.
        NotSent = "not-sent";
    }
}

/// The whole of a run.
#[derive(Debug, Serialize)]
struct Verdict {
    version: u32,
    same: usize,
    differing: usize,
    not_sent: usize,
    requests: Vec<Line>,
}

impl Sending {
    /// Sends all requests one after another.
    async fn all(mut self) -> Result<Vec<Line>, CommandError> {
        self.learn().await?;
        let enrolments = (0..self.anew.count()).filter(|index| self.anew.is_enrolment(*index));
        match enrolments.count() {
            0 => {}
            count => {
                warn(&format!(
                    "note: the server may issue up to {}",
                    counted(count, "certificate")
                ));
            }
        }
        let mut lines = Vec::new();
        for index in 0..self.anew.count() {
            lines.push(self.one(index).await?);
        }
        Ok(lines)
    }

    /// Fetches the certificates of the server, to which messages are enciphered.
    async fn learn(&mut self) -> Result<(), CommandError> {
        let ask = Operation::GetCaCert(None).to_http(Method::Get);
        let answer = self.answer(&ask).await.map_err(|reason| {
            let diagnostic = Diagnostic::general(format!("{}: GetCACert: {reason}", self.url));
            Exit::Lab.with(vec![diagnostic.note(cause_of_silence(&reason))])
        })?;
        if let Err(reason) = self.anew.learn(&answer) {
            warn(&format!(
                "warning: {}: {}; messages cannot be enciphered to it",
                self.url,
                visible(&reason)
            ));
        }
        Ok(())
    }

    async fn one(&mut self, index: usize) -> Result<Line, CommandError> {
        if self.anew.is_enrolment(index) {
            let challenge = self.pki.challenge(false).await;
            let challenge = challenge.map_err(|error| Exit::Lab.because(error))?;
            output::hide(&challenge);
            self.anew.set_challenge(challenge);
        }
        let (exchange, request) = self.anew.title(index);
        let line = Line {
            exchange,
            request,
            result: Outcome::NotSent,
            recorded: None,
            now: None,
            differences: Vec::new(),
            notes: Vec::new(),
        };
        let paused = self.pause(index).await;
        let (request, mut notes) = match self.anew.request(index) {
            Made::Request(request, notes) => (request, notes),
            Made::NotSent(reason) => return Ok(Line { notes: vec![masked(&reason)], ..line }),
        };
        notes.extend(paused);
        let held = match self.answer(&request).await {
            Ok(response) => {
                notes.extend(redirection(&response));
                self.anew.answered(index, &response)
            }
            Err(reason) => self.anew.unanswered(index, &reason.to_string()),
        };
        let Held { recorded, now, differences } = held;
        Ok(Line {
            result: if differences.is_empty() { Outcome::Same } else { Outcome::Differs },
            recorded: Some(masked(&recorded)),
            now: Some(masked(&now)),
            differences: differences.iter().map(|it| masked(it)).collect(),
            notes: notes.iter().map(|it| masked(it)).collect(),
            ..line
        })
    }

    /// Waits before a poll as the recorded client did; a note, if that was longer.
    async fn pause(&self, index: usize) -> Option<String> {
        let recorded = self.anew.pause_before(index)?;
        tokio::time::sleep(recorded.min(self.longest_pause)).await;
        let (then, now) = (apart(recorded), apart(self.longest_pause));
        let is_shorter = recorded > self.longest_pause;
        is_shorter.then(|| format!("the recorded client waited {then} before it, and here it was {now}: an approval meanwhile may be missing; `--poll-pause` waits longer"))
    }

    async fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, NoAnswer> {
        self.pki.exchange(request, "").await.map_err(NoAnswer::from).and_then(Exchanged::response)
    }
}

/// The note on an answer that leads elsewhere.
fn redirection(response: &HttpResponse) -> Option<String> {
    let location = response.location.as_ref().filter(|_| (300..400).contains(&response.status))?;
    Some(format!(
        "the server redirects to `{location}`, which is not followed: give that address to `--at` if it is the service"
    ))
}

impl Verdict {
    fn of(requests: Vec<Line>) -> Self {
        let count = |wanted| requests.iter().filter(|line| line.result == wanted).count();
        Self {
            version: VERSION,
            same: count(Outcome::Same),
            differing: count(Outcome::Differs),
            not_sent: count(Outcome::NotSent),
            requests,
        }
    }

    fn exit(&self) -> Exit {
        match (self.differing, self.not_sent) {
            (1.., _) => Exit::Failed,
            (0, 1..) => Exit::NothingSelected,
            (0, 0) if self.same == 0 => Exit::NothingSelected,
            (0, 0) => Exit::Success,
        }
    }

    /// For people.
    fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for line in &self.requests {
            lines.extend(line.in_words());
        }
        let not_sent = match self.not_sent {
            0 => String::new(),
            count => format!("; {} not sent", counted(count, "request")),
        };
        let sent = self.same + self.differing;
        lines.push(match (sent, self.differing) {
            (0, _) => format!("nothing was sent{not_sent}"),
            (_, 0) if self.not_sent > 0 => format!("the server answers as the recorded one did, as far as it was asked: {}{not_sent}", counted(sent, "request")),
            (_, 0) => format!("the server answers as the recorded one did: {}", counted(sent, "request")),
            (_, differing) => {
                format!("the server answers otherwise than the recorded one: {differing} of {}{not_sent}", counted(sent, "request"))
            }
        });
        lines
    }
}

impl Line {
    fn in_words(&self) -> Vec<String> {
        let what = match (&self.recorded, &self.now) {
            (Some(recorded), Some(now)) if recorded == now => format!(": {}", visible(now)),
            (Some(recorded), Some(now)) => {
                let words = format!(": recorded was {recorded}, now it is {now}");
                // A difference with the same words has them.
                let is_told = self.differences.iter().any(|it| it.ends_with(&words));
                if is_told { String::new() } else { visible(&words) }
            }
            _ => String::new(),
        };
        let first = format!(
            "{:>3}  {:<8}  {}{what}",
            self.exchange,
            self.result.as_str(),
            visible(&self.request)
        );
        let differences =
            self.differences.iter().map(|it| format!("               {}", visible(it)));
        let notes = self.notes.iter().map(|it| format!("               note: {}", visible(it)));
        std::iter::once(first).chain(differences).chain(notes).collect()
    }
}
