//! `sceplab check`: reads and validates files, and runs nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::{self, say};
use super::select::Selection;
use conformance::Target;
use diagnostics::yaml::{self, Value};
use diagnostics::{Diagnostic, Source, counted};
use matrix::Ledger;
use model::lab::Lab;
use model::scenario::{LABS, LEDGER, LoadErrors, Scenario, target_files};

/// Find mistakes in scenario, lab and target files, and run nothing
///
/// All mistakes are shown, each with its file, line and column. Scenarios and target files are found in folders; a lab file is read for
/// each scenario that names it, and the ledger of the matrix only if you name it. A file that you name is read as what its keys say.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  sceplab check
  sceplab check scenarios/scep/linux-pki.yaml
  sceplab check scenarios/targets/ndes.yaml scenarios/labs/windows-pki.yaml

Exit codes:
  0  no mistakes
  2  a file has mistakes or cannot be read
  5  nothing was selected")]
pub(super) struct Arguments {
    #[command(flatten)]
    selection: Selection,
}

impl Arguments {
    pub(super) fn perform(&self) -> Result<Exit, CommandError> {
        let named = self.selection.files().map(|path| (kind(path), path));
        let named: Vec<_> = named.filter(|(kind, _)| *kind != Kind::Scenario).collect();
        let is_other = |path: &Path| named.iter().any(|(_, other)| other.as_path() == path);
        let loaded = self.selection.without(is_other).map(|selection| selection.load());
        let scenarios = loaded.transpose().map(Option::unwrap_or_default);
        let mut others = OtherFiles::default();
        for (kind, path) in &named {
            others.check(*kind, path, None);
        }
        for folder in self.selection.folders() {
            let cases = scenarios.as_ref().ok().filter(|_| !self.selection.is_by_tag());
            let cases = cases.map(|scenarios| cases_below(folder, scenarios));
            for path in target_files(std::slice::from_ref(folder)) {
                others.check(Kind::Target, &path, cases.as_deref());
            }
        }
        match (scenarios, others.wrong.is_empty()) {
            (Ok(scenarios), true) => {
                say(&in_order(scenarios.len(), &others));
                Ok(Exit::Success)
            }
            (Ok(_), false) => Err(LoadErrors::new(others.wrong).into()),
            (Err(error), _) => {
                let exit = error.report();
                output::diagnostics(LoadErrors::new(others.wrong).diagnostics());
                Err(exit.into())
            }
        }
    }
}

/// Kind of a YAML file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Scenario,
    Lab,
    Target,
    Ledger,
}

/// The keys that only files of one kind have.
const KEYS: [(Kind, &[&str]); 4] = [
    (Kind::Scenario, &["lab", "steps"]),
    (Kind::Lab, &["devices", "hosts", "pki", "stands-in-for"]),
    (Kind::Target, &["url", "ca-fingerprint", "capabilities", "parallel", "deviations"]),
    (Kind::Ledger, &["expected-failures"]),
];

/// The kind of a file by its keys, or by its place if it has none of them.
fn kind(path: &Path) -> Kind {
    let of_key = |key: &str| KEYS.iter().find(|(_, keys)| keys.contains(&key));
    let keys = keys(path);
    if let Some((kind, _)) = keys.iter().find_map(|key| of_key(key)) {
        return *kind;
    }
    let is_lab = path.parent().is_some_and(|folder| folder.ends_with(LABS));
    match () {
        () if is_lab => Kind::Lab,
        () if path.ends_with(LEDGER) => Kind::Ledger,
        () if !target_files(&[path.to_owned()]).is_empty() => Kind::Target,
        () => Kind::Scenario,
    }
}

/// The keys of a file in their order; none if it cannot be read.
fn keys(path: &Path) -> Vec<String> {
    let node = Source::read(path).and_then(|source| yaml::parse(&source));
    match node.map(|node| node.value) {
        Ok(Value::Mapping(entries)) => entries.into_iter().map(|entry| entry.key).collect(),
        _ => Vec::new(),
    }
}

/// The files that are not scenarios, and the mistakes in them.
#[derive(Default)]
struct OtherFiles {
    seen: BTreeSet<(Kind, PathBuf)>,
    wrong: Vec<Diagnostic>,
}

impl OtherFiles {
    /// Reads a file; the deviations of a target file must be among `cases`, if these are known.
    fn check(&mut self, kind: Kind, path: &Path, cases: Option<&[String]>) {
        self.seen.insert((kind, path.to_owned()));
        let unknown = |target: &Target| match cases {
            Some(cases) if !cases.is_empty() => target.unknown_cases(cases),
            _ => Vec::new(),
        };
        let wrong = match kind {
            Kind::Lab => Lab::load(path).err(),
            Kind::Ledger => Ledger::load(path).err(),
            Kind::Target => Some(Target::load(path).map_or_else(|wrong| wrong, |it| unknown(&it))),
            Kind::Scenario => None,
        };
        self.wrong.extend(wrong.into_iter().flatten());
    }

    fn count(&self, kind: Kind) -> usize {
        self.seen.iter().filter(|(other, _)| *other == kind).count()
    }
}

/// The ids of the cases of conformance in a folder.
fn cases_below(folder: &Path, scenarios: &[Scenario]) -> Vec<String> {
    let is_one = |it: &&Scenario| it.conformance.is_some() && it.path.starts_with(folder);
    scenarios.iter().filter(is_one).map(|case| case.id.clone()).collect()
}

fn in_order(scenarios: usize, others: &OtherFiles) -> String {
    let counts = [
        (scenarios, "scenario"),
        (others.count(Kind::Lab), "lab"),
        (others.count(Kind::Target), "target file"),
        (others.count(Kind::Ledger), "ledger"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> = counts.map(|(count, noun)| counted(count, noun)).collect();
    match counts.split_last() {
        Some((last, [])) => format!("{last} in order"),
        Some((last, others)) => format!("{} and {last} in order", others.join(", ")),
        None => "nothing to check".to_owned(),
    }
}
