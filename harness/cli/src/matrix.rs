//! `sceplab matrix`: runs scenarios at every PKI with every client, and draws the table.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::bundles::{BundleArguments, Bundles};
use super::exit::{CommandError, Exit};
use super::lab_arguments::client_fits;
use super::messages::{MessagesArgument, complete};
use super::output::{self, say, warn};
use super::progress::Progress;
use super::reports::Reports;
use super::select::{self, DEFAULT_PATH, keep_secrets_of};
use super::stop::{StopSignals, end_at_once, settle};
use super::values::{self, jobs};
use super::wiring::{self, Targets};
use ::report::matrix::{explanation, table};
use ::report::terminal::{line, summary};
use diagnostics::{Diagnostic, Location, Palette, render};
use matrix::{Ledger, Plan, judge, unmatched};
use model::scenario::LEDGER;
use recording::Folder;
use results::Matrix;
use runner::run_jobs;
use testbed::{Client, Driver, DriverName, LabOptions, TestbedError};

/// The tag of the scenarios that are chosen from a folder.
const TAG: &str = "matrix";

/// Number of cells that run at once for each core; most of the time a cell waits for processes.
const PER_CORE: NonZeroUsize = NonZeroUsize::new(4).unwrap();

/// Minimum number of cells that run at once; clients wait for seconds before they poll again.
const AT_LEAST: NonZeroUsize = NonZeroUsize::new(16).unwrap();

/// Run scenarios at every PKI with every client, and draw the table
///
/// A row is a scenario at a PKI: the PKI of its own lab, or of a lab in the same folder that stands in for it. A column is a
/// SCEP client inside the device. A failure that the ledger expects does not count. A cell that passes although the ledger
/// expects a failure counts as a failure. A client or a server that is not installed is skipped, and the skip names the
/// package.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab matrix
  sceplab matrix scenarios/scep/linux-pki.yaml --client strongswan --client scepclient
  sceplab matrix --report markdown=matrix.md

Exit codes:
  0  all passed, failed as expected or were skipped
  2  wrong usage, or an invalid file
  3  a lab could not be built or broke, or saved messages or bundles are incomplete
  4  a cell failed, or passed although the ledger expects a failure
  5  nothing was selected
  130  interrupted")]
pub(super) struct MatrixArguments {
    /// Scenario files, or folders to search for scenarios with the tag `matrix`
    #[arg(value_name = "PATH", default_value = DEFAULT_PATH)]
    paths: Vec<PathBuf>,
    /// A client to try; may be given several times [default: all]
    #[arg(long = "client", value_name = "CLIENT", value_parser = values::client())]
    clients: Vec<Client>,
    /// The ledger, a file of expected failures [default: scenarios/matrix-ledger.yaml, if it exists]
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// How labs are built; virtual labs have the builtin client and the mock CA only
    #[arg(long, value_parser = values::driver(), default_value_t = DriverName::Netns)]
    driver: DriverName,
    /// How many cells run at the same time [default: four for each core, and at least 16]
    #[arg(long, short, value_name = "N", value_parser = jobs)]
    jobs: Option<NonZeroUsize>,
    #[command(flatten)]
    messages: MessagesArgument,
    #[command(flatten)]
    bundles: BundleArguments,
    #[command(flatten)]
    reports: Reports,
    /// Show a line for each cell as it is finished
    #[arg(long, short)]
    verbose: bool,
}

/// A driver for each client.
type Drivers = BTreeMap<Client, Arc<dyn Driver>>;

/// What a run needs.
struct Prepared {
    plan: Plan,
    ledger: Ledger,
    drivers: Drivers,
    messages: Option<Folder>,
    bundles: Option<Bundles>,
}

impl MatrixArguments {
    pub(super) async fn perform(&self) -> Result<Exit, CommandError> {
        let stop = StopSignals::listen();
        tokio::spawn(end_at_once(stop.clone()));
        let Prepared { plan, ledger, drivers, messages, bundles } = self.prepare().await?;
        let exit = self.run(&plan, &ledger, &drivers, bundles, &stop).await;
        for driver in drivers.values() {
            settle(&**driver).await;
        }
        Ok(complete(messages.as_ref(), exit).await)
    }

    /// Reads the files and makes the drivers; the error has all mistakes that can be found before anything runs.
    async fn prepare(&self) -> Result<Prepared, CommandError> {
        self.reports.check()?;
        if self.driver == DriverName::Live {
            let why = "the matrix puts every client into simulated devices; \
                       real devices and PKIs are for `sceplab run --driver live`";
            return Err(Exit::Usage.because(why));
        }
        self.messages.fits(self.driver).map_err(|reason| Exit::Usage.because(reason))?;
        // A client that is named must run; of all clients, those that cannot run are skipped.
        let fits = |client: &Client| client_fits(*client, self.driver);
        self.clients.iter().try_for_each(fits).map_err(|reason| Exit::Usage.because(reason))?;
        let scenarios = select::tagged_or_named(&self.paths, TAG)?;
        keep_secrets_of(&scenarios, None);
        let plan = Plan::of(scenarios, self.columns());
        // Mistakes in the ledger and in the labs are shown together.
        let ledger = self.ledger();
        let mut wrong = Vec::new();
        if let Err(errors) = &plan {
            output::hide_of_files(errors.secrets());
            wrong.extend_from_slice(errors.diagnostics());
        }
        if let Err(errors) = &ledger {
            wrong.extend_from_slice(errors);
        }
        let (Ok(mut plan), Ok(ledger)) = (plan, ledger) else {
            return Err(wrong.into());
        };
        self.reports.spare_inputs()?;
        for client in self.columns() {
            plan.versions.extend(client.version().await.map(|version| (client, version)));
        }
        let labs = plan.rows.iter().map(|row| &row.scenario.lab);
        let messages = self.messages.begin(labs).map_err(|reason| Exit::Usage.because(reason))?;
        let file = self.ledger_file();
        let bundles =
            self.bundles.begin("matrix", Some(self.driver), messages.as_ref(), file.as_deref());
        let bundles = bundles.map_err(|reason| Exit::Usage.because(reason))?;
        let recorded = bundles.as_ref().map_or(messages.as_ref(), Bundles::messages);
        let driver = |client| -> Result<_, TestbedError> {
            let messages = recorded.cloned();
            let options = LabOptions { client, messages, ..LabOptions::default() };
            let driver = wiring::driver(self.driver, options, Targets::default())?;
            Ok(match &bundles {
                Some(bundles) => bundles.watch(driver),
                None => driver,
            })
        };
        driver(Client::Builtin)?.probe().await?;
        let driver_of = |client| Ok((client, driver(client)?));
        let drivers = self.columns().into_iter().map(driver_of);
        let drivers = drivers.collect::<Result<_, TestbedError>>()?;
        Ok(Prepared { plan, ledger, drivers, messages, bundles })
    }

    /// The clients in their usual order, each once.
    fn columns(&self) -> Vec<Client> {
        let asked = |client: &Client| self.clients.is_empty() || self.clients.contains(client);
        Client::ALL.iter().copied().filter(asked).collect()
    }

    fn ledger(&self) -> Result<Ledger, Vec<Diagnostic>> {
        self.ledger_file().map_or_else(|| Ok(Ledger::default()), |path| Ledger::load(&path))
    }

    /// The ledger that was named, or the default one if it exists.
    fn ledger_file(&self) -> Option<PathBuf> {
        let default = Path::new(DEFAULT_PATH).join(LEDGER);
        self.ledger.clone().or_else(|| default.exists().then_some(default))
    }

    async fn run(
        &self,
        plan: &Plan,
        ledger: &Ledger,
        drivers: &Drivers,
        bundles: Option<Bundles>,
        stop: &StopSignals,
    ) -> Exit {
        let palette = Palette::of(&io::stdout());
        let cells = plan.jobs(|client| Arc::clone(&drivers[&client]));
        let scenarios: Vec<_> = cells.iter().map(|job| job.scenario.clone()).collect();
        let mut progress = Progress::new(cells.len());
        let observe = progress.follow(|cell| {
            if let Some(bundles) = &bundles {
                bundles.ended(cell);
            }
            self.verbose.then(|| line(cell, palette))
        });
        let jobs = self.jobs.unwrap_or_else(default_jobs);
        let outcome = run_jobs(cells, jobs, stop.clone().received(1), observe).await;
        progress.end();
        let mut matrix = judge(plan, outcome, ledger);
        if self.is_whole() {
            matrix.unmatched = unmatched(plan, ledger);
        }
        show(&matrix, palette);
        let mut exit = Exit::of(&matrix);
        if let Some(bundles) = bundles {
            let programs = plan.versions.iter();
            let programs = programs.map(|(client, version)| (client.to_string(), version.clone()));
            let programs: Vec<_> = programs.collect();
            exit = bundles.finish(&matrix, &scenarios, &programs, exit).await;
        }
        self.reports.write(&matrix, exit, stop).await
    }

    /// True if all scenarios and clients run, so that an entry of the ledger must be about some cell.
    fn is_whole(&self) -> bool {
        self.clients.is_empty() && self.paths == [Path::new(DEFAULT_PATH)]
    }
}

/// Shows the failures, then the table, so that it is the last on the screen.
fn show(matrix: &Matrix, palette: Palette) {
    for explanation in matrix.cells().filter_map(|cell| explanation(cell, palette)) {
        say(&format!("{explanation}\n"));
    }
    say(&table(matrix, palette));
    say(&format!("\n{}", summary(matrix, palette)));
    let palette = Palette::of(&io::stderr());
    for unmatched in &matrix.unmatched {
        let mut diagnostic =
            Diagnostic::general("this expected failure matches no cell of the matrix");
        diagnostic.location = Location::Excerpt(Box::new(unmatched.excerpt.clone()));
        warn(&render("warning", &diagnostic, palette));
    }
}

fn default_jobs() -> NonZeroUsize {
    jobs_on(std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN))
}

fn jobs_on(cores: NonZeroUsize) -> NonZeroUsize {
    cores.saturating_mul(PER_CORE).max(AT_LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_of_parallel_cells_has_a_minimum() {
        let jobs = |cores| jobs_on(NonZeroUsize::new(cores).unwrap()).get();
        assert_eq!([1, 2, 4, 8].map(jobs), [16, 16, 16, 32]);
    }
}
