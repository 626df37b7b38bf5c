//! The file `bundle.json`, as plain data.

use std::collections::BTreeMap;
use std::time::SystemTime;

use scep::clock::{moment, moment_text};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::key::Role;
use crate::layout::{FORMAT, VERSION};

/// What a bundle is of, and what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Index {
    /// `sceplab bundle`.
    pub format: String,
    /// The version of the format; readers refuse a later one.
    pub version: u32,
    /// The version of the program that wrote it.
    pub sceplab: String,
    /// The command that failed, such as `run`; none of a folder that has only messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub command: Option<String>,
    /// Id of the scenario or case.
    pub id: String,
    /// The driver of the lab, if there was a lab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub driver: Option<String>,
    /// The moment that the clock of the lab showed when it was built.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "write_moment",
        deserialize_with = "read_moment"
    )]
    pub began: Option<SystemTime>,
    /// The programs that took part, and their versions.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub programs: BTreeMap<String, String>,
    /// The verdict.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// The checks of the step that failed, if it checks an output.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<Check>,
    /// What was taken out or is missing, and why, in sentences.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub taken_out: Vec<String>,
    /// Files, logs and reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<FileEntry>,
    /// Keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<KeyEntry>,
}

/// The verdict on a scenario or case.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Its word, such as `failed`.
    pub status: String,
    /// The reason in a few words.
    pub reason: String,
    /// Number of the step that failed, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
    /// Whose mistake it was by the messages, in the words of `explain`, with the keys that were there then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub explained: Option<String>,
}

/// A check of an output.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Its field in a scenario file: `matches`, `contains`, `matches_not` or `contains_not`.
    pub field: String,
    /// The pattern or text.
    pub text: String,
    /// True if the output was as expected.
    pub held: bool,
}

/// A file in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Path in the bundle, with `/` between its parts.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
}

scep::named! {
    /// What a file of a bundle is.
    #[derive(PartialOrd, Ord)]
    FileKind, "kind of file" {
        /// The scenario or case.
        Scenario = "scenario";
        /// Its lab.
        Lab = "lab";
        /// A target file or the ledger.
        Other = "other";
        /// Log of a client, a device or a PKI.
        Log = "log";
        /// The output that the failed step checked.
        Output = "output";
        /// The report in JSON.
        Outcome = "outcome";
        /// What `explain` says.
        Explanation = "explanation";
    }
}

/// A key in a bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyEntry {
    /// Path in the bundle of a file in PEM with the private key and its certificate.
    pub path: String,
    /// Name of its PKI in the lab.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pki: Option<String>,
    /// Whose it is.
    pub role: Role,
}

impl Index {
    /// The index of a bundle of that id, with nothing in it.
    pub fn new(id: &str) -> Self {
        Self {
            format: FORMAT.to_owned(),
            version: VERSION,
            sceplab: env!("CARGO_PKG_VERSION").to_owned(),
            command: None,
            id: id.to_owned(),
            driver: None,
            began: None,
            programs: BTreeMap::new(),
            verdict: None,
            checks: Vec::new(),
            taken_out: Vec::new(),
            files: Vec::new(),
            keys: Vec::new(),
        }
    }
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn write_moment<S: Serializer>(time: &Option<SystemTime>, to: S) -> Result<S::Ok, S::Error> {
    time.map(moment_text).serialize(to)
}

fn read_moment<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SystemTime>, D::Error> {
    let text = Option::<String>::deserialize(from)?;
    text.map(|text| moment(&text).map_err(serde::de::Error::custom)).transpose()
}
