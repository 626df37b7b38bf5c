//! The options that make a bundle of each scenario or case that failed.

mod explanation;
mod failures;
mod files;
mod keys;
mod make;
mod messages;
mod names;
mod watch;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::bundle::Shelf;
use ::files::PrivateFolder;
use clap::Args;
use diagnostics::counted;
use model::scenario::Scenario;
use recording::Folder;
use results::{Results, ScenarioOutcome, Status, Verdict};
use testbed::{Driver, DriverName};
use tokio::task::spawn_blocking;

pub(super) use self::explanation::explained;
use self::failures::Failures;

use self::make::Making;
use self::watch::{Remnants, Watched};
use super::exit::Exit;
use super::messages::{apart, complaints};
use super::output::{complain, warn};
use super::stop::interruptible;

/// The beginning of the name of the folder for messages until it is known which scenarios fail.
pub(crate) const TEMPORARY: &str = "sceplab-bundle-";

/// The most bundles of a run; so many failures have few causes.
const MOST: usize = 200;

/// The options that make bundles.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct BundleArguments {
    /// Leave a bundle of each failure in this new folder, for you alone: files, versions, messages, logs and verdict, for `sceplab replay`
    /// on another machine; without passwords and keys
    #[arg(long, value_name = "DIR")]
    bundle: Option<PathBuf>,
    /// Put the keys of the lab into bundles, and mask no passwords
    #[arg(long, requires = "bundle")]
    bundle_secrets: bool,
    /// Put stand-ins into bundles in place of the names and addresses of people and machines; messages and keys have such names, and are left
    /// out
    #[arg(long, requires = "bundle", conflicts_with = "bundle_secrets")]
    bundle_without_names: bool,
}

/// What is left out of bundles.
#[derive(Debug, Clone, Copy)]
struct Discretion {
    with_secrets: bool,
    without_names: bool,
}

/// The bundles of a run.
pub(super) struct Bundles {
    place: Shelf,
    discretion: Discretion,
    command: &'static str,
    driver: Option<DriverName>,
    remnants: Remnants,
    /// A file besides those of scenarios: the target file, the ledger.
    other: Option<PathBuf>,
    messages: Option<Folder>,
    /// The folder for messages that are needed for bundles alone; it is removed on drop.
    temporary: Option<PrivateFolder>,
}

impl BundleArguments {
    /// Makes the folder, if bundles are made, and says what they will have. The messages go to the user's folder, if there is one;
    /// `other` is a file that all bundles have.
    ///
    /// # Errors
    /// What to type instead.
    pub(super) fn begin(
        &self,
        command: &'static str,
        driver: Option<DriverName>,
        messages: Option<&Folder>,
        other: Option<&Path>,
    ) -> Result<Option<Bundles>, String> {
        let Some(path) = &self.bundle else { return Ok(None) };
        self.apart_from("--save-messages", messages.map(Folder::path))?;
        let place = Shelf::begin(path).map_err(|error| error.to_string())?;
        if self.bundle_secrets {
            warn(&format!(
                "warning: bundles in `{}` get the private keys of the lab, and passwords as they are: give them to nobody who must not have these",
                path.display()
            ));
        }
        let unwritable = |reason: String| format!("messages cannot be kept for bundles: {reason}");
        let (messages, temporary) = match messages {
            Some(messages) => (Some(messages.clone()), None),
            // Mock CAs in containers cannot write to this machine.
            None if driver == Some(DriverName::Docker) => (None, None),
            None => {
                let temporary = PrivateFolder::new(TEMPORARY);
                let temporary = temporary.map_err(|error| unwritable(error.to_string()))?;
                let messages = Folder::begin(&temporary.path().join("messages"));
                (Some(messages.map_err(|error| unwritable(error.to_string()))?), Some(temporary))
            }
        };
        Ok(Some(Bundles {
            place,
            discretion: Discretion {
                with_secrets: self.bundle_secrets,
                without_names: self.bundle_without_names,
            },
            command,
            driver,
            remnants: Remnants::default(),
            other: other.map(Path::to_owned),
            messages,
            temporary,
        }))
    }
}

impl BundleArguments {
    /// Checks that the folder of another option is another one; the error says what to type instead.
    pub(super) fn apart_from(&self, option: &str, other: Option<&Path>) -> Result<(), String> {
        apart(("--bundle", self.bundle.as_deref()), (option, other))
    }
}

impl Bundles {
    /// The folder for messages of these bundles.
    pub(super) fn messages(&self) -> Option<&Folder> {
        self.messages.as_ref()
    }

    /// The driver, with what is needed of its labs kept when they are closed.
    pub(super) fn watch(&self, driver: Arc<dyn Driver>) -> Arc<dyn Driver> {
        Arc::new(Watched::new(driver, self.remnants.clone()))
    }

    /// Forgets a scenario or case that did not fail.
    pub(super) fn ended(&self, outcome: &ScenarioOutcome) {
        if !matches!(outcome.verdict, Verdict::Failed(_)) {
            self.forget(&outcome.id);
        }
    }

    fn forget(&self, id: &str) {
        self.remnants.take(id);
        if let Some(messages) = self.messages.as_ref().filter(|_| self.temporary.is_some()) {
            // It waits for the disk, and nothing waits for it.
            drop(spawn_blocking(messages.discarding(id)));
        }
    }

    /// Makes a bundle of each failure in these results, says how many and where, and returns the exit code after that.
    pub(super) async fn finish<R: Failures>(
        self,
        results: &R,
        scenarios: &[Scenario],
        programs: &[(String, String)],
        exit: Exit,
    ) -> Exit {
        if let Some(messages) = self.messages.as_ref().filter(|_| self.temporary.is_some()) {
            for complaint in complaints(Some(messages)).await {
                warn(&format!("warning: {complaint}"));
            }
        }
        let failures = results.failures();
        if failures.is_empty() {
            warn(&none(results));
            // A folder that was made for bundles and has none is of no use.
            let _ = std::fs::remove_dir(self.place.path());
            return exit;
        }
        let further = failures.len().saturating_sub(MOST);
        let failures: Vec<_> = failures.into_iter().take(MOST).collect();
        let ids = failures.iter().map(|failure| failure.outcome.id.clone()).collect();
        let folders = self.folders(ids).await;
        let makings = failures.into_iter().zip(folders).map(|(failure, messages)| Making {
            scenario: scenarios.iter().find(|one| one.id == failure.outcome.id).cloned(),
            remnant: self.remnants.take(&failure.outcome.id),
            messages,
            programs: programs.to_vec(),
            other: self.other.clone(),
            failure,
        });
        let makings: Vec<Making> = makings.collect();
        let path = self.place.path().display().to_string();
        let made = match interruptible(move || self.make(&makings)).await {
            Ok(made) => made,
            Err(error) => return error.report(),
        };
        if made.count > 0 {
            warn(&made.words(further, &path));
        }
        let Some(error) = made.error else { return exit };
        complain(&error);
        match exit {
            Exit::Success | Exit::Failed => Exit::Lab,
            exit => exit,
        }
    }

    /// The folders with the messages of these scenarios or cases; waits until all is saved.
    async fn folders(&self, ids: Vec<String>) -> Vec<Option<PathBuf>> {
        let (none, messages) = (vec![None; ids.len()], self.messages.clone());
        let newest = move |id: &String| messages.as_ref()?.newest(id);
        interruptible(move || ids.iter().map(newest).collect()).await.unwrap_or(none)
    }

    /// Writes bundles until one cannot be written.
    fn make(&self, makings: &[Making]) -> Made {
        let mut made = Made { count: 0, error: None };
        for making in makings {
            let draft = making.draft(self.command, self.driver, self.discretion);
            if let Err(error) = self.place.add(&draft) {
                made.error = Some(error.to_string());
                break;
            }
            made.count += 1;
        }
        made
    }
}

/// What came of writing bundles.
struct Made {
    count: usize,
    /// Why no further one was written.
    error: Option<String>,
}

impl Made {
    fn words(&self, further: usize, path: &str) -> String {
        let rest = match further {
            0 => String::new(),
            further => {
                let failures = counted(further, "further failure");
                format!("; {failures} left none, because {MOST} bundles are the limit")
            }
        };
        let count = counted(self.count, "bundle");
        format!("{count} in `{path}`{rest}; `sceplab replay {path}/NAME` judges one again")
    }
}

/// Why there is no bundle.
fn none(results: &impl Results) -> String {
    let broke = [Status::LabBroke, Status::Untried, Status::Panicked];
    let reason = match results.count(&broke) {
        0 => "nothing failed",
        _ => "nothing failed by a verdict: what broke on this side is not bundled",
    };
    format!("no bundle was made: {reason}")
}
