//! `sceplab check`: reads, resolves and validates, and runs nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::{self, say};
use super::select::Selection;
use conformance::Target;
use diagnostics::Diagnostic;
use model::scenario::{LoadErrors, Scenario, target_files};

/// Find mistakes in scenario, lab and target files, and run nothing
///
/// Every mistake is shown with its file, line and column. The exit code is 2 where there is one.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab check
  sceplab check scenarios/scep/linux-pki.yaml
  sceplab check scenarios/targets/ndes.yaml")]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
}

impl Arguments {
    pub(super) fn perform(&self) -> Result<Exit, CommandError> {
        let loaded = self.selection.without_targets().map(|selection| selection.load());
        let scenarios = loaded.transpose().map(Option::unwrap_or_default);
        let mut targets = Targets::default();
        for path in self.selection.named_targets() {
            targets.check(&path, None);
        }
        for folder in self.selection.folders() {
            let cases = scenarios.as_ref().ok().filter(|_| !self.selection.is_by_tag());
            let cases = cases.map(|scenarios| cases_below(folder, scenarios));
            for path in target_files(std::slice::from_ref(folder)) {
                targets.check(&path, cases.as_deref());
            }
        }
        match (scenarios, targets.wrong.is_empty()) {
            (Ok(scenarios), true) => {
                say(&in_order(scenarios.len(), targets.seen.len()));
                Ok(Exit::Success)
            }
            (Ok(_), false) => Err(LoadErrors::new(targets.wrong).into()),
            (Err(error), _) => {
                let exit = error.tell();
                output::diagnostics(LoadErrors::new(targets.wrong).diagnostics());
                Err(exit.into())
            }
        }
    }
}

/// The target files so far, and what is wrong with them.
#[derive(Default)]
struct Targets {
    seen: BTreeSet<PathBuf>,
    wrong: Vec<Diagnostic>,
}

impl Targets {
    /// Reads one that is to deviate in these cases, where they are known.
    fn check(&mut self, path: &Path, cases: Option<&[String]>) {
        self.seen.insert(path.to_owned());
        match (Target::load(path), cases) {
            (Ok(target), Some(cases)) if !cases.is_empty() => {
                self.wrong.extend(target.unknown_cases(cases));
            }
            (Ok(_), _) => {}
            (Err(wrong), _) => self.wrong.extend(wrong),
        }
    }
}

/// The ids of the cases of conformance in a folder.
fn cases_below(folder: &Path, scenarios: &[Scenario]) -> Vec<String> {
    let is_one = |it: &&Scenario| it.conformance.is_some() && it.path.starts_with(folder);
    scenarios.iter().filter(is_one).map(|case| case.id.clone()).collect()
}

fn in_order(scenarios: usize, targets: usize) -> String {
    let scenarios = counted(scenarios, "scenario");
    let targets = counted(targets, "target file");
    let both: Vec<String> = [scenarios, targets].into_iter().flatten().collect();
    format!("{} in order", both.join(" and "))
}

fn counted(count: usize, what: &str) -> Option<String> {
    match count {
        0 => None,
        1 => Some(format!("1 {what}")),
        _ => Some(format!("{count} {what}s")),
    }
}
