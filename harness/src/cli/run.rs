//! `sceplab run`: runs scenarios and says what became of them.

use std::io;
use std::num::NonZeroUsize;

use clap::Args;

use super::complain;
use super::exit::Exit;
use super::output::say;
use super::progress::Progress;
use super::select::Selection;
use super::stop::StopSignals;
use crate::diagnostic::Palette;
use crate::outcome::Outcome;
use crate::report::{self, Target, terminal};
use crate::run::{Driver, Event, Options, run_all};
use crate::scenario::Scenario;

/// Run scenarios
///
/// A line for each scenario goes to stdout, then what went wrong in full, then a summary.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab run
  sceplab run scenarios --tag documented --report junit=report.xml
  sceplab run scenarios/scep/linux-pki.yaml -v")]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
    /// How labs are built
    #[arg(long, value_enum, default_value_t)]
    driver: Driver,
    /// How many scenarios run at once [default: the number of cores]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    /// Write a report, as `junit=FILE` or `json=FILE`; may be given several times
    #[arg(long = "report", value_name = "KIND=FILE")]
    reports: Vec<Target>,
    /// Show each step's command and output
    #[arg(long, short)]
    verbose: bool,
}

impl Arguments {
    pub(super) async fn perform(&self) -> Exit {
        let stop = StopSignals::listen();
        tokio::spawn(end_at_once(stop.clone()));
        // A report that cannot be written is said before time is spent on the run.
        if let Some(error) = self.reports.iter().find_map(|target| target.check().err()) {
            complain(&error.to_string());
            return Exit::Usage;
        }
        match self.selection.load() {
            Ok(scenarios) => self.run(scenarios, &stop).await,
            Err(exit) => exit,
        }
    }

    async fn run(&self, scenarios: Vec<Scenario>, stop: &StopSignals) -> Exit {
        let palette = Palette::of(&io::stdout());
        let options = Options { driver: self.driver, ..Options::default() };
        let options = Options { jobs: self.jobs.unwrap_or(options.jobs), ..options };
        let mut progress = Progress::new(scenarios.len());
        let outcome = run_all(scenarios, &options, stop.clone().told(1), |event| match event {
            Event::Started { id } => progress.started(id),
            Event::Finished(scenario) => {
                let mut lines = terminal::line(scenario, palette);
                if self.verbose {
                    lines += "\n\n";
                    lines += &terminal::transcript(scenario, palette);
                }
                progress.finished(&scenario.id, &lines);
            }
        })
        .await;
        progress.end();
        tell(&outcome, palette);
        self.write_reports(&outcome)
    }

    /// The outcome's exit code, unless a report could not be written.
    fn write_reports(&self, outcome: &Outcome) -> Exit {
        let mut exit = Exit::of(outcome);
        for target in &self.reports {
            if let Err(error) = target.write(&report::text(target.kind, outcome)) {
                complain(&error.to_string());
                exit = Exit::Internal;
            }
        }
        exit
    }
}

fn tell(outcome: &Outcome, palette: Palette) {
    for scenario in &outcome.scenarios {
        if let Some(explanation) = terminal::explanation(scenario, palette) {
            say(&format!("\n{explanation}"));
        }
    }
    say(&format!("\n{}", terminal::summary(outcome, palette)));
}

/// Whoever says it twice does not want to wait, be it for the reader of a pipe.
async fn end_at_once(stop: StopSignals) {
    stop.told(2).await;
    std::process::exit(Exit::Interrupted as i32);
}

/// Zero and what is no number get one answer: what is wanted.
fn jobs(text: &str) -> Result<NonZeroUsize, String> {
    text.parse().map_err(|_| "it takes a whole number, 1 or more".to_owned())
}
