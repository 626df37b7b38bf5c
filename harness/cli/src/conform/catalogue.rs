//! The cases of conformance, and the books about them.

use std::path::{Path, PathBuf};

use clap::Args;

use super::books::{coverage_table, list};
use crate::exit::Exit;
use crate::output::{self, say};
use crate::select::load_all;
use conformance::{Target, coverage};
use diagnostics::Diagnostic;
use model::scenario::Scenario;
use results::requirement::End;

/// Where all cases are looked for.
const ALL_CASES: &str = "scenarios/conformance";

/// Which cases.
#[derive(Debug, Args)]
pub(crate) struct Catalogue {
    /// Where cases are looked for [default: those that come with sceplab, below scenarios/conformance]
    #[arg(long, value_name = "DIR")]
    cases: Option<PathBuf>,
    /// Only this case, or those below this folder, such as `polling`; may be given several times
    #[arg(long = "case", value_name = "ID")]
    ids: Vec<String>,
    /// Only the cases of this requirement, such as R31; may be given several times
    #[arg(long = "requirement", value_name = "R")]
    requirements: Vec<String>,
}

impl Catalogue {
    /// The cases for this end, in the order of their ids; those that a target deviates in must be among them.
    pub(crate) fn cases(
        &self,
        default: &str,
        end: End,
        target: Option<&Target>,
    ) -> Result<Vec<Scenario>, Exit> {
        let folder = self.cases.as_deref().unwrap_or(Path::new(default));
        let mut cases = read(folder)?;
        cases.retain(|case| case.conformance.as_ref().is_some_and(|it| it.end == end));
        if let Some(target) = target {
            check_deviations(target, &cases)?;
        }
        self.select(&mut cases);
        if cases.is_empty() {
            let nothing = format!("there is no such case for a {end} in `{}`", folder.display());
            let note = "`--list` shows the cases";
            output::diagnostics(&[Diagnostic::general(nothing).note(note)]);
            return Err(Exit::NothingSelected);
        }
        cases.sort_by(|a, b| a.id.cmp(&b.id));
        Ok(cases)
    }

    /// Shows the cases, a line each.
    pub(crate) fn list(&self, default: &str, end: End) -> Result<Exit, Exit> {
        say(&list(&self.cases(default, end, None)?).join("\n"));
        Ok(Exit::Success)
    }

    /// Shows the table of all requirements with their cases.
    pub(crate) fn coverage(&self) -> Result<Exit, Exit> {
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

fn check_deviations(target: &Target, cases: &[Scenario]) -> Result<(), Exit> {
    let ids: Vec<String> = cases.iter().map(|case| case.id.clone()).collect();
    let wrong = target.strangers(&ids);
    if wrong.is_empty() {
        return Ok(());
    }
    output::diagnostics(&wrong);
    Err(Exit::Usage)
}

fn read(folder: &Path) -> Result<Vec<Scenario>, Exit> {
    if !folder.exists() {
        let nowhere = format!("there is no folder `{}` with cases", folder.display());
        let note = "run it where sceplab's `scenarios` are, or name them with `--cases`";
        output::diagnostics(&[Diagnostic::general(nowhere).note(note)]);
        return Err(Exit::Usage);
    }
    load_all(&[folder.to_owned()]).map_err(|errors| {
        output::diagnostics(errors.diagnostics());
        Exit::Usage
    })
}
