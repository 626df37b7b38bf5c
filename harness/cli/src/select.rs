//! The selection of scenarios by paths and tags.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;

use super::exit::{CommandError, Exit};
use super::output;
use super::secrets::short;
use diagnostics::{Diagnostic, Source, did_you_mean};
use model::lab::Lab;
use model::near_files;
use model::scenario::{
    Found, LoadErrors, Scenario, Step, TARGETS, discover, load_each, load_each_by,
};
use redact::{clear_passwords, is_short};

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
        self.load_by(Source::read)
    }

    /// The same, with the files read by `read`.
    pub(super) fn load_by(
        &self,
        read: impl Fn(&Path) -> Result<Arc<Source>, Diagnostic>,
    ) -> Result<Vec<Scenario>, CommandError> {
        let has_tag = |it: &Scenario| it.tags.iter().any(|tag| self.tags.contains(tag));
        let is_meant = |it: &Scenario| self.tags.is_empty() || has_tag(it);
        chosen(self.read(read)?, &self.paths, &self.tags.join("`, `"), is_meant)
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

    /// The error about the lab, with suggestions if there is no such file.
    fn with_near_lab(&self, wrong: Diagnostic) -> Diagnostic {
        let Some(lab) = self.lab.as_deref().filter(|lab| !lab.exists()) else { return wrong };
        let near =
            near_files(Path::new(""), &lab.display().to_string(), &["scenarios/labs", "labs"]);
        let near = did_you_mean(&near.iter().map(String::as_str).collect::<Vec<_>>());
        near.into_iter().fold(wrong, Diagnostic::note)
    }

    fn read(
        &self,
        read: impl Fn(&Path) -> Result<Arc<Source>, Diagnostic>,
    ) -> Result<Vec<Scenario>, LoadErrors> {
        let mut errors = Vec::new();
        let lab = self.lab.as_deref().map(Lab::load).transpose();
        let lab = lab.unwrap_or_else(|wrong| {
            errors.extend(wrong.into_iter().map(|wrong| self.with_near_lab(wrong)));
            // Some lab, so that the scenarios' own labs are not read.
            Some(Lab::default())
        });
        let scenarios = load_each_by(read, &found(&self.paths)?, lab.as_ref());
        // If the lab cannot be read, errors about its devices would mislead.
        if errors.is_empty() {
            return scenarios;
        }
        let secrets = self.lab.as_deref().map(Lab::possible_secrets_in).unwrap_or_default();
        Err(LoadErrors::new(errors).without(secrets, false))
    }

    /// Masks the secrets of these scenarios in all output, and warns of those that are too short for that.
    pub(super) fn keep_secrets_of(&self, scenarios: &[Scenario]) {
        keep_secrets_of(scenarios, self.lab.as_deref());
    }
}

/// Masks the secrets of these scenarios in all output, and warns of those that are too short for that; `lab` is the lab file of the
/// command line.
pub(super) fn keep_secrets_of(scenarios: &[Scenario], lab: Option<&Path>) {
    let warnings = scenarios.iter().flat_map(|scenario| {
        let file = file_of_lab(scenario, lab);
        let in_lab = scenario.lab.short_secrets().into_iter().map(|what| (file, what));
        let in_steps = short_in_steps(scenario).into_iter();
        let in_steps = in_steps.map(|what| (scenario.path.as_path(), what));
        in_lab.chain(in_steps).collect::<Vec<_>>()
    });
    let warning = |(path, what): (&Path, String)| {
        short(|message| Diagnostic::of_file(path.display().to_string(), message), &what)
    };
    output::warnings(LoadErrors::new(warnings.map(warning).collect()).diagnostics());
    for scenario in scenarios {
        output::hide(&scenario.lab.secrets());
    }
}

/// The file of the lab that a scenario uses: the one of the command line, unless that is for another lab.
fn file_of_lab<'a>(scenario: &'a Scenario, lab: Option<&'a Path>) -> &'a Path {
    let own = scenario.lab_file.as_deref().unwrap_or(&scenario.path);
    lab.filter(|_| scenario.skip_reason.is_none()).unwrap_or(own)
}

/// The passwords in configuration lines of steps that are too short to be masked everywhere, unless they are those of the lab.
fn short_in_steps(scenario: &Scenario) -> Vec<String> {
    let known = scenario.lab.secrets();
    let is_short_line = |line: &str| {
        let found = clear_passwords(line);
        !found.is_empty() && found.iter().all(|secret| is_short(secret) && !known.contains(secret))
    };
    let given = |step: &Step| {
        step.action.given_to_device().is_some_and(|lines| lines.lines().any(is_short_line))
    };
    let short = scenario.steps.iter().zip(1..).filter(|(step, _)| given(step));
    short.map(|(_, number)| format!("the password in step {number}")).collect()
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
