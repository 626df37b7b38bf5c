//! From the tree of a scenario file to the scenario.

use std::path::{Component, Path, PathBuf};

use super::steps::{Saved, step};
use super::{Found, Scenario, Step, conformance};
use crate::lab::Lab;
use diagnostics::yaml::{Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Location};

/// Reads what can be read, and notes the rest as problems; what is wrong within the lab's own file is put apart.
///
/// `instead` is the lab that stands in for the scenario's own.
pub(super) fn decode(
    node: &Node,
    found: &Found,
    instead: Option<&Lab>,
    problems: &Problems,
    lab_errors: &mut Vec<Diagnostic>,
) -> Option<Scenario> {
    let known = ["title", "description", "tags", "conformance", "lab", "steps"];
    let fields = Fields::of(node, "a scenario", &known, problems)?;
    let text = |node: &Node| node.text(problems);
    let title = fields.required("title").and_then(text);
    let description = fields.optional("description").and_then(text);
    let tags = fields.one_or_more("tags").iter().filter_map(text).collect();
    let conformance =
        fields.optional("conformance").and_then(|node| conformance::decode(node, problems));
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
        let way_out = "a lab is a path relative to this file, or a map in its place";
        problems.add(Diagnostic::at(&node.place, message).note(way_out));
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
