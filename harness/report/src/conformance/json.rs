//! A report of conformance as JSON.

use serde::Serialize;

use crate::json::pretty;
use conformance::{Report, RequirementReport};

/// The version of the format; it grows when a field changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Versioned<'a> {
    version: u32,
    requirements: Vec<RequirementReport>,
    #[serde(flatten)]
    report: &'a Report,
}

pub(super) fn text(report: &Report) -> String {
    pretty(&Versioned { version: VERSION, requirements: report.by_requirement(), report })
}
