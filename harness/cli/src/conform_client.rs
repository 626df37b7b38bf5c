//! `sceplab conform-client`: what a SCEP client really does, requirement by requirement.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use super::conform::catalogue::Catalogue;
use super::conform::{finish, load_target, run_cases};
use super::exit::{CommandError, Exit};
use super::reports::Reports;
use super::stop::{StopSignals, end_at_once};
use super::values::jobs;
use super::wiring::Loopback;
use conformance::{Target, judge};
use diagnostics::Diagnostic;
use mock_ca::Approval;
use model::scenario::client::{ClientStep, GivenChallenge};
use model::scenario::{Action, Scenario, Step};
use results::requirement::End;
use results::{ConformanceReport, Date, ScenarioOutcome, Verdict};
use runner::{default_jobs, run_on};
use simulated::client::Command;
use testbed::client::Client;
use testbed::{Driver, Testbed};

/// Where the cases for clients are looked for.
const CASES: &str = "scenarios/conformance/client";

/// How many cases run at once for each core: clients wait, for slow answers and between two polls.
const PER_CORE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Test what a SCEP client really does, requirement by requirement
///
/// For each case a mock CA listens on the loopback interface, right or wrong on purpose, and the
/// command is run. It is to enrol once, and to end with status 0 when it has a certificate, and
/// with another when it has none. No shell reads the command; in its arguments these are filled in:
///
///   {url}        the SCEP address, http://127.0.0.1:PORT/PATH
///   {challenge}  the challenge password
///   {ca}         a file with the CA's certificate in PEM, to authenticate the CA by
///   {dir}        a folder of its own for each case, empty at first
#[derive(Debug, Args)]
#[command(
    verbatim_doc_comment,
    after_help = "\
Examples:
  sceplab conform-client -- sceplab enrol {url} --challenge {challenge}
  sceplab conform-client --target scenarios/targets/strongswan.yaml -- \\
      scenarios/clients/strongswan.sh {url} {challenge} {dir} {ca}
  sceplab conform-client --case attributes -v -- ./my-client {url} {challenge}
  sceplab conform-client --list

Exit codes:
  0  every MUST is met, or is a known deviation
  2  wrong usage, such as a command that cannot be run
  3  the client asks the CA nothing, or a case could not be tried
  4  a MUST is not met (with --strict: or a SHOULD)"
)]
pub(super) struct Arguments {
    #[command(flatten)]
    catalogue: Catalogue,
    /// What is known of the client: its deviations
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    /// How long each run of the client may take, in seconds [default: what the case says, 20 as a rule]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    /// How many cases run at once [default: four for each core, or what the target file says]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Let SHOULD decide the exit code as MUST does
    #[arg(long)]
    strict: bool,
    /// Show every case with its requirement, level and section, and run nothing
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    reports: Reports,
    /// Show what the client said for each case
    #[arg(long, short)]
    verbose: bool,
    /// The client and its arguments, after `--`
    #[arg(value_name = "COMMAND", last = true, required_unless_present = "list")]
    command: Vec<String>,
}

impl Arguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::spawn(end_at_once(stop.clone()));
        if self.list { self.catalogue.list(CASES, End::Client) } else { self.conform(&stop).await }
    }

    async fn conform(&self, stop: &StopSignals) -> Result<Exit, CommandError> {
        self.reports.check()?;
        let limit = self.timeout.map(Duration::from_secs);
        let client = Command::new(self.command.clone(), limit);
        let client = client.map_err(|error| Exit::Usage.because(error))?;
        let mut target = load_target(self.target.as_deref())?;
        if target.title.is_empty() {
            target.title = self.command.join(" ");
        }
        let cases = self.catalogue.cases(CASES, End::Client, Some(&target))?;
        let client: Arc<dyn Client> = Arc::new(client);
        let rehearsed = tokio::select! {
            rehearsed = rehearse(&cases, Arc::clone(&client)) => rehearsed,
            () = stop.clone().told(1) => return Err(Exit::Interrupted.into()),
        };
        rehearsed.map_err(|silent| Exit::Lab.with(vec![silent]))?;
        let report = self.run(&cases, &target, client, stop).await;
        Ok(finish(&report, &self.reports))
    }

    async fn run(
        &self,
        cases: &[Scenario],
        target: &Target,
        client: Arc<dyn Client>,
        stop: &StopSignals,
    ) -> ConformanceReport {
        // Each case has its own mock CA, and all the same client.
        let driver: Arc<dyn Driver> = Arc::new(Loopback::new(client));
        let (at_once, told) = (self.at_once(target), stop.clone().told(1));
        let outcome = run_cases(driver, cases, at_once, self.verbose, told).await;
        let skipped = Vec::new();
        judge(target, End::Client, outcome, cases, skipped, self.strict, Date::today())
    }

    fn at_once(&self, target: &Target) -> NonZeroUsize {
        let default = || default_jobs().saturating_mul(PER_CORE);
        self.jobs.or(target.parallel).unwrap_or_else(default)
    }
}

/// How often the CA is asked whether anything came.
const PAUSE: Duration = Duration::from_millis(5);

/// Lets the client enrol at a CA that does nothing wrong, until it asks that CA anything: a mistyped command must not look
/// like a client that fails.
///
/// # Errors
/// What the client did instead, with the last of what it said.
async fn rehearse(cases: &[Scenario], client: Arc<dyn Client>) -> Result<(), Diagnostic> {
    let Some(rehearsal) = cases.iter().find_map(rehearsal) else { return Ok(()) };
    let name = client.name();
    let testbed = Loopback::new(client).build(&rehearsal.lab, &rehearsal.id).await;
    let testbed = testbed.map_err(|error| Diagnostic::general(error.to_string()))?;
    let done = tokio::select! {
        outcome = run_on(&rehearsal, &testbed) => Some(outcome),
        () = asked(&testbed) => None,
    };
    // Both may have happened at once.
    let silent = if has_been_asked(&testbed).await { None } else { done };
    testbed.close().await;
    match silent {
        Some(outcome) => Err(never_asked(&name, &outcome)),
        None => Ok(()),
    }
}

/// A case as it is with nothing wrong, and nobody to wait for; `None` where it lets no client enrol.
fn rehearsal(case: &Scenario) -> Option<Scenario> {
    let mut lab = case.lab.clone();
    if lab.pkis.values().any(|pki| pki.approval != Approval::Automatic) {
        return None;
    }
    lab.pkis.values_mut().for_each(|pki| pki.faults.clear());
    let enrols = |step: &Step| match &step.action {
        Action::Client(client) => {
            let client = ClientStep {
                challenge: GivenChallenge::Right,
                skip_unless_fired: None,
                ..ClientStep::clone(client)
            };
            Some(Step { action: Action::Client(Box::new(client)), ..step.clone() })
        }
        _ => None,
    };
    let step = case.steps.iter().find_map(enrols)?;
    Some(Scenario { lab, steps: vec![step], ..case.clone() })
}

/// Waits until a request came.
async fn asked(testbed: &Testbed) {
    while !has_been_asked(testbed).await {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn has_been_asked(testbed: &Testbed) -> bool {
    for pki in testbed.pkis.values() {
        if pki.seen().await.is_ok_and(|seen| !seen.is_empty()) {
            return true;
        }
    }
    false
}

fn never_asked(name: &str, outcome: &ScenarioOutcome) -> Diagnostic {
    let message = format!("{name} asked the CA nothing: no case can be tried");
    let diagnostic = Diagnostic::general(message);
    let diagnostic = match (outcome.steps.last(), &outcome.verdict) {
        (Some(step), _) => step.output.lines().fold(diagnostic, Diagnostic::note),
        (None, Verdict::LabBroke { reason }) => diagnostic.note(reason),
        (None, _) => diagnostic,
    };
    diagnostic.note(
        "compare the command with what the client's own help says; `{url}`, `{challenge}`, `{ca}` and \
         `{dir}` stand for what it is to be told",
    )
}
