//! The cases of conformance: their selection, their list, and the table of requirements.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::exit::{CommandError, Exit};
use crate::output::say;
use crate::select::load_all;
use conformance::{Coverage, Target, coverage};
use diagnostics::{Diagnostic, closest, counted, visible};
use model::scenario::Scenario;
use report::markdown::{escaped, head, row};
use results::requirement::{End, Requirement};

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

/// Cases for one end of the protocol, sorted by id.
pub(crate) struct Cases {
    /// The selected ones; at least one.
    pub(crate) selected: Vec<Scenario>,
    /// All.
    pub(crate) known: Vec<Scenario>,
}

impl Catalogue {
    /// The cases for this end; the deviations of the target must be about cases that exist.
    pub(crate) fn cases(
        &self,
        default: &str,
        end: End,
        target: Option<&mut Target>,
    ) -> Result<Cases, CommandError> {
        let folder = self.cases.as_deref().unwrap_or(Path::new(default));
        let mut known = read(folder)?;
        known.retain(|case| case.conformance.as_ref().is_some_and(|it| it.end == end));
        known.sort_by(|a, b| a.id.cmp(&b.id));
        let ids: Vec<String> = known.iter().map(|case| case.id.clone()).collect();
        if let Some(target) = target {
            target.rename_cases(&known);
            let wrong = target.unknown_cases(&ids);
            if !wrong.is_empty() {
                return Err(wrong.into());
            }
        }
        let selected = self.select(&known, end)?;
        if selected.is_empty() {
            return Err(Exit::NothingSelected.with(self.nothing_selected(folder, end)));
        }
        Ok(Cases { selected, known })
    }

    /// Why no case is selected: of each requirement that is asked for, where it is tested.
    fn nothing_selected(&self, folder: &Path, end: End) -> Vec<Diagnostic> {
        let asked = self.requirements.iter().filter_map(|text| of_requirement(text).ok());
        let about: Vec<Diagnostic> =
            asked.map(|requirement| self.without_case(requirement, end)).collect();
        if !about.is_empty() {
            return about;
        }
        let nothing = format!("there is no case for a {end} in `{}`", folder.display());
        vec![Diagnostic::general(nothing).note("`--list` lists the cases")]
    }

    /// Why no selected case is of this requirement.
    fn without_case(&self, requirement: &Requirement, end: End) -> Diagnostic {
        let id = requirement.id;
        if !requirement.ends.contains(&end) {
            let message = format!("{id} is no requirement for a {end}");
            let other = other_end(end);
            let note =
                format!("{id} is tested at a {other}: `{} --requirement {id}`", command(other));
            return Diagnostic::general(message).note(note);
        }
        if let Some(reason) = requirement.untestable_for(end) {
            return Diagnostic::general(format!("no case can test {id} at a {end}")).note(reason);
        }
        if self.ids.is_empty() {
            return Diagnostic::general(format!("no case for a {end} is of {id}"));
        }
        let ids: Vec<String> = self.ids.iter().map(|id| format!("`{}`", visible(id))).collect();
        Diagnostic::general(format!("no case in {} is of {id}", ids.join(" or ")))
            .note(format!("`--list --requirement {id}` lists the cases of {id}"))
    }

    /// Prints a line for each case.
    pub(crate) fn list(&self, default: &str, end: End) -> Result<Exit, CommandError> {
        say(&case_lines(&self.cases(default, end, None)?.selected).join("\n"));
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

    /// The cases that the options name, or all; the error is about names without a case.
    fn select(&self, known: &[Scenario], end: End) -> Result<Vec<Scenario>, CommandError> {
        let requirements = self.requirements.iter().map(|text| of_requirement(text));
        let requirements = requirements.collect::<Result<Vec<_>, _>>()?;
        let unknown = self.ids.iter().filter(|id| !known.iter().any(|case| is_named(case, id)));
        let wrong: Vec<Diagnostic> = unknown.map(|id| unknown_case(id, known, end)).collect();
        if !wrong.is_empty() {
            return Err(Exit::NothingSelected.with(wrong));
        }
        let is_selected = |case: &&Scenario| {
            let own = case.conformance.as_ref().map(|it| it.requirement.id);
            (self.ids.is_empty() || self.ids.iter().any(|id| is_named(case, id)))
                && (requirements.is_empty() || requirements.iter().any(|it| own == Some(it.id)))
        };
        Ok(known.iter().filter(is_selected).cloned().collect())
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

/// True if the option `--case` with this value selects the case: its id, the end of its id, or a folder in it; or an id that
/// it had before.
fn is_named(case: &Scenario, id: &str) -> bool {
    let id = id.trim_matches('/');
    names_exactly(&case.id, id)
        || format!("/{}", case.id).contains(&format!("/{id}/"))
        || case.former_ids().iter().any(|former| names_exactly(former, id))
}

/// True if `given` is an id or its end, from the name of a folder on.
fn names_exactly(id: &str, given: &str) -> bool {
    id == given || id.ends_with(&format!("/{given}"))
}

/// The requirement with this number: `R31`, `r31`, `31`.
fn of_requirement(text: &str) -> Result<&'static Requirement, CommandError> {
    let number = text.trim().trim_start_matches(['R', 'r']);
    let number = number.parse::<usize>().ok();
    let found = number.and_then(|number| Requirement::of_id(&format!("R{number:02}")));
    found.ok_or_else(|| {
        let message = format!("there is no requirement `{}`", visible(text));
        let (first, last) = (Requirement::ALL.first(), Requirement::ALL.last());
        let range = first.zip(last).map(|(first, last)| format!("{} to {}", first.id, last.id));
        let note = format!(
            "the requirements are {}; `sceplab conform --coverage` lists them",
            range.unwrap_or_default()
        );
        let diagnostic = Diagnostic::general(message).note(note);
        let several = "several are given one by one: `--requirement R01 --requirement R02`";
        let is_list = text.contains([',', ' ']);
        let diagnostic = if is_list { diagnostic.note(several) } else { diagnostic };
        Exit::NothingSelected.with(vec![diagnostic])
    })
}

fn other_end(end: End) -> End {
    match end {
        End::Server => End::Client,
        End::Client => End::Server,
    }
}

/// The command that tests this end.
fn command(end: End) -> &'static str {
    match end {
        End::Server => "sceplab conform",
        End::Client => "sceplab conform-client",
    }
}

/// True if a case for this end has this name.
fn is_case_of(end: End, id: &str) -> bool {
    let cases = read(Path::new(ALL_CASES)).unwrap_or_default();
    let is_of_end = |case: &Scenario| case.conformance.as_ref().is_some_and(|it| it.end == end);
    cases.iter().any(|case| is_of_end(case) && is_named(case, id))
}

/// The diagnostic for a value of `--case` that names nothing, with the case or folder that was probably meant.
fn unknown_case(id: &str, known: &[Scenario], end: End) -> Diagnostic {
    let message = format!("there is no case or folder `{}` for a {end}", visible(id));
    let diagnostic = Diagnostic::general(message);
    let other = other_end(end);
    if is_case_of(other, id) {
        let (id, command) = (visible(id), command(other));
        return diagnostic.note(format!("there is one for a {other}: `{command} --case {id}`"));
    }
    // A path of a file, as a shell completes it.
    let path = id.trim_end_matches(".yaml").trim_end_matches(".yml").trim_matches('/');
    if path != id
        && let Some(case) = known.iter().find(|case| path.ends_with(case.id.as_str()))
    {
        return diagnostic.note(format!("did you mean `{}`?", visible(&case.id)));
    }
    let wanted = id.trim_matches('/');
    let depth = wanted.matches('/').count();
    let names: BTreeSet<&str> = known
        .iter()
        .flat_map(|case| names_of(&case.id))
        .filter(|it| it.matches('/').count() == depth)
        .collect();
    let diagnostic = match closest(wanted, names.iter().copied()) {
        Some(name) => diagnostic.note(format!("did you mean `{name}`?")),
        None => diagnostic,
    };
    diagnostic.note("`--list` lists the cases")
}

/// The names by which `--case` selects a case: each part of its id that begins after a slash and ends before one.
fn names_of(id: &str) -> Vec<&str> {
    let starts = std::iter::once(0).chain(id.match_indices('/').map(|(at, _)| at + 1));
    let ends = |start: usize| {
        let inner = id[start..].match_indices('/').map(move |(at, _)| start + at);
        inner.chain([id.len()])
    };
    starts.flat_map(|start| ends(start).map(move |end| &id[start..end])).collect()
}

/// A line for each case, with its requirement, level and section.
fn case_lines(cases: &[Scenario]) -> Vec<String> {
    let width = cases.iter().map(|case| case.id.chars().count()).max().unwrap_or_default();
    let line = |case: &Scenario| {
        let conformance = case.conformance.as_ref()?;
        let (id, title) = (visible(&case.id), visible(&case.title));
        Some(format!(
            "{id:<width$}  {} {:<6} {:<9} {title}",
            conformance.requirement.id,
            conformance.level.to_string(),
            conformance.basis.section()
        ))
    };
    cases.iter().filter_map(line).collect()
}

/// The table of all requirements with their cases, and the ends without a case, as Markdown.
fn coverage_table(coverage: &[Coverage]) -> String {
    let headings = ["requirement", "level", "section", "server cases", "client cases", "missing"];
    let mut lines = head(&headings).to_vec();
    lines.extend(coverage.iter().map(coverage_row));
    let count_of =
        |one: &Coverage, end| of_end(&one.cases, end).len() + of_end(&one.advice, end).len();
    let count = |end| coverage.iter().map(|one| count_of(one, end)).sum::<usize>();
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

fn of_end(cases: &[(End, Vec<String>)], end: End) -> &[String] {
    let found = cases.iter().find(|(of, _)| *of == end);
    found.map_or(&[], |(_, cases)| cases.as_slice())
}

/// The cases of an end: first those of the requirement, then those that only give advice.
fn coverage_cell(coverage: &Coverage, end: End) -> String {
    let requirement = coverage.requirement;
    let names = |ids: &[String]| {
        let short = |id: &String| {
            let short = id.rsplit_once(&format!("{end}/")).map_or(id.as_str(), |(_, rest)| rest);
            format!("`{short}`")
        };
        ids.iter().map(short).collect::<Vec<_>>().join(", ")
    };
    let (cases, advice) = (of_end(&coverage.cases, end), of_end(&coverage.advice, end));
    let tested = match requirement.untestable_for(end) {
        _ if !requirement.ends.contains(&end) => "–".to_owned(),
        Some(reason) if cases.is_empty() => format!("not testable: {}", escaped(reason)),
        _ => names(cases),
    };
    if advice.is_empty() { tested } else { format!("{tested}; advice: {}", names(advice)) }
}

fn coverage_row(coverage: &Coverage) -> String {
    let requirement = coverage.requirement;
    let missing: Vec<String> = coverage.missing().iter().map(ToString::to_string).collect();
    row(&[
        format!("{} {}", requirement.id, escaped(requirement.sentence)),
        requirement.level.to_string(),
        requirement.section.to_owned(),
        coverage_cell(coverage, End::Server),
        coverage_cell(coverage, End::Client),
        missing.join(", "),
    ])
}
