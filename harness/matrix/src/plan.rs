//! Plans the rows and columns of a matrix.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use diagnostics::Diagnostic;
use model::lab::Lab;
use model::scenario::{Found, LoadErrors, Scenario, load};
use runner::Job;
use testbed::{Client, Driver};

/// Name of a PKI whose lab is part of the scenario.
const IN_PLACE: &str = "in-place";

/// A planned matrix.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Rows, by scenario. Each scenario's own lab comes first.
    pub rows: Vec<PlannedRow>,
    /// Columns.
    pub clients: Vec<Client>,
    /// Versions of the clients' programs, if they tell them.
    pub versions: BTreeMap<Client, String>,
}

/// A scenario at a PKI.
#[derive(Debug, Clone)]
pub struct PlannedRow {
    /// The scenario, read with this PKI's lab.
    pub scenario: Scenario,
    /// Name of the lab file without the extension.
    pub pki: String,
}

impl Plan {
    /// Plans each scenario in its own lab, and in each lab of the same folder that can replace it.
    ///
    /// # Errors
    /// Mistakes in those labs, and references of scenarios that those labs lack.
    pub fn of(scenarios: Vec<Scenario>, clients: Vec<Client>) -> Result<Self, LoadErrors> {
        let mut folders: BTreeMap<PathBuf, Vec<(PathBuf, Lab)>> = BTreeMap::new();
        let (mut errors, mut secrets) = (Vec::new(), Vec::new());
        let mut rows = Vec::new();
        for scenario in scenarios {
            let own = scenario.lab_file.as_deref();
            rows.push(PlannedRow { pki: stem(own), scenario: scenario.clone() });
            let Some((own, folder)) = own.and_then(|own| Some((own, own.parent()?))) else {
                continue;
            };
            let labs = folders.entry(folder.to_owned());
            let labs = labs.or_insert_with(|| stand_ins(folder, &mut errors));
            let stands_in = |lab: &Lab| {
                let named = lab.stands_in_for.as_deref();
                named.is_some_and(|name| own.file_name().is_some_and(|own| own == name))
            };
            for (file, lab) in labs.iter().filter(|(_, lab)| stands_in(lab)) {
                let found = Found { id: scenario.id.clone(), path: scenario.path.clone() };
                match load(&found, Some(lab)) {
                    Ok(scenario) => rows.push(PlannedRow { scenario, pki: stem(Some(file)) }),
                    Err(wrong) => {
                        errors.extend_from_slice(wrong.diagnostics());
                        secrets.extend_from_slice(wrong.secrets());
                    }
                }
            }
        }
        let versions = BTreeMap::new();
        if errors.is_empty() {
            return Ok(Self { rows, clients, versions });
        }
        let labs = folders.keys().flat_map(|folder| lab_files(folder));
        secrets.extend(labs.flat_map(|file| Lab::possible_secrets_in(&file)));
        Err(LoadErrors::new(errors).without(secrets, false))
    }

    /// The cells as jobs, row by row, each with a unique id.
    ///
    /// `driver` builds labs whose devices have the given client.
    pub fn jobs(&self, driver: impl Fn(Client) -> Arc<dyn Driver>) -> Vec<Job> {
        let job = |row: &PlannedRow, client| {
            let scenario = Scenario { id: row.cell_id(client), ..row.scenario.clone() };
            Job { scenario, driver: driver(client) }
        };
        let cells = |row| self.clients.iter().map(move |client| job(row, *client));
        self.rows.iter().flat_map(cells).collect()
    }
}

impl PlannedRow {
    /// Id of a cell: the scenario's id, the PKI, the client.
    pub(super) fn cell_id(&self, client: Client) -> String {
        format!("{}/{}/{client}", self.scenario.id, self.pki)
    }
}

fn stem(lab_file: Option<&Path>) -> String {
    let stem = lab_file.and_then(Path::file_stem);
    stem.map_or_else(|| IN_PLACE.to_owned(), |stem| stem.to_string_lossy().into_owned())
}

/// Reads the labs of a folder, and keeps those that can replace another one. The mistakes in labs are added to `errors`.
fn stand_ins(folder: &Path, errors: &mut Vec<Diagnostic>) -> Vec<(PathBuf, Lab)> {
    let mut labs = Vec::new();
    for file in lab_files(folder) {
        match Lab::load(&file) {
            Ok(lab) => labs.push((file, lab)),
            Err(wrong) => errors.extend(wrong),
        }
    }
    for (file, lab) in &labs {
        errors.extend(missing_lab(folder, file, lab));
    }
    // A real lab is only used if the user asks for it.
    labs.retain(|(_, lab)| lab.stands_in_for.is_some() && !lab.is_live());
    labs
}

/// The lab files of a folder, sorted.
fn lab_files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(if folder == Path::new("") { Path::new(".") } else { folder });
    let entries = entries.into_iter().flatten().flatten();
    let files = entries.map(|entry| folder.join(entry.file_name()));
    let mut files: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    files
}

/// Reports a lab that would replace a lab file that does not exist, because it would never be used.
fn missing_lab(folder: &Path, file: &Path, lab: &Lab) -> Option<Diagnostic> {
    let name = lab.stands_in_for.as_deref().filter(|name| !folder.join(name).is_file())?;
    let message = format!("`stands-in-for` names `{name}`, but this folder has no such lab file");
    Some(Diagnostic::of_file(file.display().to_string(), message))
}
