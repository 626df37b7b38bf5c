//! `sceplab conform-client`: tests a SCEP client, requirement by requirement.

mod clock;
mod exchange;
mod gate;
mod hints;
mod runs;
mod set_up;

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::gate::{Admitted, Gate};
use self::hints::hints;
use self::runs::ClientRuns;
use super::bundles::{BundleArguments, Bundles};
use super::conform::catalogue::{Cases, Catalogue};
use super::conform::{finish, load_target};
use super::exit::{CommandError, Exit};
use super::messages::{MessagesArgument, complete};
use super::output::warn;
use super::reports::Reports;
use super::secrets::keep_secret;
use super::stop::{StopSignals, end_at_once};
use super::values::jobs;
use super::wiring::Loopback;
use conformance::{Rules, Target, judge};
use model::scenario::Scenario;
use recording::Folder;
use results::requirement::End;
use results::{ConformanceReport, Date};
use runner::default_jobs;
use simulated::client::Command;
use testbed::Driver;

/// The folder of the cases for clients.
const CASES: &str = "scenarios/conformance/client";

/// Number of cases that run at once for each core; clients often wait, for slow replies and between two polls.
const PER_CORE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Test a SCEP client, requirement by requirement
///
/// For each case a mock CA listens on the loopback interface, right or wrong on purpose, and your command is run. It must
/// enrol once, and end with status 0 if it has a certificate, and with another status if it has none. Placeholders in its
/// arguments are filled in; no shell reads it. First of all the command is run at a CA that does nothing wrong: if it does not even
/// ask for a certificate there, the command is probably mistaken, and no case is tried.
///
/// Some cases move the client's clock, by libfaketime; they are skipped if the client does not go by it.
#[derive(Debug, Args)]
#[command(after_help = "\
Placeholders in the command:
  {url}        the SCEP address, http://127.0.0.1:PORT/PATH
  {challenge}  the challenge password
  {ca}         a file with the CA's certificate in PEM, to authenticate the CA
  {dir}        a folder for the client's files, a new and empty one for each case; a case of a renewal runs the command twice in it
  {{ and }}    a brace

Examples:
  sceplab conform-client -- sceplab enrol {url} --challenge {challenge}
  sceplab conform-client --target scenarios/targets/strongswan.yaml -- \\
      scenarios/clients/strongswan.sh {url} {challenge} {dir} {ca}
  sceplab conform-client --case attributes -v -- ./my-client {url} {challenge}
  sceplab conform-client --list

Exit codes:
  0  every MUST is met, or is a known deviation
  2  wrong usage, such as a command that cannot be run, or an unknown placeholder
  3  the command is probably mistaken, a case could not be tried, or the client stopped;
     or saved messages or bundles are incomplete
  4  a MUST is not met (with --strict: or a SHOULD)
  5  no case was selected, or all were skipped
  130  interrupted")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(super) struct ConformClientArguments {
    #[command(flatten)]
    catalogue: Catalogue,
    /// A target file with the known deviations of the client
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    /// How long each run of the client may take, in seconds [default: the time that the case gives, mostly 20]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..=3600))]
    timeout: Option<u64>,
    /// Judge the client even if the command seems mistaken, or fails at a CA that does nothing wrong
    #[arg(long)]
    no_gate: bool,
    /// How many runs of the client are under way at the same time; 1 if it permits no more [default: `parallel` of the target file; otherwise four for each core]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Fail if a SHOULD is not met, too
    #[arg(long)]
    strict: bool,
    /// Run nothing; list the cases with requirement, level and section
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    messages: MessagesArgument,
    #[command(flatten)]
    bundles: BundleArguments,
    #[command(flatten)]
    reports: Reports,
    /// Show the output of the client for each case, and the messages of a failure layer by layer
    #[arg(long, short)]
    verbose: bool,
    /// The client and its arguments, after `--`
    #[arg(value_name = "COMMAND", last = true, required_unless_present = "list")]
    command: Vec<String>,
}

impl ConformClientArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::spawn(end_at_once(stop.clone()));
        if self.list { self.catalogue.list(CASES, End::Client) } else { self.conform(&stop).await }
    }

    async fn conform(&self, stop: &StopSignals) -> Result<Exit, CommandError> {
        self.reports.check()?;
        let limit = self.timeout.map(Duration::from_secs);
        let client = Command::new(&self.command, limit);
        let client = Arc::new(client.map_err(|wrong| Exit::Usage.with(wrong))?);
        keep_secret("a password in the command", client.secrets());
        let mut target = load_target(self.target.as_deref())?;
        if target.title.is_empty() {
            client.shown().clone_into(&mut target.title);
        }
        let Cases { selected, known } =
            self.catalogue.cases(CASES, End::Client, Some(&mut target))?;
        self.reports.spare_inputs()?;
        let wrong_usage = |reason: String| Exit::Usage.because(reason);
        let messages = self.messages.begin([]).map_err(wrong_usage)?;
        let file = self.target.as_deref();
        let bundles = self.bundles.begin("conform-client", None, messages.as_ref(), file);
        let bundles = bundles.map_err(wrong_usage)?;
        let recorded = bundles.as_ref().map_or(messages.as_ref(), Bundles::messages).cloned();
        let gate = tokio::select! {
            gate = self.gate(&selected, &known, &client, messages.as_ref()) => gate?,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        let plain = gate.plain.clone().or_else(|| gate::plain_of(&selected, &known));
        let unshown = tokio::select! {
            unshown = clock::hindrance(&selected, plain, &client) => unshown?,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        let admitted = gate.admit(selected, &known, unshown.as_ref());
        let driver = Loopback::new(client, recorded);
        let report =
            self.run(admitted, &known, &target, (driver, bundles.as_ref()), gate.plain, stop).await;
        let bundles = bundles.map(|bundles| (bundles, &*known));
        let exit = finish(&report, self.verbose, bundles, &self.reports, stop).await;
        let exit = complete(messages.as_ref(), exit).await;
        for hint in hints(&report) {
            warn(&hint);
        }
        Ok(exit)
    }

    async fn gate(
        &self,
        cases: &[Scenario],
        all: &[Scenario],
        client: &Arc<Command>,
        messages: Option<&Folder>,
    ) -> Result<Gate, CommandError> {
        if self.no_gate {
            return Ok(Gate::default());
        }
        Gate::pass(cases, all, client, messages).await
    }

    async fn run(
        &self,
        Admitted { cases, skipped }: Admitted,
        known: &[Scenario],
        target: &Target,
        (driver, bundles): (Loopback, Option<&Bundles>),
        plain: Option<Scenario>,
        stop: &StopSignals,
    ) -> ConformanceReport {
        // Each case has its own mock CA, and all have the same client.
        let driver: Arc<dyn Driver> = Arc::new(driver);
        let run = ClientRuns {
            driver: bundles.map_or(Arc::clone(&driver), |bundles| bundles.watch(driver)),
            bundles,
            cases: &cases,
            at_once: self.at_once(target),
            is_known_to_ask: !self.no_gate,
            verbose: self.verbose,
            stop,
        };
        let (outcome, given_up) = match plain {
            Some(plain) => run.outcome_with_doubts(plain).await,
            None => (run.outcome(None).await, None),
        };
        let rules = Rules {
            target,
            end: End::Client,
            strict: self.strict,
            today: Date::today(),
            known,
            no_plain_exchange: None,
            is_no_service: false,
        };
        ConformanceReport { given_up, ..judge(&rules, outcome, &cases, skipped) }
    }

    fn at_once(&self, target: &Target) -> NonZeroUsize {
        let default = || default_jobs().saturating_mul(PER_CORE);
        self.jobs.or(target.parallel).unwrap_or_else(default)
    }
}
