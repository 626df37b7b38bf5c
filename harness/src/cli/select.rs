//! Which scenarios a command is about.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use super::exit::Exit;
use super::{complain, output};
use crate::diagnostic::Diagnostic;
use crate::lab::Lab;
use crate::scenario::{Found, LoadErrors, Scenario, discover, load};

/// Where scenarios are looked for unless it is said where.
const DEFAULT_PATH: &str = "scenarios";

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
    pub(super) fn load(&self) -> Result<Vec<Scenario>, Exit> {
        let scenarios = self.read().map_err(|errors| {
            output::diagnostics(errors.diagnostics());
            Exit::Usage
        })?;
        if scenarios.is_empty() {
            complain(&format!("there are no scenarios in {}", self.shown_paths()));
            return Err(Exit::NothingSelected);
        }
        self.tagged(scenarios)
    }

    fn read(&self) -> Result<Vec<Scenario>, LoadErrors> {
        let mut errors = Vec::new();
        let lab = self.lab.as_deref().map(Lab::load).transpose();
        let lab = lab.unwrap_or_else(|wrong| {
            errors.extend(wrong);
            // Anything but none: the scenarios' own labs are not asked for.
            Some(Lab::default())
        });
        let broken_lab = !errors.is_empty();
        let mut scenarios = Vec::new();
        for found in self.discover()? {
            match load(&found, lab.as_ref()) {
                Ok(scenario) => scenarios.push(scenario),
                // Devices of a lab that cannot be read are not missed.
                Err(_) if broken_lab => {}
                Err(wrong) => errors.extend_from_slice(wrong.diagnostics()),
            }
        }
        if errors.is_empty() { Ok(scenarios) } else { Err(LoadErrors::new(errors)) }
    }

    fn discover(&self) -> Result<Vec<Found>, LoadErrors> {
        let default = Path::new(DEFAULT_PATH);
        if self.paths == [default] && !default.exists() {
            let nowhere = Diagnostic::of_file(DEFAULT_PATH, "there is no such file or folder");
            let note = "this is where scenarios are looked for when no path is given";
            return Err(LoadErrors::new(vec![nowhere.note(note)]));
        }
        discover(&self.paths)
    }

    fn tagged(&self, mut scenarios: Vec<Scenario>) -> Result<Vec<Scenario>, Exit> {
        let known: BTreeSet<String> =
            scenarios.iter().flat_map(|scenario| scenario.tags.iter().cloned()).collect();
        if !self.tags.is_empty() {
            scenarios.retain(|scenario| scenario.tags.iter().any(|tag| self.tags.contains(tag)));
        }
        if scenarios.is_empty() {
            let wanted = self.tags.join("`, `");
            let message = format!("no scenario has the tag `{wanted}`");
            let known = known.iter().map(String::as_str);
            output::diagnostics(&[Diagnostic::general(message).known(
                &wanted,
                "known tags",
                known,
            )]);
            return Err(Exit::NothingSelected);
        }
        Ok(scenarios)
    }

    fn shown_paths(&self) -> String {
        let paths: Vec<String> =
            self.paths.iter().map(|path| format!("`{}`", path.display())).collect();
        paths.join(", ")
    }
}
