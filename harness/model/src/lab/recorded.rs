//! A PKI that is the recorded server of a bundle.

use std::path::{Path, PathBuf};

use recorded::Source;
use serde::{Deserialize, Serialize};

use super::by_url::refuse_others;
use super::values::{name, path, port};
use diagnostics::yaml::{Entry, Fields, Node, Problems, Value};
use diagnostics::{Diagnostic, Located, visible};

const FIELDS: [&str; 3] = ["recorded", "pki", "port"];

/// The recorded server of a bundle, which answers again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedPki {
    /// Folder of the bundle, or of saved messages.
    pub bundle: PathBuf,
    /// Name of the PKI in the recording; absent if it has only one.
    pub pki: Option<String>,
    /// TCP port; that of the recording if absent.
    pub port: Option<u16>,
}

impl RecordedPki {
    /// The recording and its keys.
    ///
    /// # Errors
    /// The reason why it cannot be used, in words.
    pub fn source(&self) -> Result<Source, String> {
        let bundle = bundle::open(&self.bundle).map_err(|error| visible(&error.to_string()))?;
        let source = Source::of(bundle, self.pki.as_deref());
        source.map_err(|error| visible(&error.to_string()))
    }
}

/// True if the PKI is described by its recording.
pub(super) fn is_recorded(node: &Node) -> bool {
    matches!(&node.value, Value::Mapping(entries) if entries.iter().any(|entry| entry.key == FIELDS[0]))
}

/// Reads a recorded PKI; `simulated` are the fields that only simulated PKIs have.
pub(super) fn pki(
    entry: &Entry,
    simulated: &[&str],
    problems: &Problems,
) -> Option<(Located<String>, Option<RecordedPki>)> {
    let pki = described(&entry.value, simulated, problems);
    Some((name(entry, "pki", problems)?, pki))
}

fn described(node: &Node, simulated: &[&str], problems: &Problems) -> Option<RecordedPki> {
    let known: Vec<&str> = FIELDS.iter().chain(simulated).copied().collect();
    let fields = Fields::of(node, "a recorded PKI", &known, problems)?;
    refuse_others(node, simulated, &FIELDS, "`recorded` for a recorded one", problems);
    let bundle = fields.required("recorded")?;
    let pki = RecordedPki {
        bundle: path(bundle, problems)?,
        pki: fields.optional_as("pki", Node::text),
        port: fields.optional_as("port", port),
    };
    let Err(reason) = pki.source() else { return Some(pki) };
    let message = format!("the recording cannot be used: {reason}");
    let place = fields.optional("pki").filter(|_| Path::is_dir(&pki.bundle)).unwrap_or(bundle);
    let way_out = "`sceplab run --bundle DIR` makes bundles, and `--save-messages DIR` folders of messages; the path is relative to the lab file";
    problems.add(Diagnostic::at(&place.place, message).note(way_out));
    None
}
