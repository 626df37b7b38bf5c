//! Scenario files as trials.

use std::io;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock};

use diagnostics::Palette;
use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};
use model::lab::Lab;
use model::scenario::{Found, LoadErrors, discover, load};
use report::terminal;
use results::{Outcome, ScenarioOutcome, Verdict};
use runner::run_all;
use testbed::{Driver, DriverName, LabOptions, TestbedError};
use tokio::runtime::Runtime;
use tokio::sync::OnceCell;

use crate::support::groups::{ignored, is_flagged};

/// A kind of trials, by the way their labs are built.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    /// Beginning of their names, before the id of the scenario.
    prefix: &'static str,
    driver: DriverName,
    /// Group of trials with the same need, if not every machine meets it.
    group: Option<&'static str>,
    /// Lab that stands in for the scenarios' own, and the scenarios that run there.
    elsewhere: Option<(&'static str, &'static [&'static str])>,
}

/// In the virtual lab, on every machine.
pub(crate) const VIRTUAL: Kind =
    Kind { prefix: "", driver: DriverName::Virtual, group: None, elsewhere: None };

/// On the kernel's network, if that is permitted.
pub(crate) const NETNS: Kind =
    Kind { prefix: "netns/", driver: DriverName::Netns, group: Some("netns"), elsewhere: None };

/// At Debian's scepserver, if that is installed.
pub(crate) const SCEPSERVER: Kind = Kind {
    prefix: "scepserver/",
    driver: DriverName::Netns,
    group: Some("scepserver"),
    elsewhere: Some(("labs/linux-scepserver.yaml", &["scep/linux-pki"])),
};

/// In containers, if there is an engine.
#[cfg(feature = "docker")]
pub(crate) const DOCKER: Kind =
    Kind { prefix: "docker/", driver: DriverName::Docker, group: Some("docker"), elsewhere: None };

/// Runs the scenarios of a folder that the command line selects. The error says why there is no scenario.
pub(crate) fn run(
    arguments: &Arguments,
    folder: &Path,
    kinds: &[Kind],
) -> Result<Conclusion, String> {
    let found = find(arguments, folder, kinds)?;
    if found.is_empty() {
        return Err(format!("no scenario found in `{}`", folder.display()));
    }
    let trials = found.into_iter().map(|planned| trial(folder, planned)).collect();
    Ok(libtest_mimic::run(arguments, trials))
}

/// Kind and file of a trial.
type Planned = (Kind, Found);

/// Finds the files, without reading them: only the one with an exact name, as nextest asks for it, or else all.
fn find(arguments: &Arguments, folder: &Path, kinds: &[Kind]) -> Result<Vec<Planned>, String> {
    let exact = arguments.filter.as_deref().filter(|_| arguments.exact);
    if let Some(planned) = exact.and_then(|name| named(folder, kinds, name)) {
        return Ok(vec![planned]);
    }
    let found = discover(&[folder.to_owned()]).map_err(|errors| errors.to_string())?;
    let of_kind = |kind: &Kind| {
        let kind = *kind;
        let taken = move |found: &&Found| kind.takes(folder, &found.id);
        found.iter().filter(taken).map(move |found| (kind, found.clone())).collect::<Vec<_>>()
    };
    Ok(kinds.iter().flat_map(of_kind).collect())
}

fn named(folder: &Path, kinds: &[Kind], name: &str) -> Option<Planned> {
    let planned = |kind: &Kind| {
        let id = name.strip_prefix(kind.prefix).filter(|id| kind.takes(folder, id))?;
        Some((*kind, file_of(folder, id)?))
    };
    kinds.iter().find_map(planned)
}

fn file_of(folder: &Path, id: &str) -> Option<Found> {
    let paths = ["yaml", "yml"].map(|ending| PathBuf::from(format!("{id}.{ending}")));
    let path = paths.iter().map(|path| folder.join(path)).find(|path| path.is_file())?;
    Some(Found { id: id.to_owned(), path })
}

impl Kind {
    fn takes(&self, folder: &Path, id: &str) -> bool {
        // Labs without hosts are the same with either driver.
        if self.driver == DriverName::Netns && id.starts_with("conformance/client/") {
            return false;
        }
        // Cases test a CA, which does not depend on the driver; `sceplab run` also runs them in containers.
        if self.driver == DriverName::Docker && id.starts_with("conformance/") {
            return false;
        }
        self.elsewhere.is_none_or(|(lab, ids)| ids.contains(&id) && folder.join(lab).is_file())
    }

    fn lab(&self, folder: &Path) -> Result<Option<Lab>, LoadErrors> {
        let lab = self.elsewhere.map(|(lab, _)| Lab::load(&folder.join(lab)));
        lab.transpose().map_err(LoadErrors::new)
    }

    /// The result of a trial if this machine cannot have labs of this kind.
    fn unmet(&self) -> Option<Result<Completion, Failed>> {
        let probed = in_runtime(self.driver, async { Ok(probed(self.driver).await) });
        match probed {
            Ok(Ok(())) => None,
            Ok(Err(
                TestbedError::NotPermitted { reason, .. }
                | TestbedError::NotSupported { what: reason, .. }
                | TestbedError::NoEngine { reason },
            )) => Some(self.ignored(reason)),
            Ok(Err(error)) => Some(Err(error.clone().into())),
            Err(failed) => Some(Err(failed)),
        }
    }

    fn ignored(&self, reason: &str) -> Result<Completion, Failed> {
        self.group
            .map_or_else(|| Ok(Completion::ignored_with(reason)), |group| ignored(group, reason))
    }

    fn completion(&self, outcome: &Outcome) -> Result<Completion, Failed> {
        match outcome.scenarios.as_slice() {
            [one] => match &one.verdict {
                Verdict::Passed => Ok(Completion::Completed),
                // Skipped because the server is not installed, not by a step of the scenario.
                Verdict::Skipped(skip) if self.elsewhere.is_some() => self.ignored(&skip.reason),
                Verdict::Skipped(skip) => Ok(Completion::ignored_with(skip.to_string())),
                _ => Err(report(one).into()),
            },
            other => {
                Err(format!("one scenario was asked for, and {} were run", other.len()).into())
            }
        }
    }
}

fn trial(folder: &Path, (kind, found): Planned) -> Trial {
    let folder = folder.to_owned();
    let name = format!("{}{}", kind.prefix, found.id);
    let flag = kind.group.is_some() && is_flagged(|| kind.unmet());
    Trial::ignorable_test(name, move || try_file(&folder, kind, &found)).with_ignored_flag(flag)
}

/// Reads and runs one file.
fn try_file(folder: &Path, kind: Kind, found: &Found) -> Result<Completion, Failed> {
    let scenario = load(found, kind.lab(folder)?.as_ref())?;
    if let Some(end) = kind.unmet() {
        return end;
    }
    let driver = driver(kind.driver);
    in_runtime(kind.driver, async {
        let stop = std::future::pending();
        let outcome = run_all(&driver, vec![scenario], NonZeroUsize::MIN, stop, |_| {}).await;
        // A run in containers has waited for its lab, and other trials use its driver.
        if kind.driver != DriverName::Docker {
            driver.settle().await;
        }
        kind.completion(&outcome)
    })
}

/// Runs a trial in its own runtime, or in a shared one if it is in containers, because such trials share connections to
/// the engine.
fn in_runtime<T>(
    driver: DriverName,
    trial: impl Future<Output = Result<T, Failed>>,
) -> Result<T, Failed> {
    static SHARED: LazyLock<io::Result<Runtime>> = LazyLock::new(runtime);
    if driver == DriverName::Docker {
        let shared = SHARED.as_ref().map_err(ToString::to_string)?;
        return shared.block_on(trial);
    }
    runtime()?.block_on(trial)
}

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()
}

/// The result of probing for labs of that kind, which is done once for all trials.
async fn probed(name: DriverName) -> &'static Result<(), TestbedError> {
    static NETNS: OnceCell<Result<(), TestbedError>> = OnceCell::const_new();
    static ENGINE: OnceCell<Result<(), TestbedError>> = OnceCell::const_new();
    let probe = || async { driver(name).probe().await };
    match name {
        DriverName::Virtual | DriverName::Live => &Ok(()),
        DriverName::Netns => NETNS.get_or_init(probe).await,
        DriverName::Docker => ENGINE.get_or_init(probe).await,
    }
}

/// A new driver, or a shared one, so that node images of containers, and keys for labs in this process, are made once.
fn driver(name: DriverName) -> Arc<dyn Driver> {
    let sceplab = Some(PathBuf::from(env!("CARGO_BIN_EXE_sceplab")));
    let options = LabOptions { sceplab, ..LabOptions::default() };
    match name {
        #[cfg(target_os = "linux")]
        DriverName::Netns => Arc::new(driver_netns::Netns::new(options)),
        #[cfg(feature = "docker")]
        DriverName::Docker => {
            static SHARED: std::sync::OnceLock<Arc<dyn Driver>> = std::sync::OnceLock::new();
            let shared = SHARED.get_or_init(|| Arc::new(driver_docker::Docker::new(options)));
            Arc::clone(shared)
        }
        _ => {
            static SHARED: LazyLock<driver_virtual::Virtual> =
                LazyLock::new(driver_virtual::Virtual::default);
            Arc::new(SHARED.clone())
        }
    }
}

/// The scenario's report, as `sceplab run` prints it.
fn report(scenario: &ScenarioOutcome) -> String {
    let line = terminal::line(scenario, Palette::plain());
    let explanation = terminal::explanation(scenario, false, Palette::plain());
    explanation.map_or_else(|| line.clone(), |explanation| format!("{line}\n\n{explanation}"))
}
