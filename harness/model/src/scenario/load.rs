//! Reads a scenario file and its lab.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use self::secrets::secrets_of;
use super::advice::on_field;
use super::steps::{Remembered, Saved, Timeline, step};
use super::{Action, Found, Scenario, Step, conformance};
use crate::lab::Lab;
use crate::near_files::near_files;
use diagnostics::yaml::{self, Fields, Keys, Node, Problems, Value};
use diagnostics::{Diagnostic, QUOTE, Source, did_you_mean};
use redact::{Masker, Secret};

mod secrets;

/// The fields of a scenario.
pub const FIELDS: [&str; 6] = ["title", "description", "tags", "conformance", "lab", "steps"];

/// All mistakes in some files, in order.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .diagnostics.iter().map(Diagnostic::to_string).collect::<Vec<_>>().join("\n\n"))]
pub struct LoadErrors {
    diagnostics: Vec<Diagnostic>,
    secrets: Vec<Secret>,
}

impl LoadErrors {
    /// Sorts by file and place; a mistake in a lab that several scenarios share appears once.
    pub fn new(mut diagnostics: Vec<Diagnostic>) -> Self {
        diagnostics.sort();
        diagnostics.dedup();
        Self { diagnostics, secrets: Vec::new() }
    }

    /// The same without these secrets of the files, and of the labs that they name. If `quotes_may_nest`, a file contains
    /// backticks, so the end of a quotation is unknown.
    #[must_use]
    pub fn without(self, secrets: Vec<Secret>, quotes_may_nest: bool) -> Self {
        let masker = Masker::new(secrets.iter().cloned());
        let diagnostics = Diagnostic::all_masked(self.diagnostics, &masker, quotes_may_nest);
        Self { secrets: [self.secrets, secrets].concat(), ..Self::new(diagnostics) }
    }

    /// The mistakes.
    pub fn diagnostics(&self) -> &[Diagnostic] {
        &self.diagnostics
    }

    /// The values in the files and their labs that may be secrets, for masking what else is shown.
    pub fn secrets(&self) -> &[Secret] {
        &self.secrets
    }
}

/// Reads scenarios as [`load`] does.
///
/// # Errors
/// All mistakes in any of them.
pub fn load_each(found: &[Found], lab: Option<&Lab>) -> Result<Vec<Scenario>, LoadErrors> {
    load_each_by(Source::read, found, lab)
}

/// The same, with the files read by `read`.
///
/// # Errors
/// All mistakes in any of them.
pub fn load_each_by(
    read: impl Fn(&Path) -> Result<Arc<Source>, Diagnostic>,
    found: &[Found],
    lab: Option<&Lab>,
) -> Result<Vec<Scenario>, LoadErrors> {
    let (mut scenarios, mut errors, mut secrets) = (Vec::new(), Vec::new(), Vec::new());
    for found in found {
        let source = read(&found.path).map_err(|error| LoadErrors::new(vec![error]));
        match source.and_then(|source| parse(&source, found, lab)) {
            Ok(scenario) => scenarios.push(scenario),
            Err(wrong) => {
                errors.extend(wrong.diagnostics);
                secrets.extend(wrong.secrets);
            }
        }
    }
    if errors.is_empty() {
        return Ok(scenarios);
    }
    secrets.extend(scenarios.iter().flat_map(|scenario| scenario.lab.secrets_at_hand()));
    Err(LoadErrors::new(errors).without(secrets, false))
}

/// Reads a scenario. `lab` replaces its own, unless `lab` is for another one. Then the scenario is read with its own lab and
/// skipped.
///
/// # Errors
/// All mistakes in its file and its lab.
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
    let wrong = |wrong, parsed: Option<&Node>| {
        let quotes_may_nest = source.text().contains(QUOTE);
        let secrets = secrets_of(source, parsed, &found.path, lab);
        LoadErrors::new(wrong).without(secrets, quotes_may_nest)
    };
    let node = yaml::parse(source).map_err(|error| wrong(vec![error], None))?;
    let (problems, mut lab_errors) = (Problems::default(), Vec::new());
    match decode(&node, found, lab, &problems, &mut lab_errors) {
        Some(scenario) if problems.is_empty() && lab_errors.is_empty() => Ok(scenario),
        _ => {
            let mut errors = problems.of_file(&node);
            errors.extend(lab_errors);
            Err(wrong(errors, Some(&node)))
        }
    }
}

/// Reads as much as possible, and reports the rest as problems; mistakes in the lab's own file are kept apart.
///
/// `instead` is the lab that replaces the scenario's own.
fn decode(
    node: &Node,
    found: &Found,
    instead: Option<&Lab>,
    problems: &Problems,
    lab_errors: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let keys = Keys::of_file(&FIELDS).advised(on_field);
    let fields = Fields::of(node, "a scenario", keys, problems)?;
    let title = fields.required_as("title", Node::text);
    let description = fields.optional_as("description", Node::text);
    let tags = fields.one_or_more("tags").iter().filter_map(|node| tag(node, problems)).collect();
    let conformance = fields.optional_as("conformance", conformance::decode);
    // A lab that is replaced may be missing or wrong.
    let lab_file = fields.optional("lab").and_then(|node| lab_file(node, &found.path));
    let skip_reason = instead.and_then(|lab| skip_reason(lab, lab_file.as_deref()));
    let lab = match instead {
        Some(lab) if skip_reason.is_none() => Some(lab.clone()),
        _ => fields
            .required("lab")
            .and_then(|node| lab(node, lab_file.as_deref(), problems, lab_errors)),
    };
    let steps = fields.required("steps").map(|node| steps(node, lab.as_ref(), problems));
    let is_moved = |step: &Step| matches!(step.action, Action::Advance(_));
    let is_moved = steps.iter().flatten().any(is_moved);
    Some(Scenario {
        id: found.id.clone(),
        path: found.path.clone(),
        title: title?,
        description,
        tags,
        lab: Lab { is_moved, ..lab? },
        lab_file,
        conformance,
        steps: steps?,
        skip_reason,
    })
}

/// A tag. One with a comma is several tags in one text.
fn tag(node: &Node, problems: &Problems) -> Option<String> {
    let tag = node.text(problems)?;
    if tag.contains(',') {
        let tags: Vec<&str> = tag.split(',').map(str::trim).collect();
        let message = format!("a tag cannot have a comma, as `{tag}` has");
        let advice = format!("several tags are a list: `[{}]`", tags.join(", "));
        problems.add(Diagnostic::at(&node.place, message).note(advice));
    }
    Some(tag)
}

/// Reason why `lab` cannot replace `own`: it is for another lab.
fn skip_reason(lab: &Lab, own: Option<&Path>) -> Option<String> {
    let meant = lab.stands_in_for.as_deref()?;
    let own = match own.and_then(Path::file_name) {
        Some(name) if name == meant => return None,
        Some(name) => format!("is `{}`", name.to_string_lossy()),
        None => "is written in the file itself".to_owned(),
    };
    Some(format!("its lab {own}, and the lab given stands in for `{meant}` only"))
}

/// The path of the lab file, relative to the scenario's folder.
fn lab_file(node: &Node, path: &Path) -> Option<PathBuf> {
    let Value::Scalar { text, .. } = &node.value else { return None };
    Some(without_detour(path.parent().unwrap_or(Path::new("")).join(text)))
}

/// The lab in the scenario, or the one in its lab file.
fn lab(
    node: &Node,
    file: Option<&Path>,
    problems: &Problems,
    lab_errors: &mut Vec<Diagnostic>,
) -> Option<Lab> {
    if let Value::Mapping(_) = node.value {
        return Some(Lab::decode(node, problems));
    }
    // A node that is no text reports that.
    let given = node.text(problems)?;
    let file = file?;
    match Source::open(file) {
        Ok(source) => Lab::parse(&source).map_err(|wrong| lab_errors.extend(wrong)).ok(),
        Err(reason) => {
            // A file that is not read is reported at the place that names it.
            let message = format!("lab file `{}` {reason}", file.display());
            let folder = Path::new(node.place.source().path()).parent().unwrap_or(Path::new(""));
            let near = near_files(folder, &given, &["labs", "../labs", ".."]);
            let near = did_you_mean(&near.iter().map(String::as_str).collect::<Vec<_>>());
            let wrong = Diagnostic::at(&node.place, message).label(near.unwrap_or_default());
            let advice = "a lab is a path relative to this file, or a map in its place";
            problems.add(wrong.note(advice));
            None
        }
    }
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
    // Behind a symbolic link, `..` leads elsewhere.
    let target = |path: &Path| std::fs::canonicalize(path).ok();
    if target(&direct).is_some_and(|file| Some(file) == target(&path)) { direct } else { path }
}

fn steps(node: &Node, lab: Option<&Lab>, problems: &Problems) -> Vec<Step> {
    let items = node.items(problems);
    if items.is_empty() && matches!(node.value, Value::Sequence(_)) {
        problems.add(Diagnostic::at(&node.place, "a scenario has at least one step"));
    }
    let (mut saved, mut timeline) = (Saved::default(), Timeline::of(lab));
    let mut remembered = Remembered::default();
    let read = |item| {
        let step = step(item, lab, problems);
        saved.follow(item, step.as_ref(), problems);
        timeline.follow(step.as_ref(), problems);
        remembered.follow(step.as_ref(), problems);
        step
    };
    items.iter().filter_map(read).collect()
}

#[cfg(test)]
mod tests;
