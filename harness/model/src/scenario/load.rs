//! Reads a scenario file and the lab it names.

use std::fmt;

use super::decode::decode;
use super::{Found, Scenario};
use crate::lab::Lab;
use diagnostics::yaml::{self, Problems};
use diagnostics::{Diagnostic, Source};

/// All that is wrong with some files, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadErrors(Vec<Diagnostic>);

impl LoadErrors {
    /// Sorts by file and place; what two scenarios say of their common lab is said once.
    pub fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort();
        diagnostics.dedup();
        Self(diagnostics)
    }

    /// What is wrong.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for LoadErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, diagnostic) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            write!(f, "{diagnostic}")?;
        }
        Ok(())
    }
}

impl std::error::Error for LoadErrors {}

/// Reads scenarios as [`load`] does.
///
/// # Errors
/// All that is wrong with any of them.
pub fn load_each(found: &[Found], lab: Option<&Lab>) -> Result<Vec<Scenario>, LoadErrors> {
    let (mut scenarios, mut errors) = (Vec::new(), Vec::new());
    for found in found {
        match load(found, lab) {
            Ok(scenario) => scenarios.push(scenario),
            Err(wrong) => errors.extend(wrong.0),
        }
    }
    if errors.is_empty() { Ok(scenarios) } else { Err(LoadErrors::new(errors)) }
}

/// Reads a scenario; `lab` stands in for the one that it names, unless it says that it is for another. The scenario is read
/// for its own lab then, and is not run.
///
/// # Errors
/// All that is wrong with its file and its lab.
pub fn load(found: &Found, lab: Option<&Lab>) -> Result<Scenario, LoadErrors> {
    let source = Source::read(&found.path).map_err(|error| LoadErrors::new(vec![error]))?;
    let node = yaml::parse(&source).map_err(|error| LoadErrors::new(vec![error]))?;
    let (problems, mut lab_errors) = (Problems::default(), Vec::new());
    match decode(&node, found, lab, &problems, &mut lab_errors) {
        Some(scenario) if problems.is_empty() && lab_errors.is_empty() => Ok(scenario),
        _ => {
            let mut errors = problems.of_file(&node);
            errors.extend(lab_errors);
            Err(LoadErrors::new(errors))
        }
    }
}

#[cfg(test)]
mod tests;
