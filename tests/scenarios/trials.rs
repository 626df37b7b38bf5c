//! Scenario files as trials.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use harness::diagnostic::Palette;
use harness::outcome::{Outcome, ScenarioOutcome, Verdict};
use harness::report::terminal;
use harness::run::{Options, run_all};
use harness::scenario::{Found, discover, load};
use libtest_mimic::{Arguments, Completion, Conclusion, Failed, Trial};

/// Runs the scenarios of a folder as the command line asks; the error is why there is none to run.
pub(crate) fn run(arguments: &Arguments, folder: &Path) -> Result<Conclusion, String> {
    let found = find(arguments, folder)?;
    if found.is_empty() {
        return Err(format!("no scenario found in `{}`", folder.display()));
    }
    let trials = found.into_iter().map(trial).collect();
    Ok(libtest_mimic::run(arguments, trials))
}

/// The file of an exact name alone, as nextest asks for it; or else all files, none of which is read yet.
fn find(arguments: &Arguments, folder: &Path) -> Result<Vec<Found>, String> {
    let exact = arguments.filter.as_deref().filter(|_| arguments.exact);
    if let Some(found) = exact.and_then(|name| file_of(folder, name)) {
        return Ok(vec![found]);
    }
    discover(&[folder.to_owned()]).map_err(|errors| errors.to_string())
}

fn file_of(folder: &Path, name: &str) -> Option<Found> {
    let paths = ["yaml", "yml"].map(|ending| PathBuf::from(format!("{name}.{ending}")));
    let path = paths.iter().map(|path| folder.join(path)).find(|path| path.is_file())?;
    Some(Found { id: name.to_owned(), path })
}

fn trial(found: Found) -> Trial {
    Trial::ignorable_test(found.id.clone(), move || try_file(&found))
}

/// Reads and runs one file, in a runtime of its own that ends with it.
fn try_file(found: &Found) -> Result<Completion, Failed> {
    let scenario = load(found, None)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    let options = Options { jobs: NonZeroUsize::MIN, ..Options::default() };
    let outcome =
        runtime.block_on(run_all(vec![scenario], &options, std::future::pending(), |_| {}));
    completion(&outcome)
}

fn completion(outcome: &Outcome) -> Result<Completion, Failed> {
    match outcome.scenarios.as_slice() {
        [one] => match &one.verdict {
            Verdict::Passed => Ok(Completion::Completed),
            Verdict::Skipped { reason } => Ok(Completion::ignored_with(reason)),
            _ => Err(report(one).into()),
        },
        other => Err(format!("one scenario was asked for, and {} were run", other.len()).into()),
    }
}

/// What `sceplab run` prints of it.
fn report(scenario: &ScenarioOutcome) -> String {
    let line = terminal::line(scenario, Palette::plain());
    let explanation = terminal::explanation(scenario, Palette::plain());
    explanation.map_or_else(|| line.clone(), |explanation| format!("{line}\n\n{explanation}"))
}
