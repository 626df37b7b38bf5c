//! The step in which the client under test enrols.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use files::{PrivateFolder, Readers, replace};

use super::pki::{ask, pki};
use super::{Answer, Attempt, Attempted, Env, Inconclusive, Stop, bounded};
use model::lab::Secret;
use model::scenario::client::{ClientFact, ClientStep, GivenChallenge};
use results::SkipCause;
use scep::attribute::PkiStatus;
use scep::clock::Clock;
use testbed::Testbed;
use testbed::client::{ClientEnd, ClientOrder, ClientRun};
use testbed::pki::Pki;

/// A challenge password that no PKI of a lab takes.
const WRONG_CHALLENGE: &str = "not-the-challenge";

/// The end of the first line about a run of a client that asked the CA for nothing.
pub const NO_REQUEST: &str = "it sent no request to the CA";

/// Two clocks that differ by less are the same: they are read one after the other. In milliseconds.
const SAME_MS: i64 = 2_000;

/// The beginning of the names of clients' folders.
const CLIENT_FOLDERS: &str = "sceplab-client-";

/// Number of the last lines of a client's output that show why a case was skipped.
const LINES_OF_EVIDENCE: usize = 2;

/// The client under test from one step of a scenario to the next.
#[derive(Default)]
pub(crate) struct ClientState {
    folder: Option<PrivateFolder>,
    /// True if it got a certificate in a step.
    pub(crate) has_enrolled: bool,
}

impl ClientState {
    fn path(&mut self) -> Result<&Path, Stop> {
        if self.folder.is_none() {
            let made = PrivateFolder::new(CLIENT_FOLDERS).map_err(|error| {
                Stop::Broken(format!("the client's folder cannot be made: {error}").into())
            })?;
            self.folder = Some(made);
        }
        self.folder
            .as_ref()
            .map(PrivateFolder::path)
            .ok_or_else(|| Stop::Broken("no folder".to_owned().into()))
    }
}

impl Attempt for ClientStep {
    /// Lets the client enrol once and compares the outcome with the acceptable ones.
    async fn attempt(&self, Env { step, testbed, state }: Env<'_>) -> Result<Attempted, Stop> {
        let pki = pki(testbed, &self.pki)?;
        let client = testbed.client.as_ref().ok_or_else(|| {
            let reason = "there is no client under test; `sceplab conform-client` tries programs";
            Stop::Skip(SkipCause::NotSupported, reason.to_owned())
        })?;
        let ahead_ms = ahead_of_system_ms(&testbed.clock);
        let order = order(pki, self, state.client.path()?).await?;
        let order = ClientOrder { ahead_ms, ..order };
        let before = Record::of(pki, &self.pki).await?;
        let run = bounded(&client.name(), client.enrol(&order)).await?;
        if let ClientEnd::NotRun { reason } = &run.end {
            return Err(Stop::Broken(format!("{} cannot be run: {reason}", client.name()).into()));
        }
        if let ClientEnd::Lost { reason } = &run.end {
            return Err(Stop::Broken(format!("{}: {reason}", client.name()).into()));
        }
        let ca = before.until(&Record::of(pki, &self.pki).await?);
        state.client.has_enrolled |= matches!(run.end, ClientEnd::Succeeded) && ca.issued;
        let idle = unfired_at(pki, &self.pki).await?;
        let mut answer = answer(self, &run, &ca);
        answer.inconclusive = inconclusive(self, &run, &answer, &idle);
        let request = format!("{} enrols", client.name());
        Ok(Attempted::once(step, &self.pki, request, answer, run.elapsed))
    }
}

/// Why the run of a client proves nothing: an outcome says so, or a fault did not happen.
fn inconclusive(
    it: &ClientStep,
    run: &ClientRun,
    answer: &Answer,
    idle: &[String],
) -> Option<Inconclusive> {
    let stated = answer.inconclusive.clone();
    let reason = match (&it.skip_unless_fired, &stated) {
        _ if idle.is_empty() => None,
        (Some(reason), _) => Some(reason.as_str()),
        (None, Some(_)) => Some("the client ended before the fault of this case happened"),
        (None, None) => None,
    };
    let said = evidence(&answer.output, run);
    match (reason, stated) {
        (Some(reason), _) => Some(Inconclusive {
            because: SkipCause::FaultNotMet,
            reason: reason.to_owned(),
            seen: said.chain(idle.iter().map(|rule| format!("`{rule}` did not happen"))).collect(),
        }),
        (None, Some(mut stated)) => {
            stated.seen.extend(said);
            Some(stated)
        }
        (None, None) => None,
    }
}

/// The first line of the answer, and what the client said last: to its standard error, or else to its standard output.
fn evidence(output: &str, run: &ClientRun) -> impl Iterator<Item = String> {
    let last = run.last_lines(LINES_OF_EVIDENCE).into_iter().map(|line| line.trim().to_owned());
    output.lines().next().map(str::to_owned).into_iter().chain(last)
}

async fn order(pki: &dyn Pki, it: &ClientStep, folder: &Path) -> Result<ClientOrder, Stop> {
    let challenge = match it.challenge {
        GivenChallenge::Right => ask(&it.pki, async { pki.scep()?.challenge(false).await }).await?,
        GivenChallenge::Wrong => Some(Secret::new(WRONG_CHALLENGE)),
        GivenChallenge::None => None,
    };
    let ca = known_ca(&ask(&it.pki, pki.ca_certificate()).await?, folder)?;
    let own = folder.join("client");
    let mut making = DirBuilder::new();
    making.recursive(true).mode(0o700).create(&own).map_err(|error| unwritable(&own, &error))?;
    let url = ask(&it.pki, pki.url()).await?;
    Ok(ClientOrder { url, challenge, ca, folder: own, limit: it.within, ahead_ms: 0 })
}

/// How far the lab's clock is ahead of that of the system, in milliseconds; zero if it goes on as that does.
fn ahead_of_system_ms(clock: &Clock) -> i64 {
    let ahead = clock.ahead_of_system_ms();
    if ahead.abs() < SAME_MS { 0 } else { ahead }
}

fn known_ca(pem: &str, folder: &Path) -> Result<PathBuf, Stop> {
    let path = folder.join("known-ca.pem");
    replace(&path, pem.as_bytes(), Readers::Owner).map_err(|error| unwritable(&path, &error))?;
    Ok(path)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Stop {
    Stop::Broken(format!("`{}`: {error}", path.display()).into())
}

/// Counts of what a CA has received and decided so far.
struct Record {
    requests: usize,
    /// True if the last answer was PENDING.
    is_pending: bool,
    issued: usize,
    denied: usize,
}

impl Record {
    async fn of(pki: &dyn Pki, name: &str) -> Result<Self, Stop> {
        let seen = ask(name, pki.seen()).await?;
        Ok(Self {
            requests: seen.len(),
            is_pending: seen.last().is_some_and(|last| last.status == Some(PkiStatus::Pending)),
            issued: ask(name, pki.issued()).await?.len(),
            denied: ask(name, pki.denied()).await?,
        })
    }

    fn until(&self, later: &Self) -> Decisions {
        Decisions {
            asked: later.requests > self.requests,
            is_pending: later.requests > self.requests && later.is_pending,
            issued: later.issued > self.issued,
            denied: later.denied > self.denied,
            issued_before: self.issued > 0,
        }
    }
}

/// What the CA received and decided during a run of the client.
#[expect(clippy::struct_excessive_bools, reason = "independent observations")]
struct Decisions {
    asked: bool,
    /// True if the last answer was PENDING, although a certificate may be ready.
    is_pending: bool,
    issued: bool,
    denied: bool,
    issued_before: bool,
}

impl Decisions {
    fn in_words(&self) -> &'static str {
        match self {
            Self { is_pending: true, .. } => "the CA's last answer was PENDING",
            Self { issued: true, .. } => "the CA issued a certificate",
            Self { denied: true, .. } => "the CA denied the request",
            Self { asked: false, .. } => NO_REQUEST,
            _ => "the CA issued no certificate",
        }
    }
}

/// Outcome from the client's exit and the CA's decisions.
fn outcome(end: &ClientEnd, ca: &Decisions) -> &'static str {
    match end {
        ClientEnd::Succeeded if ca.issued => "issued",
        ClientEnd::Succeeded if ca.issued_before => "kept",
        ClientEnd::Succeeded => "claimed",
        ClientEnd::Overdue { .. } => "overdue",
        ClientEnd::Crashed { .. } => "crashed",
        _ if ca.issued => "refused",
        _ if ca.denied => "denied",
        _ if ca.asked => "gave-up",
        _ => "silent",
    }
}

fn answer(it: &ClientStep, run: &ClientRun, ca: &Decisions) -> Answer {
    let outcome = outcome(&run.end, ca);
    let summary = format!("{}; {}", run.end, ca.in_words());
    let output = std::iter::once(summary).chain(run.output.iter().cloned());
    let output = output.collect::<Vec<_>>().join("\n");
    let value = |fact| match fact {
        ClientFact::Outcome => Some(outcome),
    };
    let mut answer = Answer::judged(&it.acceptable, output, value, |text| Some(text.to_owned()));
    if !answer.met() {
        answer.message = match outcome {
            "issued" => "the client accepts a reply that it must reject",
            "claimed" => "the client says that it has a certificate, but the CA issued none",
            "kept" => "the client keeps its certificate, and gets no new one",
            "overdue" => "the client did not exit in time",
            "crashed" => "the client crashes",
            "denied" => "the CA denies the client's request",
            "refused" if ca.is_pending => {
                "the client ends with an error while its request is pending"
            }
            "refused" => "the client fails although the CA issued a certificate",
            "silent" => "the client sends no request to the CA",
            _ => "the client gives up before the CA issues a certificate",
        };
    }
    answer
}

/// The configured faults of all PKIs that did not happen.
pub(crate) async fn unfired(testbed: &Testbed) -> Result<Vec<String>, Stop> {
    let mut all = Vec::new();
    for (name, pki) in &testbed.pkis {
        all.extend(unfired_at(pki.as_ref(), name).await?);
    }
    Ok(all)
}

async fn unfired_at(pki: &dyn Pki, name: &str) -> Result<Vec<String>, Stop> {
    let faults = ask(name, pki.faults()).await?;
    let idle = faults.into_iter().filter(|count| count.fired == 0);
    Ok(idle.map(|count| count.rule).collect())
}
