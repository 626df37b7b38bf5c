//! `sceplab conform`: tests a SCEP server, requirement by requirement.

pub(super) mod catalogue;
pub(super) mod challenges;
pub(super) mod discovery;
mod doubts;
mod end;
mod identity;
mod outage;
mod plan;
mod run;
mod trial;

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use redact::Masker;

use self::catalogue::{Cases, Catalogue};
use self::challenges::ChallengeArguments;
use self::discovery::Discovered;
pub(super) use self::doubts::Doubts;
pub(super) use self::run::{finish, run_cases};
use self::trial::Trial;
use super::access_arguments::AccessArguments;
use super::bundles::{BundleArguments, Bundles};
use super::exit::{CommandError, Exit};
use super::messages::{MessagesArgument, complete};
use super::output::{hide, say, warn, warnings};
use super::reports::Reports;
use super::stop::{StopSignals, end_at_once};
use super::values::{jobs, scep_url};
use super::wiring::{Challenges, LivePki};
use conformance::{Budget, Password, Plan, Rules, Target};
use model::scep_url::ScepUrl;
use results::Date;
use results::requirement::End;
use scep::clock::Clock;

/// The folder of the cases for servers.
const CASES: &str = "scenarios/conformance/server";

/// The name of what is exchanged outside of the cases, such as the first questions.
const OUTSIDE: &str = "outside-of-the-cases";

/// Default number of cases that run at once; few, because others use the PKI, too.
const AT_ONCE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Test a SCEP server, requirement by requirement
///
/// Each case sends a few requests, right or wrong on purpose, and compares the replies with what RFC 8894 allows.
/// If a selected case sends messages, the plain right request, `enrolment/pkcs-req`, is sent first. If it fails and the cause
/// is probably the set-up, such as a wrong password, no case is judged.
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
  3  no SCEP service answers, it refuses the plain request, or it stopped during the run;
     or saved messages or bundles are incomplete
  4  a MUST is not met (with --strict: or a SHOULD), or the server was gone after a request
  5  no case was selected, or all were skipped
  130  interrupted")]
#[expect(clippy::struct_excessive_bools, reason = "independent switches of a command line")]
pub(super) struct ConformArguments {
    /// The SCEP address of the server, such as `http://pki.example.com/scep`; needed unless a target file has it
    #[arg(value_name = "URL", value_parser = scep_url(), required_unless_present_any = ["list", "coverage", "target"])]
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
    /// Also send the challenge password so that others can read it: in the clear, and enciphered with single DES
    #[arg(long)]
    reveal_challenge: bool,
    /// Maximum number of requests per second, such as 5 or 0.5 [default: no limit]
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
    /// How long the server may take for one reply, in seconds; after three messages without a reply, a server that answers others
    /// quickly has four times as long as its slowest reply took, but at least 2 seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..=300))]
    timeout: u64,
    /// How many cases run at the same time; requests are sent one by one, so that one that ends the server is known [default: `parallel` of the target file; otherwise 4, or 1 with --ndes-admin]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Go on if the server is no SCEP service or refuses the plain request; only cases that need no granted request are
    /// judged then
    #[arg(long)]
    no_gate: bool,
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
    access: AccessArguments,
    #[command(flatten)]
    messages: MessagesArgument,
    #[command(flatten)]
    bundles: BundleArguments,
    #[command(flatten)]
    reports: Reports,
    /// Show the requests and replies of each case, and the messages of a failure layer by layer
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

impl ConformArguments {
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
        let given = tokio::select! {
            given = self.challenges.read() => given.map_err(|reason| Exit::Usage.because(reason))?,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        // Mistakes in the files below are shown without them.
        hide(&given.secrets);
        let mut target = load_target(self.target.as_deref())?;
        let url = self.url(&target)?;
        let Cases { selected, known } =
            self.catalogue.cases(CASES, End::Server, Some(&mut target))?;
        let has_no_challenge = matches!(given.challenges, Challenges::None);
        let budget = Budget {
            certificates: self.max_certificates,
            challenges: given.count,
            disruptive: self.allow_disruptive,
            shares_challenge: matches!(given.challenges, Challenges::One(_)),
            reveals_challenge: self.reveal_challenge || has_no_challenge,
        };
        self.reports.spare_inputs()?;
        let plan = Plan::of(selected, &known, budget);
        if self.dry_run {
            plan::show(&plan, &url, has_no_challenge);
            return Ok(Exit::Success);
        }
        let password = password(&given.challenges);
        given.keep_secret();
        let limit = Duration::from_secs(self.timeout);
        let access = self.access.access(self.challenges.urls(&url)).await?;
        let caution = access.warning();
        let pki = LivePki::new(url.clone(), given.challenges, limit, self.rate);
        let pki = pki.through(access).watched();
        let wrong_usage = |reason: String| Exit::Usage.because(reason);
        let messages = self.messages.begin([]).map_err(wrong_usage)?;
        let file = self.target.as_deref();
        let bundles = self.bundles.begin("conform", None, messages.as_ref(), file);
        let bundles = bundles.map_err(wrong_usage)?;
        // What is asked outside of the cases.
        let folder = messages.as_ref();
        let recorder = folder.and_then(|folder| folder.recorder(OUTSIDE, Clock::system()));
        let pki = Arc::new(match recorder {
            Some(recorder) => pki.with_recorder(recorder),
            None => pki,
        });
        let mut discovered = self.discover(&pki, &url, &target, stop).await?;
        let masker = Masker::new(given.secrets.iter().cloned());
        discovered.lines = masker.lines(&discovered.lines);
        say(&discovered.lines.join("\n"));
        warn(&plan::cost(&plan, has_no_challenge));
        if target.title.is_empty() {
            target.title = url.to_string();
        }
        let settings = trial::Settings {
            subject: self.subject.clone(),
            at_once: self.at_once(&target),
            no_gate: self.no_gate,
            verbose: self.verbose,
            secrets: given.secrets,
            may_repeat: self.max_certificates.is_none(),
            ca: std::mem::take(&mut discovered.ca),
            messages: bundles.as_ref().map_or(messages.as_ref(), Bundles::messages).cloned(),
        };
        let rules = Rules {
            target: &target,
            end: End::Server,
            strict: self.strict,
            today: Date::today(),
            known: &known,
            no_plain_exchange: None,
            is_no_service: discovered.no_service.is_some(),
        };
        let trial = Trial::new(settings, Arc::clone(&pki), bundles.as_ref(), stop);
        let (mut report, refusal) = trial.run(plan, password, rules).await?;
        report.discovered = discovered.lines;
        report.caution = caution.map(str::to_owned);
        if let Some(outages) = outage::in_words(&pki.outages()) {
            warn(&format!("warning: {outages}"));
            report.discovered.push(masker.text(&format!("outages       {outages}")));
        }
        let exit =
            finish(&report, self.verbose, bundles.map(|it| (it, &*known)), &self.reports, stop)
                .await;
        let exit = complete(messages.as_ref(), exit).await;
        if let Some(refusal) = refusal {
            warnings(&[refusal]);
        }
        Ok(exit)
    }

    /// Asks for capabilities and certificates; the error is that the server cannot be tested.
    async fn discover(
        &self,
        pki: &LivePki,
        url: &ScepUrl,
        target: &Target,
        stop: &StopSignals,
    ) -> Result<Discovered, CommandError> {
        let discovered = tokio::select! {
            discovered = discovery::discover(pki, url, target) => discovered,
            () = stop.clone().received(1) => return Err(Exit::Interrupted.into()),
        };
        let discovered = discovered.map_err(|wrong| Exit::Lab.with(vec![wrong]))?;
        match &discovered.no_service {
            Some(diagnostic) if !self.no_gate => Err(Exit::Lab.with(vec![diagnostic.clone()])),
            _ => Ok(discovered),
        }
    }

    fn url(&self, target: &Target) -> Result<ScepUrl, CommandError> {
        let url = self.url.as_ref().or(target.url.as_ref());
        let without = "the target file has no `url`: add one, or give the URL as an argument";
        url.cloned().ok_or_else(|| Exit::Usage.because(without))
    }

    fn at_once(&self, target: &Target) -> NonZeroUsize {
        // An NDES keeps five unused passwords at most.
        let default = if self.challenges.are_fetched() { NonZeroUsize::MIN } else { AT_ONCE };
        self.jobs.or(target.parallel).unwrap_or(default)
    }
}

/// What is known about the challenge password.
fn password(challenges: &Challenges) -> Password {
    match challenges {
        Challenges::None => Password::Missing,
        Challenges::Ndes(_) => Password::Fetched,
        Challenges::One(_) | Challenges::OneTime(_) => Password::Given,
    }
}

/// Reads a target file; without one, nothing is known of the target.
pub(super) fn load_target(path: Option<&Path>) -> Result<Target, CommandError> {
    Ok(path.map(Target::load).transpose()?.unwrap_or_default())
}
