//! `sceplab conform-client`: tests a SCEP client, requirement by requirement.

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

/// The folder of the cases for clients.
const CASES: &str = "scenarios/conformance/client";

/// Number of cases that run at once for each core; clients often wait, for slow replies and between two polls.
const PER_CORE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Test a SCEP client, requirement by requirement
///
/// For each case a mock CA listens on the loopback interface, right or wrong on purpose, and your command is run. It must
/// enrol once, and end with status 0 if it has a certificate, and with another status if it has none. Placeholders in its
/// arguments are filled in; no shell reads it.
#[derive(Debug, Args)]
#[command(after_help = "\
Placeholders in the command:
  {url}        the SCEP address, http://127.0.0.1:PORT/PATH
  {challenge}  the challenge password
  {ca}         a file with the CA's certificate in PEM, to authenticate the CA
  {dir}        an empty folder, a new one for each case

Examples:
  sceplab conform-client -- sceplab enrol {url} --challenge {challenge}
  sceplab conform-client --target scenarios/targets/strongswan.yaml -- \\
      scenarios/clients/strongswan.sh {url} {challenge} {dir} {ca}
  sceplab conform-client --case attributes -v -- ./my-client {url} {challenge}
  sceplab conform-client --list

Exit codes:
  0  every MUST is met, or is a known deviation
  2  wrong usage, such as a command that cannot be run
  3  the client sends no request to the CA, or a case could not be tried
  4  a MUST is not met (with --strict: or a SHOULD)
  5  no case was selected, or all were skipped
  130  interrupted")]
pub(super) struct Arguments {
    #[command(flatten)]
    catalogue: Catalogue,
    /// A target file with the known deviations of the client
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    /// How long each run of the client may take, in seconds [default: the time that the case gives, mostly 20]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    /// How many cases run at the same time [default: `parallel` of the target file; otherwise four for each core]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Fail if a SHOULD is not met, too
    #[arg(long)]
    strict: bool,
    /// Run nothing; list the cases with requirement, level and section
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    reports: Reports,
    /// Show the output of the client for each case
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
        let probed = tokio::select! {
            probed = probe(&cases, Arc::clone(&client)) => probed,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        probed.map_err(|silent| Exit::Lab.with(vec![silent]))?;
        let report = self.run(&cases, &target, client, stop).await;
        Ok(finish(&report, self.verbose, &self.reports))
    }

    async fn run(
        &self,
        cases: &[Scenario],
        target: &Target,
        client: Arc<dyn Client>,
        stop: &StopSignals,
    ) -> ConformanceReport {
        // Each case has its own mock CA, and all have the same client.
        let driver: Arc<dyn Driver> = Arc::new(Loopback::new(client));
        let (at_once, stopped) = (self.at_once(target), stop.clone().received(1));
        let outcome = run_cases(driver, cases, at_once, self.verbose, stopped).await;
        let skipped = Vec::new();
        judge(target, End::Client, outcome, cases, skipped, self.strict, Date::today())
    }

    fn at_once(&self, target: &Target) -> NonZeroUsize {
        let default = || default_jobs().saturating_mul(PER_CORE);
        self.jobs.or(target.parallel).unwrap_or_else(default)
    }
}

/// Pause before the CA is asked again whether a request came.
const PAUSE: Duration = Duration::from_millis(5);

/// Runs the client once at a CA without faults until it sends a request, because a mistyped command must not look like a
/// client that fails.
///
/// # Errors
/// If the client ends without a request; the error has the end of its output.
async fn probe(cases: &[Scenario], client: Arc<dyn Client>) -> Result<(), Diagnostic> {
    let Some(case) = cases.iter().find_map(without_faults) else { return Ok(()) };
    let name = client.name();
    let testbed = Loopback::new(client).build(&case.lab, &case.id).await;
    let testbed = testbed.map_err(|error| Diagnostic::general(error.to_string()))?;
    let ended = tokio::select! {
        outcome = run_on(&case, &testbed) => Some(outcome),
        () = request_received(&testbed) => None,
    };
    // Both may have happened at the same time.
    let silent = if has_request(&testbed).await { None } else { ended };
    testbed.close().await;
    match silent {
        Some(outcome) => Err(no_request(&name, &outcome)),
        None => Ok(()),
    }
}

/// A case without its faults; `None` if a person must decide in it, or no client enrols.
fn without_faults(case: &Scenario) -> Option<Scenario> {
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

/// Waits until a PKI has received a request.
async fn request_received(testbed: &Testbed) {
    while !has_request(testbed).await {
        tokio::time::sleep(PAUSE).await;
    }
}

async fn has_request(testbed: &Testbed) -> bool {
    for pki in testbed.pkis.values() {
        if pki.seen().await.is_ok_and(|seen| !seen.is_empty()) {
            return true;
        }
    }
    false
}

fn no_request(name: &str, outcome: &ScenarioOutcome) -> Diagnostic {
    let message = format!("{name} sent no request to the CA: no case can be tried");
    let diagnostic = Diagnostic::general(message);
    let diagnostic = match (outcome.steps.last(), &outcome.verdict) {
        (Some(step), _) => step.output.lines().fold(diagnostic, Diagnostic::note),
        (None, Verdict::LabBroke { reason }) => diagnostic.note(reason),
        (None, _) => diagnostic,
    };
    diagnostic.note(
        "compare the command with the client's own help; `{url}`, `{challenge}`, `{ca}` and `{dir}` are placeholders \
         that are filled in",
    )
}
