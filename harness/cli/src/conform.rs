//! `sceplab conform`: tests a SCEP server, requirement by requirement.

pub(super) mod catalogue;
pub(super) mod challenges;
mod discovery;

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;

use self::catalogue::Catalogue;
use self::challenges::ChallengeArguments;
use super::exit::{CommandError, Exit};
use super::output::{complain, say, warn};
use super::progress::Progress;
use super::reports::Reports;
use super::stop::{StopSignals, end_at_once};
use super::values::jobs;
use super::wiring::{Challenges, LivePki};
use ::report::conformance::{case_line, explanation, issued, requirements};
use ::report::terminal::{line, summary, transcript_before_explanation};
use conformance::{Budget, OnePki, Plan, Target, judge};
use diagnostics::{Palette, counted};
use model::scenario::Scenario;
use model::scep_url::ScepUrl;
use results::requirement::End;
use results::{ConformanceReport, Date, Outcome};
use runner::run_all;
use testbed::pki::Pki;
use testbed::{Driver, ReceivedLog};

/// The folder of the cases for servers.
const CASES: &str = "scenarios/conformance/server";

/// Default number of cases that run at once; few, because others use the PKI, too.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Test a SCEP server, requirement by requirement
///
/// Each case sends a few requests, right or wrong on purpose, and compares the replies with what RFC 8894 allows.
/// Cases make the server issue certificates, and use up challenge passwords: --dry-run shows how many, and the certificates
/// are listed at the end. Requests that could disturb a server are sent with --allow-disruptive only.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab conform http://127.0.0.1:8080/scep --challenge-file password.txt
  sceplab conform http://pki.example.com/scep --dry-run
  sceplab conform http://ndes.example.com/certsrv/mscep/mscep.dll \\
      --ndes-admin http://ndes.example.com/certsrv/mscep_admin/ \\
      --admin-user enroller --admin-password-file password.txt \\
      --target scenarios/targets/ndes.yaml --report markdown=ndes.md
  sceplab conform --list
  sceplab conform --coverage

Exit codes:
  0  every MUST is met, or is a known deviation
  2  wrong usage, or an invalid file
  3  the server cannot be reached or stopped answering, or a case could not be tried
  4  a MUST is not met (with --strict: or a SHOULD)
  5  no case was selected, or all were skipped
  130  interrupted")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(super) struct Arguments {
    /// The SCEP address of the server, such as `http://pki.example.com/scep`; needed unless a target file has it
    #[arg(value_name = "URL", required_unless_present_any = ["list", "coverage", "target"])]
    url: Option<ScepUrl>,
    #[command(flatten)]
    catalogue: Catalogue,
    /// A target file: the URL, CA fingerprint, capabilities and known deviations of the server
    #[arg(long, value_name = "FILE")]
    target: Option<PathBuf>,
    #[command(flatten)]
    challenges: ChallengeArguments,
    /// Maximum number of certificates that may be issued; further cases are skipped [default: no limit]
    #[arg(long, value_name = "N")]
    max_certificates: Option<usize>,
    /// The subject of requests, if the case does not name one; an `n` in braces becomes a different number each time
    #[arg(long, value_name = "NAME", value_parser = subject, default_value = "CN=sceplab-{n}")]
    subject: String,
    /// Also send requests that could disturb a server, such as noise
    #[arg(long)]
    allow_disruptive: bool,
    /// Maximum number of requests per second, such as 5 or 0.5 [default: no limit]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// How long the server may take for one reply, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// How many cases run at the same time [default: `parallel` of the target file; otherwise 4, or 1 with --ndes-admin]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Fail if a SHOULD is not met, too
    #[arg(long)]
    strict: bool,
    /// Send nothing; print the cases that would run, and how many certificates and passwords they would use
    #[arg(long)]
    dry_run: bool,
    /// Send nothing; list the cases with requirement, level and section
    #[arg(long)]
    list: bool,
    /// Send nothing; print a Markdown table of all requirements with their cases
    #[arg(long)]
    coverage: bool,
    #[command(flatten)]
    reports: Reports,
    /// Show the requests and replies of each case
    #[arg(long, short)]
    verbose: bool,
}

/// Reads a subject that may contain `{n}`.
fn subject(text: &str) -> Result<String, String> {
    let name = scep::name::parse(&text.replace("{n}", "00000000"));
    name.map(|_| text.to_owned()).map_err(|error| error.to_string())
}

/// Reads a number of requests per second.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| "it takes a number of requests per second")?;
    if rate.is_finite() && rate >= 0.1 { Ok(rate) } else { Err("the minimum is 0.1".to_owned()) }
}

impl Arguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::spawn(end_at_once(stop.clone()));
        if self.coverage {
            self.catalogue.coverage()
        } else if self.list {
            self.catalogue.list(CASES, End::Server)
        } else {
            self.conform(&stop).await
        }
    }

    async fn conform(&self, stop: &StopSignals) -> Result<Exit, CommandError> {
        self.reports.check()?;
        let target = load_target(self.target.as_deref())?;
        let url = self.url(&target)?;
        let cases = self.catalogue.cases(CASES, End::Server, Some(&target))?;
        let given = self.challenges.read().map_err(|reason| Exit::Usage.because(reason))?;
        let budget = Budget {
            certificates: self.max_certificates,
            challenges: given.count,
            disruptive: self.allow_disruptive,
        };
        let has_no_challenge = matches!(given.challenges, Challenges::None);
        let plan = Plan::of(cases, budget);
        if self.dry_run {
            show_plan(&plan, &url);
            return Ok(Exit::Success);
        }
        let pki = Arc::new(LivePki::new(
            url.clone(),
            given.challenges,
            Duration::from_secs(self.timeout),
            self.rate,
        ));
        let discovered = tokio::select! {
            discovered = discovery::discover(&*pki, &url, &target) => discovered,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        let discovered = discovered.map_err(|reason| Exit::Lab.because(reason))?;
        warn(&discovered.join("\n"));
        warn(&cost(&plan));
        if has_no_challenge {
            warn(
                "warning: no challenge password is given; a PKI that requires one will refuse every request (`--challenge-file`)",
            );
        }
        let mut report = self.run(plan, target, &url, &pki, stop).await;
        report.discovered = discovered;
        Ok(finish(&report, self.verbose, &self.reports))
    }

    fn url(&self, target: &Target) -> Result<ScepUrl, CommandError> {
        match (&self.url, &target.url) {
            (Some(url), _) => Ok(url.clone()),
            (None, Some(url)) => {
                url.parse().map_err(|error| Exit::Usage.because(format!("`{url}`: {error}")))
            }
            (None, None) => Err(Exit::Usage
                .because("the target file has no `url`: add one, or give the URL as an argument")),
        }
    }

    fn at_once(&self, target: &Target) -> NonZeroUsize {
        // An NDES keeps five unused passwords at most.
        let default = if self.challenges.are_fetched() { NonZeroUsize::MIN } else { AT_ONCE };
        self.jobs.or(target.parallel).unwrap_or(default)
    }

    async fn run(
        &self,
        plan: Plan,
        mut target: Target,
        url: &ScepUrl,
        pki: &Arc<LivePki>,
        stop: &StopSignals,
    ) -> ConformanceReport {
        let Plan { run, skipped } = plan;
        let cases: Vec<_> = run.into_iter().map(|planned| planned.case).collect();
        let received = ReceivedLog::default();
        let one: Arc<dyn Pki> = Arc::<LivePki>::clone(pki);
        let driver: Arc<dyn Driver> = Arc::new(OnePki {
            pki: one,
            subject: self.subject.clone(),
            received: received.clone(),
        });
        let (stopped, mut given_up) = (stop.clone().received(1), None);
        let ended = async {
            tokio::select! {
                () = stopped => {}
                reason = pki.became_unresponsive() => given_up = Some(reason),
            }
        };
        let mut outcome =
            run_cases(driver, &cases, self.at_once(&target), self.verbose, ended).await;
        outcome.interrupted &= given_up.is_none();
        target.title = if target.title.is_empty() { url.to_string() } else { target.title };
        let today = Date::today();
        let mut report = judge(&target, End::Server, outcome, &cases, skipped, self.strict, today);
        report.given_up = given_up;
        (report.issued, report.challenges) = (received.entries(), pki.challenges_given());
        report
    }
}

/// Reads a target file; without one, nothing is known of the target.
pub(super) fn load_target(path: Option<&Path>) -> Result<Target, CommandError> {
    Ok(path.map(Target::load).transpose()?.unwrap_or_default())
}

/// Runs cases, and shows the requests and replies of each if `verbose`.
pub(super) async fn run_cases(
    driver: Arc<dyn Driver>,
    cases: &[Scenario],
    at_once: NonZeroUsize,
    verbose: bool,
    ended: impl Future<Output = ()>,
) -> Outcome {
    let palette = Palette::of(&io::stdout());
    let mut progress = Progress::new(cases.len());
    let observe = progress.follow(|case| {
        let shown = || {
            format!("{}\n\n{}", line(case, palette), transcript_before_explanation(case, palette))
        };
        verbose.then(shown)
    });
    let outcome = run_all(&driver, cases.to_vec(), at_once, ended, observe).await;
    progress.end();
    outcome
}

/// Shows a line for each case, the failures, the issued certificates and a summary; and writes the reports. If `verbose`,
/// known deviations are explained like failures.
pub(super) fn finish(found: &ConformanceReport, verbose: bool, reports: &Reports) -> Exit {
    let palette = Palette::of(&io::stdout());
    for case in &found.cases {
        say(&case_line(case, palette));
    }
    for explanation in found.cases.iter().filter_map(|case| explanation(case, verbose, palette)) {
        say(&format!("\n{explanation}"));
    }
    let issued = issued(found);
    if !issued.is_empty() {
        say(&format!("\n{}", issued.join("\n")));
    }
    say(&format!("\n{}", requirements(found)));
    say(&format!("\n{}", summary(found, palette)));
    if let Some(reason) = &found.given_up {
        complain(reason);
    }
    reports.write(found, Exit::of_peer(found))
}

fn cost(plan: &Plan) -> String {
    format!(
        "{}; at most {} will be issued and {} used",
        counted(plan.run.len(), "case"),
        counted(plan.certificates(), "certificate"),
        counted(plan.challenges(), "challenge password")
    )
}

fn show_plan(plan: &Plan, url: &ScepUrl) {
    say(&format!("would be sent to {url}:"));
    for planned in &plan.run {
        let what = match (planned.certificates, planned.challenges) {
            (0, 0) => String::new(),
            (certificates, 0) => format!("  (certificates: {certificates})"),
            (certificates, challenges) => {
                format!("  (certificates: {certificates}, challenge passwords: {challenges})")
            }
        };
        say(&format!("  {}{what}", planned.case.id));
    }
    for (case, reason) in &plan.skipped {
        say(&format!("  {}  skipped: {reason}", case.id));
    }
    say(&cost(plan));
}
