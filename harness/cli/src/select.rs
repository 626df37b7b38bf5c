//! The selection of scenarios by paths and tags.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{CommandError, Exit};
use diagnostics::Diagnostic;
use model::lab::Lab;
use model::scenario::{Found, LoadErrors, Scenario, TARGETS, discover, load_each};

/// The folder of scenarios if no path is given.
pub(super) const DEFAULT_PATH: &str = "scenarios";

/// The paths and tags that select scenarios.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Scenario files, or folders that are searched for them, except for folders named `labs` and `targets`
    #[arg(value_name = "PATH", default_value = DEFAULT_PATH)]
    paths: Vec<PathBuf>,
    /// Only scenarios with this tag; may be given several times for scenarios with any of these tags
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A lab file to use instead of the lab that each scenario names
    #[arg(long, value_name = "FILE")]
    lab: Option<PathBuf>,
}

impl Selection {
    /// Reads the selected scenarios; the error has the mistakes in all of them.
    pub(super) fn load(&self) -> Result<Vec<Scenario>, CommandError> {
        let has_tag = |it: &Scenario| it.tags.iter().any(|tag| self.tags.contains(tag));
        let is_meant = |it: &Scenario| self.tags.is_empty() || has_tag(it);
        chosen(self.read()?, &self.paths, &self.tags.join("`, `"), is_meant)
    }

    /// The given paths that are files.
    pub(super) fn files(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().filter(|path| path.is_file())
    }

    /// The given paths that are folders.
    pub(super) fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().filter(|path| path.is_dir())
    }

    /// True if only scenarios with some tag are selected.
    pub(super) fn is_by_tag(&self) -> bool {
        !self.tags.is_empty()
    }

    /// The selection without files that are not scenarios, and without folders of target files; `None` if no path is left.
    pub(super) fn without(&self, is_other: impl Fn(&Path) -> bool) -> Option<Self> {
        let is_targets = |path: &Path| path.is_dir() && path.ends_with(TARGETS);
        let has_scenarios = |path: &&PathBuf| !is_other(path) && !is_targets(path);
        let paths: Vec<PathBuf> = self.paths.iter().filter(has_scenarios).cloned().collect();
        let (tags, lab) = (self.tags.clone(), self.lab.clone());
        (!paths.is_empty()).then_some(Self { paths, tags, lab })
    }

    fn read(&self) -> Result<Vec<Scenario>, LoadErrors> {
        let mut errors = Vec::new();
        let lab = self.lab.as_deref().map(Lab::load).transpose();
        let lab = lab.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            // Some lab, so that the scenarios' own labs are not read.
            Some(Lab::default())
        });
        let scenarios = load_each(&found(&self.paths)?, lab.as_ref());
        // If the lab cannot be read, errors about its devices would mislead.
        if errors.is_empty() { scenarios } else { Err(LoadErrors::new(errors)) }
    }
}

/// Reads the scenario files among `paths`, and the scenarios with the tag in its folders.
pub(super) fn tagged_or_named(paths: &[PathBuf], tag: &str) -> Result<Vec<Scenario>, CommandError> {
    let is_meant =
        |it: &Scenario| paths.contains(&it.path) || it.tags.iter().any(|other| other == tag);
    chosen(load_all(paths)?, paths, tag, is_meant)
}

/// The scenarios that `is_meant` selects, at least one; the error names the requested `tags`.
fn chosen(
    scenarios: Vec<Scenario>,
    paths: &[PathBuf],
    tags: &str,
    is_meant: impl Fn(&Scenario) -> bool,
) -> Result<Vec<Scenario>, CommandError> {
    if scenarios.is_empty() {
        let paths: Vec<String> = paths.iter().map(|path| format!("`{}`", path.display())).collect();
        let nothing = format!("there are no scenarios in {}", paths.join(", "));
        return Err(Exit::NothingSelected.because(nothing));
    }
    let known: BTreeSet<String> = scenarios.iter().flat_map(|it| it.tags.clone()).collect();
    let chosen: Vec<Scenario> = scenarios.into_iter().filter(is_meant).collect();
    if chosen.is_empty() {
        let nothing = Diagnostic::general(format!("no scenario has the tag `{tags}`"));
        let known = known.iter().map(String::as_str);
        return Err(Exit::NothingSelected.with(vec![nothing.known(tags, "known tags", known)]));
    }
    Ok(chosen)
}

/// Reads all scenarios at these paths; the error has the mistakes in all of them.
pub(super) fn load_all(paths: &[PathBuf]) -> Result<Vec<Scenario>, LoadErrors> {
    load_each(&found(paths)?, None)
}

fn found(paths: &[PathBuf]) -> Result<Vec<Found>, LoadErrors> {
    let default = Path::new(DEFAULT_PATH);
    if paths == [default] && !default.exists() {
        let nowhere = Diagnostic::of_file(DEFAULT_PATH, "there is no such file or folder");
        let note = "this folder is searched for scenarios if no path is given";
        return Err(LoadErrors::new(vec![nowhere.note(note)]));
    }
    discover(paths)
}
