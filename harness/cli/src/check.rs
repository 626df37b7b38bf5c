//! `sceplab check`: reads and validates files, and runs nothing.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output::{self, say};
use super::select::{DEFAULT_PATH, Selection};
use conformance::Target;
use diagnostics::yaml::{self, Value};
use diagnostics::{Diagnostic, Place, Source, counted, did_you_mean};
use matrix::Ledger;
use model::lab::{Lab, Secret};
use model::near_files;
use model::scenario::{LABS, LEDGER, LoadErrors, Scenario, lint, target_files};

/// Find mistakes in scenario, lab and target files, and run nothing
///
/// All mistakes are shown, each with its file, line and column. Scenarios and target files are found in folders; a lab file is read for
/// each scenario that names it, and the ledger of the matrix only if you name it. A file that you name is read as what its keys say.
/// In a simulated lab, lines and commands that the device would refuse are mistakes, too, unless the step expects a failure.
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
pub(super) struct CheckArguments {
    #[command(flatten)]
    selection: Selection,
}

impl CheckArguments {
    pub(super) fn perform(&self) -> Result<Exit, CommandError> {
        let named: Vec<NamedFile> =
            self.selection.files().map(|path| NamedFile::read(path)).collect();
        let is_other =
            |path: &Path| named.iter().any(|it| it.path == path && it.kind != Kind::Scenario);
        let read = |path: &Path| match named.iter().find(|it| it.path == path) {
            Some(named) => named.source.clone(),
            None => Source::read(path),
        };
        let loaded = self.selection.without(is_other).map(|selection| selection.load_by(read));
        let scenarios = loaded.transpose().map(Option::unwrap_or_default);
        let mut others = OtherFiles::default();
        // With the cases of their folder, more mistakes are found than by their names.
        for folder in self.selection.folders() {
            let cases = scenarios.as_ref().ok().filter(|_| !self.selection.is_by_tag());
            let cases = cases.map(|scenarios| cases_below(folder, scenarios));
            for path in target_files(std::slice::from_ref(folder)) {
                let file = NamedFile { kind: Kind::Target, source: Source::read(&path), path };
                others.check(&file, cases.as_deref());
            }
        }
        for file in named.iter().filter(|file| file.kind != Kind::Scenario) {
            others.check(file, None);
        }
        let scenarios = match scenarios {
            Ok(scenarios) => scenarios,
            Err(error) => return Err(error.and(others.wrong)),
        };
        others.wrong.extend(scenarios.iter().flat_map(lint));
        if !others.wrong.is_empty() {
            let secrets = scenarios.iter().flat_map(|it| it.lab.secrets_at_hand());
            output::hide_of_files(&secrets.collect::<Vec<Secret>>());
            return Err(LoadErrors::new(others.wrong).into());
        }
        self.selection.keep_secrets_of(&scenarios);
        say(&in_order(scenarios.len(), &others));
        Ok(Exit::Success)
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

/// The keys of files of each kind. A key of several kinds tells none of them.
const KEYS: [(Kind, &[&str]); 4] = [
    (Kind::Scenario, &model::scenario::FIELDS),
    (Kind::Lab, &model::lab::FIELDS),
    (Kind::Target, &Target::FIELDS),
    (Kind::Ledger, &Ledger::FIELDS),
];

/// A file that the command line names, or that is in a folder of target files.
struct NamedFile {
    path: PathBuf,
    kind: Kind,
    source: Result<Arc<Source>, Diagnostic>,
}

impl NamedFile {
    fn read(path: &Path) -> Self {
        let source = Source::read(path);
        let keys = source.as_ref().map(|source| yaml::first_keys(source)).unwrap_or_default();
        Self { kind: kind(&keys, path), source, path: path.to_path_buf() }
    }
}

/// The kind of a file by its keys, or by its place if these tell nothing.
fn kind(keys: &[String], path: &Path) -> Kind {
    let kind_of = |key: &String| {
        let mut kinds = KEYS.iter().filter(|(_, keys)| keys.contains(&key.as_str()));
        kinds.next().filter(|_| kinds.next().is_none()).map(|(kind, _)| *kind)
    };
    if let Some(kind) = keys.iter().find_map(kind_of) {
        return kind;
    }
    let is_lab = path.parent().is_some_and(|folder| folder.ends_with(LABS));
    match () {
        () if is_lab => Kind::Lab,
        () if path.ends_with(LEDGER) => Kind::Ledger,
        () if !target_files(&[path.to_owned()]).is_empty() => Kind::Target,
        () => Kind::Scenario,
    }
}

/// The files that are not scenarios, and the mistakes in them.
#[derive(Default)]
struct OtherFiles {
    seen: BTreeSet<(Kind, PathBuf)>,
    wrong: Vec<Diagnostic>,
}

impl OtherFiles {
    /// Checks a file once; the deviations of a target file must be among `cases`, if these are known.
    fn check(&mut self, file: &NamedFile, cases: Option<&[String]>) {
        let path = std::fs::canonicalize(&file.path).unwrap_or_else(|_| file.path.clone());
        if !self.seen.insert((file.kind, path)) {
            return;
        }
        match &file.source {
            Ok(source) => {
                output::hide_of_files(&secrets(file.kind, source));
                self.wrong.extend(mistakes(file.kind, source, cases));
            }
            Err(unread) => self.wrong.push(unread.clone()),
        }
    }

    fn count(&self, kind: Kind) -> usize {
        self.seen.iter().filter(|(other, _)| *other == kind).count()
    }
}

/// The values in a file that may be secrets.
fn secrets(kind: Kind, source: &Arc<Source>) -> Vec<Secret> {
    match kind {
        Kind::Lab => Lab::possible_secrets(source),
        Kind::Ledger | Kind::Target | Kind::Scenario => {
            yaml::possible_secrets(source, yaml::parse(source).ok().as_ref()).values
        }
    }
}

fn mistakes(kind: Kind, source: &Arc<Source>, cases: Option<&[String]>) -> Vec<Diagnostic> {
    let unknown = |target: Target| match cases {
        Some(cases) if !cases.is_empty() => target.unknown_cases(cases),
        _ => Vec::new(),
    };
    match kind {
        Kind::Lab => Lab::parse(source).map_or_else(|wrong| wrong, |lab| replaced(&lab, source)),
        Kind::Ledger => Ledger::parse(source).err().unwrap_or_default(),
        Kind::Target => Target::parse(source).map_or_else(|wrong| wrong, unknown),
        Kind::Scenario => Vec::new(),
    }
}

/// The mistake of a lab that can replace no lab in its folder, nor any in the folder of labs below the default one.
fn replaced(lab: &Lab, source: &Arc<Source>) -> Vec<Diagnostic> {
    let Some(name) = lab.stands_in_for.as_deref() else { return Vec::new() };
    let folder = Path::new(source.path()).parent().unwrap_or(Path::new(""));
    let labs = Path::new(DEFAULT_PATH).join(LABS);
    if [folder, &labs].iter().any(|folder| folder.join(name).is_file()) {
        return Vec::new();
    }
    let message = format!("`stands-in-for` names `{name}`, and there is no such lab");
    let near = near_files(folder, name, &[]);
    let near = did_you_mean(&near.iter().map(String::as_str).collect::<Vec<_>>());
    let wrong = match field(source, "stands-in-for") {
        Some(place) => Diagnostic::at(&place, message).label(near.unwrap_or_default()),
        None => Diagnostic::of_file(source.path(), message),
    };
    vec![wrong.note("it is the name of a lab file in the same folder, which this lab can replace")]
}

/// The place of a field's value.
fn field(source: &Arc<Source>, key: &str) -> Option<Place> {
    let Value::Mapping(entries) = yaml::parse(source).ok()?.value else { return None };
    entries.into_iter().find(|entry| entry.key == key).map(|entry| entry.value.place)
}

/// The ids of the cases of conformance in a folder, and their former ids.
fn cases_below(folder: &Path, scenarios: &[Scenario]) -> Vec<String> {
    let is_one = |it: &&Scenario| it.conformance.is_some() && it.path.starts_with(folder);
    let ids = |case: &Scenario| [std::slice::from_ref(&case.id), case.former_ids()].concat();
    scenarios.iter().filter(is_one).flat_map(ids).collect()
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
