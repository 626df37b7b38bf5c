//! The step in which the client under test enrols.

use std::fs;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::pki::{ask, pki};
use super::{Answer, Attempt, Attempted, Env, Stop, bounded};
use model::lab::Secret;
use model::scenario::client::{ClientFact, ClientStep, GivenChallenge};
use testbed::Testbed;
use testbed::client::{ClientEnd, ClientOrder, ClientRun};
use testbed::pki::Pki;

/// A challenge password that no PKI of a lab takes.
const WRONG_CHALLENGE: &str = "not-the-challenge";

/// Folder that the client under test keeps from one step of a scenario to the next.
#[derive(Default)]
pub(crate) struct ClientFolder(Option<TempDir>);

impl ClientFolder {
    fn path(&mut self) -> Result<&Path, Stop> {
        if self.0.is_none() {
            let made = tempfile::Builder::new().prefix("sceplab-client-").tempdir();
            let made = made.map_err(|error| {
                Stop::Broken(format!("the client's folder cannot be made: {error}"))
            })?;
            self.0 = Some(made);
        }
        self.0.as_ref().map(TempDir::path).ok_or_else(|| Stop::Broken("no folder".to_owned()))
    }
}

impl Attempt for ClientStep {
    /// Lets the client enrol once and compares the outcome with the acceptable ones.
    async fn attempt(&self, Env { step, testbed, state }: Env<'_>) -> Result<Attempted, Stop> {
        let pki = pki(testbed, &self.pki)?;
        let client = testbed.client.as_ref().ok_or_else(|| {
            let reason = "there is no client under test; `sceplab conform-client` tries programs";
            Stop::NotSupported(reason.to_owned())
        })?;
        let order = order(pki, self, state.client.path()?).await?;
        let before = Decisions::of(pki, &self.pki).await?;
        let run = bounded(&client.name(), client.enrol(&order)).await?;
        if let ClientEnd::NotRun { reason } = &run.end {
            return Err(Stop::Broken(format!("{} cannot be run: {reason}", client.name())));
        }
        let outcome = outcome(&run.end, &before, &Decisions::of(pki, &self.pki).await?);
        let idle = unfired_at(pki, &self.pki).await?;
        if let (Some(reason), false) = (&self.skip_unless_fired, idle.is_empty()) {
            return Err(Stop::NotSupported(reason.clone()));
        }
        let answer = answer(self, &run, outcome)?;
        let request = format!("{} enrols", client.name());
        Ok(Attempted::once(step, &self.pki, request, answer, run.elapsed))
    }
}

async fn order(pki: &dyn Pki, it: &ClientStep, folder: &Path) -> Result<ClientOrder, Stop> {
    let challenge = match it.challenge {
        GivenChallenge::Right => ask(&it.pki, async { pki.scep()?.challenge(false).await }).await?,
        GivenChallenge::Wrong => Some(Secret::new(WRONG_CHALLENGE)),
        GivenChallenge::None => None,
    };
    let ca = known_ca(&ask(&it.pki, pki.ca_certificate()).await?, folder)?;
    let own = folder.join("client");
    fs::create_dir_all(&own).map_err(|error| unwritable(&own, &error))?;
    let url = ask(&it.pki, pki.url()).await?;
    Ok(ClientOrder { url, challenge, ca, folder: own, limit: it.within })
}

fn known_ca(pem: &str, folder: &Path) -> Result<PathBuf, Stop> {
    let path = folder.join("known-ca.pem");
    fs::write(&path, pem).map_err(|error| unwritable(&path, &error))?;
    Ok(path)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Stop {
    Stop::Broken(format!("`{}`: {error}", path.display()))
}

/// Counts of a CA's decisions so far.
struct Decisions {
    issued: usize,
    denied: usize,
}

impl Decisions {
    async fn of(pki: &dyn Pki, name: &str) -> Result<Self, Stop> {
        let issued = ask(name, pki.issued()).await?.len();
        Ok(Self { issued, denied: ask(name, pki.denied()).await? })
    }
}

/// Outcome from the client's exit and the CA's decisions.
fn outcome(end: &ClientEnd, before: &Decisions, after: &Decisions) -> &'static str {
    let (issued, denied) = (after.issued > before.issued, after.denied > before.denied);
    match end {
        ClientEnd::Succeeded if issued => "issued",
        ClientEnd::Succeeded => "claimed",
        ClientEnd::Overdue { .. } => "overdue",
        _ if issued => "refused",
        _ if denied => "denied",
        _ => "gave-up",
    }
}

fn answer(it: &ClientStep, run: &ClientRun, outcome: &str) -> Result<Answer, Stop> {
    let ca = match outcome {
        "issued" | "refused" => "the CA issued a certificate",
        "denied" => "the CA denied the request",
        _ => "the CA issued no certificate",
    };
    let summary = format!("{}; {ca}", run.end);
    let output = std::iter::once(summary).chain(run.output.iter().cloned());
    let output = output.collect::<Vec<_>>().join("\n");
    let value = |fact| match fact {
        ClientFact::Outcome => outcome,
    };
    let mut answer = Answer::judged(&it.acceptable, output, value, str::to_owned)?;
    if !answer.met() {
        answer.message = match outcome {
            "issued" => "the client accepts a reply that it must reject",
            "claimed" => "the client says that it has a certificate, but the CA issued none",
            "overdue" => "the client did not exit in time",
            "denied" => "the CA denies the client's request",
            "refused" => "the client rejects a reply that it must accept",
            _ => "the client gives up before the CA issues a certificate",
        };
    }
    Ok(answer)
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
