//! `sceplab run`: runs scenarios and shows their results.

use std::io;
use std::num::NonZeroUsize;
use std::sync::{Arc, OnceLock};

use clap::Args;

use super::bundles::{BundleArguments, Bundles};
use super::exit::{CommandError, Exit};
use super::lab_arguments::LabArguments;
use super::live::{LiveArguments, announce_restoring, report_restored};
use super::messages::complete;
use super::output::{self, say, warn};
use super::progress::Progress;
use super::reports::Reports;
use super::select::Selection;
use super::stop::{StopSignals, end_at_once_and_warn, settle};
use super::values::jobs;
use super::wiring::{self, Targets};
use ::report::terminal;
use diagnostics::Palette;
use model::scenario::Scenario;
use recording::Folder;
use results::Outcome;
use runner::{default_jobs, run_all};
use testbed::{Driver, DriverName, KeptLab};

/// Run scenarios
///
/// The output has a line for each scenario, then an explanation of each failure, then a summary.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab run
  sceplab run scenarios --tag documented --report junit=report.xml
  sceplab run scenarios/scep/linux-pki.yaml -v
  sceplab run scenarios/scep/linux-pki.yaml --driver live --lab my-lab.yaml

Exit codes:
  0  all passed or were skipped
  2  wrong usage, or an invalid file
  3  a lab could not be built or broke, a device could not be restored,
     or captures, saved messages or bundles are incomplete
  4  a scenario failed
  5  nothing was selected, or you answered no
  130  interrupted")]
pub(super) struct RunArguments {
    #[command(flatten)]
    selection: Selection,
    #[command(flatten)]
    lab: LabArguments,
    /// How many scenarios run at the same time [default: the number of cores]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    bundles: BundleArguments,
    #[command(flatten)]
    reports: Reports,
    /// Show each step's command and output, and the messages of a failure layer by layer
    #[arg(long, short)]
    verbose: bool,
    #[command(flatten)]
    live: LiveArguments,
}

/// What a run needs.
struct Prepared {
    scenarios: Vec<Scenario>,
    driver: Arc<dyn Driver>,
    messages: Option<Folder>,
    bundles: Option<Bundles>,
    /// A warning about the connections of the run.
    caution: Option<&'static str>,
}

impl RunArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        let used = Arc::<OnceLock<Arc<dyn Driver>>>::default();
        tokio::spawn(end_at_once_and_warn(stop.clone(), Arc::clone(&used)));
        let Prepared { scenarios, driver, messages, bundles, caution } =
            self.prepare(&stop).await?;
        let driver = Arc::clone(used.get_or_init(|| driver));
        let stopped = tokio::spawn(announce_restoring(stop.clone(), Arc::clone(&driver)));
        let exit = self.run(scenarios, &driver, bundles, caution, &stop).await;
        wait_while_kept(&driver.remains().kept, &stop).await;
        let remains = settle(&*driver).await;
        let exit = complete(messages.as_ref(), exit).await;
        if stopped.is_finished()
            && let Ok(stopped) = stopped.await
        {
            report_restored(&stopped, &remains.devices);
        }
        // A simulated lab that cannot be removed is a warning, but a real device that is left changed or a capture that lacks frames is
        // an error.
        Ok(match exit {
            Exit::Success | Exit::Failed if remains.decisive().next().is_some() => Exit::Lab,
            exit => exit,
        })
    }

    /// Reads the scenarios and makes the driver; the error has all mistakes that can be found before anything runs.
    async fn prepare(&self, stop: &StopSignals) -> Result<Prepared, CommandError> {
        self.reports.check()?;
        let wrong_usage = |reason: String| Exit::Usage.because(reason);
        // Mistakes in the files are shown without them.
        output::hide(&self.live.passwords());
        let scenarios = self.selection.load()?;
        self.selection.keep_secrets_of(&scenarios);
        let here = scenarios.iter().filter(|scenario| scenario.skip_reason.is_none());
        let labs = here.map(|scenario| &scenario.lab);
        let arguments = self.lab.for_labs(labs.clone()).map_err(wrong_usage)?;
        self.bundles.apart_from("--pcap", self.lab.captures()).map_err(wrong_usage)?;
        let (name, mut options) = arguments.options().map_err(wrong_usage)?;
        self.live.fit(name).map_err(wrong_usage)?;
        self.reports.spare_inputs()?;
        let messages = self.lab.messages.begin(labs).map_err(wrong_usage)?;
        let bundles = self.bundles.begin("run", Some(name), messages.as_ref(), None);
        let bundles = bundles.map_err(wrong_usage)?;
        let recorded = bundles.as_ref().map_or(messages.as_ref(), Bundles::messages);
        options.messages = recorded.cloned();
        let targets = match name {
            DriverName::Live => self.live.prepare(&scenarios, recorded.cloned(), stop).await?,
            _ => Targets::default(),
        };
        let caution = targets.warning();
        let driver = wiring::driver(name, options, targets)?;
        let driver = match &bundles {
            Some(bundles) => bundles.watch(driver),
            None => driver,
        };
        // An error that all labs would have is reported once, and not by each scenario.
        driver.probe().await?;
        Ok(Prepared { scenarios, driver, messages, bundles, caution })
    }

    async fn run(
        &self,
        scenarios: Vec<Scenario>,
        driver: &Arc<dyn Driver>,
        bundles: Option<Bundles>,
        caution: Option<&str>,
        stop: &StopSignals,
    ) -> Exit {
        let palette = Palette::of(&io::stdout());
        let jobs = self.jobs.unwrap_or_else(default_jobs);
        let mut progress = Progress::new(scenarios.len());
        let observe = progress.follow(|scenario| {
            if let Some(bundles) = &bundles {
                bundles.ended(scenario);
            }
            let mut lines = vec![terminal::line(scenario, palette)];
            lines.extend(terminal::notes(scenario, palette));
            if self.verbose {
                lines.extend([
                    String::new(),
                    terminal::transcript_before_explanation(scenario, palette),
                ]);
            }
            Some(lines.join("\n"))
        });
        let all = scenarios.clone();
        let mut outcome = run_all(driver, scenarios, jobs, stop.clone().received(1), observe).await;
        outcome.caution = caution.map(str::to_owned);
        progress.end();
        show(&outcome, self.verbose, palette);
        let exit = match bundles {
            Some(bundles) => {
                let programs = self.lab.programs().await;
                bundles.finish(&outcome, &all, &programs, Exit::of(&outcome)).await
            }
            None => Exit::of(&outcome),
        };
        self.reports.write(&outcome, exit, stop).await
    }
}

fn show(outcome: &Outcome, verbose: bool, palette: Palette) {
    for scenario in &outcome.scenarios {
        if let Some(explanation) = terminal::explanation(scenario, verbose, palette) {
            say(&format!("\n{explanation}"));
        }
    }
    say(&format!("\n{}", terminal::summary(outcome, palette)));
}

/// Waits for Ctrl-C if labs are kept; returns at once if it was pressed during the run.
async fn wait_while_kept(kept: &[KeptLab], stop: &StopSignals) {
    if !kept.is_empty() {
        for line in kept_lab_hints(kept) {
            warn(&line);
        }
        stop.clone().received(1).await;
    }
}

/// The command that enters each kept lab, and the reason for labs that `sceplab shell` cannot find.
fn kept_lab_hints(kept: &[KeptLab]) -> Vec<String> {
    let (hidden, open): (Vec<_>, Vec<_>) = kept.iter().partition(|lab| lab.hidden.is_some());
    let mut lines = Vec::new();
    if !open.is_empty() {
        lines.push("\nThese labs run until Ctrl-C; in another terminal, type:".to_owned());
    }
    lines.extend(open.iter().map(|lab| enter_command(lab)));
    if !hidden.is_empty() {
        let what = "\nwarning: these labs run until Ctrl-C, and `sceplab shell` cannot find them:";
        lines.push(what.to_owned());
    }
    let reason =
        |lab: &&KeptLab| format!("  {}: {}", lab.id, lab.hidden.as_deref().unwrap_or_default());
    lines.extend(hidden.iter().map(reason));
    lines
}

fn enter_command(KeptLab { id, hosts, .. }: &KeptLab) -> String {
    let others = match hosts.split_first() {
        Some((_, others)) if !others.is_empty() => format!("   (or {})", others.join(", ")),
        _ => String::new(),
    };
    let host = hosts.first().map_or("HOST", String::as_str);
    format!("  sceplab shell --lab {id} {host}{others}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labs_that_cannot_be_entered_have_a_reason_instead_of_a_command() {
        let lab = |id: &str, hidden: Option<&str>| KeptLab {
            id: id.to_owned(),
            hosts: vec!["DUT0".to_owned(), "gateway".to_owned()],
            hidden: hidden.map(str::to_owned),
        };
        assert_eq!(
            kept_lab_hints(&[lab("a", None), lab("b", Some("`/tmp/x` is not yours"))]),
            [
                "\nThese labs run until Ctrl-C; in another terminal, type:",
                "  sceplab shell --lab a DUT0   (or gateway)",
                "\nwarning: these labs run until Ctrl-C, and `sceplab shell` cannot find them:",
                "  b: `/tmp/x` is not yours",
            ]
        );
    }
}
