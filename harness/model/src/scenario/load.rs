//! Reads a scenario file and the lab it names.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::steps::{Saved, step};
use super::{Found, Scenario, Step, conformance};
use crate::lab::Lab;
use diagnostics::yaml::{self, Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Location, Source};

/// All that is wrong with some files, in their order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n"))]
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
    parse(&source, found, lab)
}

/// Reads the text of a scenario's file as [`load`] does.
///
/// # Errors
/// As those of [`load`].
pub fn parse(
    source: &Arc<Source>,
    found: &Found,
    lab: Option<&Lab>,
) -> Result<Scenario, LoadErrors> {
    let node = yaml::parse(source).map_err(|error| LoadErrors::new(vec![error]))?;
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

/// Reads what can be read, and notes the rest as problems; what is wrong within the lab's own file is put apart.
///
/// `instead` is the lab that stands in for the scenario's own.
fn decode(
    node: &Node,
    found: &Found,
    instead: Option<&Lab>,
    problems: &Problems,
    lab_errors: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let known = ["title", "description", "tags", "conformance", "lab", "steps"];
    let fields = Fields::of(node, "a scenario", &known, problems)?;
    let title = fields.required_as("title", Node::text);
    let description = fields.optional_as("description", Node::text);
    let tags = fields.one_or_more("tags").iter().filter_map(|node| node.text(problems)).collect();
    let conformance = fields.optional_as("conformance", conformance::decode);
    // A lab that another stands in for need not be there, nor be in order.
    let lab_file = fields.optional("lab").and_then(|node| lab_file(node, &found.path));
    let not_here = instead.and_then(|lab| not_here(lab, lab_file.as_deref()));
    let lab = match instead {
        Some(lab) if not_here.is_none() => Some(lab.clone()),
        _ => fields
            .required("lab")
            .and_then(|node| lab(node, lab_file.as_deref(), problems, lab_errors)),
    };
    let steps = fields.required("steps").map(|node| steps(node, lab.as_ref(), problems));
    Some(Scenario {
        id: found.id.clone(),
        path: found.path.clone(),
        title: title?,
        description,
        tags,
        lab: lab?,
        lab_file,
        conformance,
        steps: steps?,
        not_here,
    })
}

/// Why a lab cannot be the one of a scenario that names `own`: it stands in for another alone.
fn not_here(lab: &Lab, own: Option<&Path>) -> Option<String> {
    let meant = lab.stands_in_for.as_deref()?;
    let own = match own.and_then(Path::file_name) {
        Some(name) if name == meant => return None,
        Some(name) => format!("is `{}`", name.to_string_lossy()),
        None => "is written in the file itself".to_owned(),
    };
    Some(format!("its lab {own}, and the one given stands in for `{meant}` alone"))
}

/// The file that a lab is named by, relative to the scenario's own.
fn lab_file(node: &Node, path: &Path) -> Option<PathBuf> {
    let Value::Scalar { text, .. } = &node.value else { return None };
    Some(without_detour(path.parent().unwrap_or(Path::new("")).join(text)))
}

/// The lab in place, or the one in the file that is named.
fn lab(
    node: &Node,
    file: Option<&Path>,
    problems: &Problems,
    lab_errors: &mut Vec<Diagnostic>,
) -> Option<Lab> {
    if let Value::Mapping(_) = node.value {
        return Some(Lab::decode(node, problems));
    }
    // What is no text has no name, and says so.
    node.text(problems)?;
    let file = file?;
    let wrong = match Lab::load(file) {
        Ok(lab) => return Some(lab),
        Err(wrong) => wrong,
    };
    if let [Diagnostic { location: Location::File(_), message, .. }] = wrong.as_slice() {
        // It cannot be read at all, which is a matter of where it is named.
        let reason = message.strip_prefix("the file ").unwrap_or(message);
        let message = format!("lab file `{}` {reason}", file.display());
        let advice = "a lab is a path relative to this file, or a map in its place";
        problems.add(Diagnostic::at(&node.place, message).note(advice));
    } else {
        lab_errors.extend(wrong);
    }
    None
}

/// `scep/../labs/x.yaml` as `labs/x.yaml`, so that two scenarios name their common lab alike.
fn without_detour(path: PathBuf) -> PathBuf {
    let mut direct = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if direct.file_name().is_some() => {
                direct.pop();
            }
            other => direct.push(other),
        }
    }
    // Behind a link, `..` leads elsewhere.
    let target = |path: &Path| std::fs::canonicalize(path).ok();
    if target(&direct).is_some_and(|file| Some(file) == target(&path)) { direct } else { path }
}

fn steps(node: &Node, lab: Option<&Lab>, problems: &Problems) -> Vec<Step> {
    let items = node.items(problems);
    if items.is_empty() && matches!(node.value, Value::Sequence(_)) {
        problems.add(Diagnostic::at(&node.place, "a scenario has at least one step"));
    }
    let mut saved = Saved::default();
    let read = |item| {
        let step = step(item, lab, problems);
        saved.follow(item, step.as_ref(), problems);
        step
    };
    items.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests;
