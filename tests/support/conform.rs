//! Runs `sceplab conform-client`.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;

use super::sceplab::{Ended, run};

/// The kind of verdict of each case, by its id without `conformance/client/`.
pub(crate) type Verdicts = BTreeMap<String, String>;

/// Runs the command with these arguments and reads its report.
#[track_caller]
pub(crate) fn conform(arguments: &[&str], client: &[&str]) -> (Ended, Verdicts) {
    let folder = tempfile::tempdir().unwrap();
    let report = folder.path().join("report.json");
    let told = format!("json={}", report.display());
    let whole = [&["conform-client", "--report", &told], arguments, &["--"], client].concat();
    let ended = run(&whole);
    ended.assert_orderly();
    let Ok(text) = fs::read_to_string(&report) else { return (ended, Verdicts::new()) };
    let report: Value = serde_json::from_str(&text).unwrap();
    let verdict = |case: &Value| {
        let id = case["id"].as_str().unwrap().trim_start_matches("conformance/client/");
        let failed = case["scenario"]["verdict"]["kind"] == "failed";
        let kind = if failed { "failed" } else { case["verdict"]["kind"].as_str().unwrap() };
        (id.to_owned(), kind.to_owned())
    };
    let verdicts = report["cases"].as_array().unwrap().iter().map(verdict).collect();
    (ended, verdicts)
}
