//! From the tree of a scenario file to the scenario.

use std::path::{Component, Path, PathBuf};

use super::Step;
use super::conformance::{self, Conformance};
use super::steps::{Saved, step};
use crate::lab::Lab;
use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems, Value};

/// What a scenario file says.
pub(super) struct Decoded {
    pub(super) title: String,
    pub(super) description: Option<String>,
    pub(super) tags: Vec<String>,
    pub(super) lab: Lab,
    pub(super) lab_file: Option<PathBuf>,
    pub(super) conformance: Option<Conformance>,
    pub(super) steps: Vec<Step>,
    pub(super) not_here: Option<String>,
}

/// Where a scenario's lab comes from.
pub(super) struct Labs<'a> {
    /// The lab that stands in for the scenario's own.
    pub(super) instead: Option<&'a Lab>,
    /// Reads a lab file; the errors within it are noted elsewhere, and `None` is all that is said here.
    pub(super) read: &'a dyn Fn(&Path) -> Result<Option<Lab>, String>,
}

/// Reads what can be read, and notes the rest as problems.
pub(super) fn decode(
    node: &Node,
    path: &Path,
    labs: &Labs<'_>,
    problems: &Problems,
) -> Option<Decoded> {
    let known = ["title", "description", "tags", "conformance", "lab", "steps"];
    let fields = Fields::of(node, "a scenario", &known, problems)?;
    let title = fields.required_as("title", Node::text);
    let description = fields.optional_as("description", Node::text);
    let tags = fields.optional("tags").map(|node| tags(node, problems)).unwrap_or_default();
    let conformance = fields.optional_as("conformance", conformance::decode);
    // A lab that another stands in for need not be there, nor be in order.
    let named = fields.optional("lab").and_then(|node| lab_file(node, path));
    let not_here = labs.instead.and_then(|lab| not_here(lab, named.as_deref()));
    let lab = match labs.instead {
        Some(lab) if not_here.is_none() => Some(lab.clone()),
        _ => fields.required("lab").and_then(|node| lab(node, named.as_deref(), labs, problems)),
    };
    let steps = fields.required("steps").map(|node| steps(node, lab.as_ref(), problems));
    Some(Decoded {
        title: title?,
        description,
        tags,
        lab: lab?,
        lab_file: named,
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

fn tags(node: &Node, problems: &Problems) -> Vec<String> {
    node.one_or_more(problems).iter().filter_map(|node| node.text(problems)).collect()
}

/// The lab in place, or the one in the file that is named.
fn lab(node: &Node, file: Option<&Path>, labs: &Labs<'_>, problems: &Problems) -> Option<Lab> {
    if let Value::Mapping(_) = node.value {
        return Some(Lab::decode(node, problems));
    }
    // What is no text has no name, and says so.
    node.text(problems)?;
    let file = file?;
    match (labs.read)(file) {
        Ok(lab) => lab,
        Err(reason) => {
            let message = format!("lab file `{}` {reason}", file.display());
            problems.add(
                Diagnostic::at(&node.place, message)
                    .note("a lab is a path relative to this file, or a map in its place"),
            );
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
