//! The catalogue and what it covers, as text.

use conformance::Coverage;
use diagnostics::visible;
use model::scenario::Scenario;
use report::markdown::{escaped, head, row};
use results::requirement::End;

/// Every case with its requirement, level and section: a line each.
pub(super) fn list(cases: &[Scenario]) -> Vec<String> {
    let width = cases.iter().map(|case| case.id.chars().count()).max().unwrap_or_default();
    let line = |case: &Scenario| {
        let conformance = case.conformance.as_ref()?;
        let (id, title) = (visible(&case.id), visible(&case.title));
        Some(format!(
            "{id:<width$}  {} {:<6} §{:<8} {title}",
            conformance.requirement.id,
            conformance.level.to_string(),
            conformance.section
        ))
    };
    cases.iter().filter_map(line).collect()
}

/// The table of all requirements with their cases, and what is missing, as Markdown.
pub(super) fn coverage_table(coverage: &[Coverage]) -> String {
    let headings = ["requirement", "level", "section", "server cases", "client cases", "missing"];
    let mut lines = head(&headings).to_vec();
    lines.extend(coverage.iter().map(coverage_row));
    let count = |end| coverage.iter().map(|one| cases_of(one, end).len()).sum::<usize>();
    let missing = coverage.iter().map(|one| one.missing().len()).sum::<usize>();
    lines.push(String::new());
    lines.push(format!(
        "{} requirements, {} server cases, {} client cases, {missing} missing",
        coverage.len(),
        count(End::Server),
        count(End::Client)
    ));
    lines.join("\n") + "\n"
}

fn cases_of(coverage: &Coverage, end: End) -> &[String] {
    let found = coverage.cases.iter().find(|(of, _)| *of == end);
    found.map_or(&[], |(_, cases)| cases.as_slice())
}

fn coverage_row(coverage: &Coverage) -> String {
    let requirement = coverage.requirement;
    let cell = |end: End| {
        let cases = cases_of(coverage, end);
        let of = |id: &String| {
            let short = id.rsplit_once(&format!("{end}/")).map_or(id.as_str(), |(_, rest)| rest);
            format!("`{short}`")
        };
        match requirement.untestable_for(end) {
            _ if !requirement.ends.contains(&end) => "–".to_owned(),
            Some(reason) if cases.is_empty() => format!("not testable: {}", escaped(reason)),
            _ => cases.iter().map(of).collect::<Vec<_>>().join(", "),
        }
    };
    let missing: Vec<String> = coverage.missing().iter().map(ToString::to_string).collect();
    row(&[
        format!("{} {}", requirement.id, escaped(requirement.sentence)),
        requirement.level.to_string(),
        requirement.section.to_owned(),
        cell(End::Server),
        cell(End::Client),
        missing.join(", "),
    ])
}
