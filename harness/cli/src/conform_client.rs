//! `sceplab conform-client`: what a SCEP client really does, requirement by requirement.

mod rehearsal;

use std::io;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::rehearsal::rehearse;
use super::complain;
use super::conform::catalogue::Catalogue;
use super::conform::{finish, load_target};
use super::exit::Exit;
use super::jobs::jobs;
use super::output::diagnostics;
use super::progress::Progress;
use super::reports::Reports;
use super::stop::{StopSignals, end_at_once};
use super::wiring::Loopback;
use ::report::terminal::{line, transcript};
use conformance::{Target, judge};
use diagnostics::Palette;
use model::scenario::Scenario;
use results::requirement::End;
use results::{ConformanceReport, Date};
use runner::{default_jobs, run_all};
use simulated::client::Command;
use testbed::Driver;
use testbed::client::Client;

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
    pub(super) async fn perform(&self) -> Exit {
        let stop = StopSignals::listen();
        tokio::spawn(end_at_once(stop.clone()));
        let done = if self.list {
            self.catalogue.list(CASES, End::Client)
        } else {
            self.conform(&stop).await
        };
        done.unwrap_or_else(|exit| exit)
    }

    async fn conform(&self, stop: &StopSignals) -> Result<Exit, Exit> {
        self.reports.check()?;
        let limit = self.timeout.map(Duration::from_secs);
        let client = Command::new(self.command.clone(), limit).map_err(|error| {
            complain(&error.to_string());
            Exit::Usage
        })?;
        let mut target = load_target(self.target.as_deref())?;
        if target.title.is_empty() {
            target.title = self.command.join(" ");
        }
        let cases = self.catalogue.cases(CASES, End::Client, Some(&target))?;
        let client: Arc<dyn Client> = Arc::new(client);
        let rehearsed = tokio::select! {
            rehearsed = rehearse(&cases, Arc::clone(&client)) => rehearsed,
            () = stop.clone().told(1) => return Err(Exit::Interrupted),
        };
        rehearsed.map_err(|silent| {
            diagnostics(&[silent]);
            Exit::Lab
        })?;
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
        let palette = Palette::of(&io::stdout());
        let mut progress = Progress::new(cases.len());
        let observe = progress.follow(|case| {
            let shown = || format!("{}\n\n{}", line(case, palette), transcript(case, palette));
            self.verbose.then(shown)
        });
        // Each case has its own mock CA, and all the same client.
        let driver: Arc<dyn Driver> = Arc::new(Loopback::new(client));
        let (at_once, told) = (self.at_once(target), stop.clone().told(1));
        let outcome = run_all(&driver, cases.to_vec(), at_once, told, observe).await;
        progress.end();
        let skipped = Vec::new();
        judge(target, End::Client, outcome, cases, skipped, self.strict, Date::today())
    }

    fn at_once(&self, target: &Target) -> NonZeroUsize {
        let of_target = target.parallel.and_then(NonZeroUsize::new);
        let default = || default_jobs().saturating_mul(PER_CORE);
        self.jobs.or(of_target).unwrap_or_else(default)
    }
}
