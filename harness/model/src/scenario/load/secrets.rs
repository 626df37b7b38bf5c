//! Secrets of a scenario that cannot be read, and of its lab, as far as these can be found.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::without_detour;
use crate::lab::{Lab, possible_secrets};
use diagnostics::Source;
use diagnostics::yaml::{Node, Value};
use redact::Secret;

/// What may be a secret in a scenario's text, in the lab file that it names, and in the lab that replaces that; `parsed` is the text as
/// YAML, if it is that.
pub(super) fn secrets_of(
    source: &Arc<Source>,
    parsed: Option<&Node>,
    path: &Path,
    instead: Option<&Lab>,
) -> Vec<Secret> {
    let mut secrets = possible_secrets(source, parsed);
    secrets.extend(instead.iter().flat_map(|lab| lab.secrets_at_hand()));
    if let Some(named) = named_lab(source, parsed) {
        let file = without_detour(path.parent().unwrap_or(Path::new("")).join(named));
        secrets.extend(Lab::possible_secrets_in(&file));
    }
    secrets
}

/// The lab file that a scenario names; if the text is no YAML, the one in its line `lab: …`.
fn named_lab(source: &Source, parsed: Option<&Node>) -> Option<PathBuf> {
    let Some(node) = parsed else {
        let line = source.text().lines().find_map(|line| line.strip_prefix("lab:"))?;
        let line = line.split(" #").next().unwrap_or_default();
        return Some(PathBuf::from(line.trim().trim_matches(['"', '\''])));
    };
    let Value::Mapping(entries) = &node.value else { return None };
    let lab = entries.iter().find(|entry| entry.key == "lab")?;
    match &lab.value.value {
        Value::Scalar { text, .. } => Some(PathBuf::from(text)),
        _ => None,
    }
}
