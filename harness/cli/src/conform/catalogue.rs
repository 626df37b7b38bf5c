//! The cases of conformance: their selection, their list, and the table of requirements.

use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{CommandError, Exit};
use crate::output::say;
use crate::select::load_all;
use conformance::{Coverage, Target, coverage};
use diagnostics::{Diagnostic, counted, visible};
use model::scenario::Scenario;
use report::markdown::{escaped, head, row};
use results::requirement::End;

/// The folder of all cases.
const ALL_CASES: &str = "scenarios/conformance";

/// Options that select cases.
#[derive(Debug, Args)]
pub(crate) struct Catalogue {
    /// The folder of the cases [default: the cases of Sceplab, below scenarios/conformance]
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Only this case, or the cases in this folder, such as `polling`; may be given several times
    #[arg(long = "case", value_name = "ID")]
    ids: Vec<String>,
    /// Only the cases of this requirement, such as R31; may be given several times
    #[arg(long = "requirement", value_name = "R")]
    requirements: Vec<String>,
}

impl Catalogue {
    /// The selected cases for this end, sorted by id; the deviations of the target must be about cases that exist.
    pub(crate) fn cases(
        &self,
        default: &str,
        end: End,
        target: Option<&Target>,
    ) -> Result<Vec<Scenario>, CommandError> {
        let folder = self.cases.as_deref().unwrap_or(Path::new(default));
        let mut cases = read(folder)?;
        cases.retain(|case| case.conformance.as_ref().is_some_and(|it| it.end == end));
        if let Some(target) = target {
            let ids: Vec<String> = cases.iter().map(|case| case.id.clone()).collect();
            let wrong = target.unknown_cases(&ids);
            if !wrong.is_empty() {
                return Err(wrong.into());
            }
        }
        self.select(&mut cases);
        if cases.is_empty() {
            let nothing = format!("there is no such case for a {end} in `{}`", folder.display());
            let note = "`--list` lists the cases";
            let diagnostic = Diagnostic::general(nothing).note(note);
            return Err(Exit::NothingSelected.with(vec![diagnostic]));
        }
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(cases)
    }

    /// Prints a line for each case.
    pub(crate) fn list(&self, default: &str, end: End) -> Result<Exit, CommandError> {
        say(&case_lines(&self.cases(default, end, None)?).join("\n"));
        Ok(Exit::Success)
    }

    /// Prints the table of all requirements with their cases.
    pub(crate) fn coverage(&self) -> Result<Exit, CommandError> {
        let folder = self.cases.as_deref().unwrap_or(Path::new(ALL_CASES));
        let mut cases = read(folder)?;
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        say(coverage_table(&coverage(&cases)).trim_end());
        Ok(Exit::Success)
    }

    fn select(&self, cases: &mut Vec<Scenario>) {
        let is_named = |case: &Scenario, id: &String| {
            let id = id.trim_matches('/');
            case.id == *id
                || case.id.ends_with(&format!("/{id}"))
                || format!("/{}", case.id).contains(&format!("/{id}/"))
        };
        if !self.ids.is_empty() {
            cases.retain(|case| self.ids.iter().any(|id| is_named(case, id)));
        }
        if !self.requirements.is_empty() {
            cases.retain(|case| {
                case.conformance.as_ref().is_some_and(|it| {
                    let own = it.requirement.id;
                    self.requirements.iter().any(|other| other.eq_ignore_ascii_case(own))
                })
            });
        }
    }
}

fn read(folder: &Path) -> Result<Vec<Scenario>, CommandError> {
    if !folder.exists() {
        let nowhere = format!("there is no folder `{}` with cases", folder.display());
        let note = "run this in the folder that has Sceplab's `scenarios`, or name their folder with `--cases`";
        return Err(vec![Diagnostic::general(nowhere).note(note)].into());
    }
    Ok(load_all(&[folder.to_owned()])?)
}

/// A line for each case, with its requirement, level and section.
fn case_lines(cases: &[Scenario]) -> Vec<String> {
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

/// The table of all requirements with their cases, and the ends without a case, as Markdown.
fn coverage_table(coverage: &[Coverage]) -> String {
    let headings = ["requirement", "level", "section", "server cases", "client cases", "missing"];
    let mut lines = head(&headings).to_vec();
    lines.extend(coverage.iter().map(coverage_row));
    let count = |end| coverage.iter().map(|one| cases_of(one, end).len()).sum::<usize>();
    let missing = coverage.iter().map(|one| one.missing().len()).sum::<usize>();
    lines.push(String::new());
    lines.push(format!(
        "{}, {}, {}, {missing} missing",
        counted(coverage.len(), "requirement"),
        counted(count(End::Server), "server case"),
        counted(count(End::Client), "client case")
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
