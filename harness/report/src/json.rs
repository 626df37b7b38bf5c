//! Results as JSON.

use serde::{Serialize, Serializer};

use super::Reported;
use results::Status;

/// Version of the format. It increases if a field is removed or changes its meaning.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Frame<'a, R: Reported> {
    version: u32,
    #[serde(serialize_with = "counts")]
    counts: &'a R,
    #[serde(flatten)]
    results: &'a R,
}

pub(super) fn text<R: Reported>(results: &R) -> String {
    let frame = Frame { version: VERSION, counts: results, results };
    // Plain data with text keys cannot fail; if it does, the report shows the error.
    serde_json::to_string_pretty(&frame)
        .map_or_else(|error| format!("{{\"error\": \"{error}\"}}\n"), |text| text + "\n")
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a field over by reference")]
fn counts<R: Reported, S: Serializer>(results: &&R, serializer: S) -> Result<S::Ok, S::Error> {
    let count = |(name, status)| (name, results.count(&[status]));
    serializer.collect_map(Status::COUNTED.map(count))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::samples;

    #[test]
    fn json_has_the_verdict_of_each_scenario() {
        let report: serde_json::Value = serde_json::from_str(&text(&samples::outcome())).unwrap();
        assert_eq!(report["counts"]["failed"], 1);
        assert_eq!(report["scenarios"][0]["verdict"]["kind"], "failed");
        assert_eq!(report["scenarios"][0]["verdict"]["findings"][0]["excerpt"]["line"], 27);
        assert_eq!(report["elapsed_seconds"], 20.5);
    }
}
