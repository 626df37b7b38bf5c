//! Which scenarios a command is about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::{CommandError, Exit};
use diagnostics::Diagnostic;
use model::lab::Lab;
use model::scenario::{Found, LoadErrors, Scenario, TARGETS, discover, load_each, target_files};

/// Where scenarios are looked for unless it is said where.
pub(super) const DEFAULT_PATH: &str = "scenarios";

/// The paths and tags that select scenarios.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// Scenario files, or folders to search for them; folders named `labs` hold none
    #[arg(value_name = "PATH", default_value = DEFAULT_PATH)]
    paths: Vec<PathBuf>,
    /// Only scenarios with this tag; may be given several times, and any of the tags will do
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// The lab that stands in for the scenarios' own
    #[arg(long, value_name = "FILE")]
    lab: Option<PathBuf>,
}

impl Selection {
    /// Reads the selected scenarios; what is wrong with any of them is shown, all at once.
    pub(super) fn load(&self) -> Result<Vec<Scenario>, CommandError> {
        let has_tag = |it: &Scenario| it.tags.iter().any(|tag| self.tags.contains(tag));
        let is_meant = |it: &Scenario| self.tags.is_empty() || has_tag(it);
        chosen(self.read()?, &self.paths, &self.tags.join("`, `"), is_meant)
    }

    /// The target files that are named.
    pub(super) fn named_targets(&self) -> Vec<PathBuf> {
        let files = self.paths.iter().filter(|path| path.is_file());
        target_files(&files.cloned().collect::<Vec<_>>())
    }

    /// The folders that are named.
    pub(super) fn folders(&self) -> impl Iterator<Item = &PathBuf> {
        self.paths.iter().filter(|path| path.is_dir())
    }

    /// Whether only some of the scenarios are meant that are there.
    pub(super) fn is_by_tag(&self) -> bool {
        !self.tags.is_empty()
    }

    /// The same paths without the target files that are named; `None` where nothing is left.
    pub(super) fn without_targets(&self) -> Option<Self> {
        let targets = self.named_targets();
        let holds_targets_alone =
            |path: &PathBuf| targets.contains(path) || path.is_dir() && path.ends_with(TARGETS);
        let paths: Vec<PathBuf> =
            self.paths.iter().filter(|path| !holds_targets_alone(path)).cloned().collect();
        let (tags, lab) = (self.tags.clone(), self.lab.clone());
        (!paths.is_empty()).then_some(Self { paths, tags, lab })
    }

    fn read(&self) -> Result<Vec<Scenario>, LoadErrors> {
        let mut errors = Vec::new();
        let lab = self.lab.as_deref().map(Lab::load).transpose();
        let lab = lab.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            // Anything but none: the scenarios' own labs are not asked for.
            Some(Lab::default())
        });
        let scenarios = load_each(&found(&self.paths)?, lab.as_ref());
        // Devices of a lab that cannot be read are not missed.
        if errors.is_empty() { scenarios } else { Err(LoadErrors::new(errors)) }
    }
}

/// Reads the scenarios that are named, and those with a tag in the folders that are.
pub(super) fn tagged_or_named(paths: &[PathBuf], tag: &str) -> Result<Vec<Scenario>, CommandError> {
    let is_meant =
        |it: &Scenario| paths.contains(&it.path) || it.tags.iter().any(|other| other == tag);
    chosen(load_all(paths)?, paths, tag, is_meant)
}

/// Those of the scenarios in these places that are meant, one at least; `tags` are the tags that were asked for.
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

/// Reads all scenarios in these places; the error is all that is wrong with them.
pub(super) fn load_all(paths: &[PathBuf]) -> Result<Vec<Scenario>, LoadErrors> {
    load_each(&found(paths)?, None)
}

fn found(paths: &[PathBuf]) -> Result<Vec<Found>, LoadErrors> {
    let default = Path::new(DEFAULT_PATH);
    if paths == [default] && !default.exists() {
        let nowhere = Diagnostic::of_file(DEFAULT_PATH, "there is no such file or folder");
        let note = "this is where scenarios are looked for when no path is given";
        return Err(LoadErrors::new(vec![nowhere.note(note)]));
    }
    discover(paths)
}
