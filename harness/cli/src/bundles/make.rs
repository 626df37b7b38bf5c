//! Makes a bundle of a failure: from its outcome, its saved messages, and what was left of its lab.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use ::bundle::{Check, Draft, FileEntry, FileKind, Index, Key, Role, Verdict};
use diagnostics::visible;
use explain::Explanation;
use explain::text::verdict_line;
use model::lab::Secret;
use model::scenario::{Action, Pattern, Scenario};
use recording::Recording;
use redact::Masker;
use serde_json::Value;
use testbed::DriverName;

use super::Discretion;
use super::explanation::explained;
use super::failures::Failed;
use super::files::read;
use super::keys::keys_of;
use super::messages::without_secrets;
use super::names::Names;
use super::watch::Remnant;

/// The file with the output that the failed step checked.
const OUTPUT: &str = "output.txt";

/// What a bundle is made of.
pub(super) struct Making {
    pub(super) failure: Failed,
    pub(super) scenario: Option<Scenario>,
    pub(super) remnant: Option<Remnant>,
    /// The folder with its messages.
    pub(super) messages: Option<PathBuf>,
    /// Names and versions of programs.
    pub(super) programs: Vec<(String, String)>,
    /// A file besides those of the scenario.
    pub(super) other: Option<PathBuf>,
}

impl Making {
    /// The bundle, without what is to be left out of it.
    pub(super) fn draft(
        &self,
        command: &str,
        driver: Option<DriverName>,
        discretion: Discretion,
    ) -> Draft {
        let mut taken_out = Vec::new();
        let mut recording = self.recording(&mut taken_out);
        let keys =
            self.remnant.as_ref().map_or_else(Vec::new, |remnant| keys_of(remnant, &recording));
        let explanation = explained(&recording, &keys, self.began(), false);
        let secrets = self.secrets(explanation.as_ref());
        let masker = match &self.scenario {
            Some(scenario) => runner::masker(scenario).with(secrets.iter().cloned()),
            None => Masker::new(secrets.iter().cloned()),
        };
        let all_secrets: Vec<Secret> = match &self.scenario {
            Some(scenario) => scenario.lab.secrets().into_iter().chain(secrets).collect(),
            None => secrets,
        };
        let mut index = self.index(command, driver, explanation.as_ref());
        let mut files = self.files(explanation, &mut taken_out);
        taken_out.extend(self.remnant.iter().flat_map(|remnant| remnant.missing.clone()));
        if !discretion.with_secrets {
            taken_out.extend(without_secrets(&mut recording, &masker, &all_secrets));
            taken_out.push(WITHOUT_SECRETS.to_owned());
            let has_messages = !recording.exchanges.is_empty() && !discretion.without_names;
            if has_messages && keys.iter().any(|key| self.is_public(key)) {
                taken_out.push(PUBLIC_KEYS.to_owned());
            }
            // As whoever has the bundle sees it, so that the judgement there can be compared: nothing in it opens an envelope.
            if let Some(verdict) = &mut index.verdict {
                let seen = explained(&recording, &[], self.began(), false);
                verdict.explained = seen.map(|seen| verdict_line(&seen.verdict));
            }
            // The reason why something is not there may be in the words of a peer.
            taken_out = taken_out.iter().map(|sentence| masker.text(sentence)).collect();
            mask(&mut index, &mut files, &|text| masker.text(text));
        }
        if discretion.without_names {
            taken_out.push(WITHOUT_NAMES.to_owned());
            recording.exchanges.clear();
            recording.left_out = 0;
            let texts = files.iter().map(|(_, text)| text.as_str());
            let names = Names::of(self.scenario.as_ref(), texts);
            taken_out = taken_out.iter().map(|sentence| names.text(sentence)).collect();
            mask(&mut index, &mut files, &|text| names.text(text));
        }
        index.taken_out = taken_out;
        let keys = if discretion.with_secrets { keys } else { Vec::new() };
        Draft { index, recording, keys, files }
    }

    /// True for the key of a mock CA, which comes with the program.
    fn is_public(&self, key: &Key) -> bool {
        let labs = self.scenario.iter().map(|scenario| &scenario.lab);
        let is_recorded = |pki: &String| labs.clone().any(|lab| lab.recorded.contains_key(pki));
        key.role != Role::Client && !key.pki.as_ref().is_some_and(is_recorded)
    }

    /// The messages, as far as they can be read.
    fn recording(&self, taken_out: &mut Vec<String>) -> Recording {
        let none = || Recording {
            of: self.failure.outcome.id.clone(),
            exchanges: Vec::new(),
            left_out: 0,
        };
        let Some(folder) = &self.messages else {
            taken_out.push(NO_MESSAGES.to_owned());
            return none();
        };
        match recording::read(folder) {
            Ok(recording) => {
                if recording.left_out > 0 {
                    let further = recording.left_out;
                    taken_out.push(format!(
                        "{further} exchanges after the last one were too many, and are not there"
                    ));
                }
                recording
            }
            Err(error) => {
                taken_out.push(format!("the messages are not there: {error}"));
                none()
            }
        }
    }

    /// The moment that the clock of the lab showed, or the system's if there is no lab.
    fn began(&self) -> SystemTime {
        self.remnant.as_ref().map_or(self.failure.outcome.started, |remnant| remnant.began)
    }

    /// Secrets that are in no file: those of other sources, and those that are in messages.
    fn secrets(&self, explanation: Option<&Explanation>) -> Vec<Secret> {
        let elsewhere = self.remnant.iter().flat_map(|remnant| remnant.secrets.clone());
        let read = explanation.iter().flat_map(|explanation| explanation.secrets.clone());
        elsewhere.chain(read).collect()
    }

    fn index(
        &self,
        command: &str,
        driver: Option<DriverName>,
        explanation: Option<&Explanation>,
    ) -> Index {
        let failure = self.failure.failure();
        let verdict = Verdict {
            status: "failed".to_owned(),
            reason: failure.map_or_else(String::new, |failure| failure.message.clone()),
            step: failure.map(|failure| failure.step),
            explained: explanation.map(|explanation| verdict_line(&explanation.verdict)),
        };
        let mut programs: BTreeMap<String, String> = self.programs.iter().cloned().collect();
        programs.insert("openssl".to_owned(), openssl::version::version().to_owned());
        if let Some(client) = &self.failure.client {
            // A matrix has the versions of all clients.
            programs.retain(|name, _| name == "openssl" || name == client);
        }
        Index {
            command: Some(command.to_owned()),
            driver: driver.map(|driver| driver.to_string()),
            began: Some(self.began()),
            programs,
            verdict: Some(verdict),
            checks: self.checks(),
            ..Index::new(&self.failure.outcome.id)
        }
    }

    /// The checks of the failed step, if it checks an output.
    fn checks(&self) -> Vec<Check> {
        let (Some(scenario), Some(failure)) = (&self.scenario, self.failure.failure()) else {
            return Vec::new();
        };
        let step = failure.step.checked_sub(1).and_then(|index| scenario.steps.get(index));
        let Some(Action::Run(run)) = step.map(|step| &step.action) else { return Vec::new() };
        let checks = run.checks.iter().map(|check| {
            let (field, text) = match &check.pattern {
                Pattern::Regex(regex) => ("matches", regex.as_str().to_owned()),
                Pattern::Token(token) => ("contains", token.clone()),
            };
            let field = if check.found { field.to_owned() } else { format!("{field}_not") };
            Check { field, text, held: check.holds(&failure.output) }
        });
        checks.collect()
    }

    fn files(
        &self,
        explanation: Option<Explanation>,
        taken_out: &mut Vec<String>,
    ) -> Vec<(FileEntry, String)> {
        let mut files = Vec::new();
        let scenario = self.scenario.iter();
        let paths = scenario.flat_map(|scenario| {
            let lab = scenario.lab_file.as_ref().map(|lab| (lab, FileKind::Lab));
            [Some((&scenario.path, FileKind::Scenario)), lab].into_iter().flatten()
        });
        let other = self.other.iter().map(|path| (path, FileKind::Other));
        for (path, kind) in paths.chain(other) {
            match read(path, kind) {
                Ok((entry, text)) => files.push((apart_from(&files, entry), text)),
                Err(sentence) => taken_out.push(sentence),
            }
        }
        let recorded = self.scenario.iter().flat_map(|scenario| scenario.lab.recorded.keys());
        taken_out.extend(recorded.map(|pki| {
            format!(
                "the recording that `{pki}` answers from is not there: it is a bundle of its own"
            )
        }));
        for (source, lines) in self.remnant.iter().flat_map(|remnant| &remnant.logs) {
            let path = format!("logs/{}.txt", recording::file_name(source));
            files.push((FileEntry::new(&path, FileKind::Log), lines.join("\n") + "\n"));
        }
        if let Some(failure) = self.failure.failure().filter(|it| !it.output.is_empty()) {
            files.push((FileEntry::new(OUTPUT, FileKind::Output), failure.output.clone()));
        }
        files
            .push((FileEntry::new("outcome.json", FileKind::Outcome), self.failure.report.clone()));
        if let Some(mut explanation) = explanation {
            explanation.rewrite(&visible);
            let text = explain::text::text(&explanation, true) + "\n";
            files.push((FileEntry::new("explanation.txt", FileKind::Explanation), text));
        }
        files
    }
}

/// What is said of each bundle without secrets.
const WITHOUT_SECRETS: &str = "private keys and passwords are taken out: texts have `****` in place of passwords, and there are no keys; `--bundle-secrets` keeps them";

/// What is said besides, if the PKI is a mock CA of a lab.
const PUBLIC_KEYS: &str = "challenge passwords are still in the messages, enciphered for the CA of the lab; its key comes with Sceplab, so who has Sceplab can read them";

/// What is said of each bundle without names.
const WITHOUT_NAMES: &str = "names and addresses of people and machines are taken out: texts have stand-ins such as `name-1`, the same for the same name; the messages and keys are left out, because they have names under their signatures";

/// What is said if nothing could be recorded.
const NO_MESSAGES: &str = "the messages are not there: this lab cannot save them";

/// Changes all texts of a bundle.
fn mask(index: &mut Index, files: &mut [(FileEntry, String)], new: &dyn Fn(&str) -> String) {
    let verdict = index.verdict.iter_mut();
    verdict.for_each(|verdict| {
        verdict.reason = new(&verdict.reason);
        verdict.explained = verdict.explained.as_deref().map(new);
    });
    for check in &mut index.checks {
        check.text = new(&check.text);
    }
    for version in index.programs.values_mut() {
        *version = new(version);
    }
    for (entry, text) in files {
        entry.path = new(&entry.path);
        *text = match (entry.kind, serde_json::from_str(text)) {
            (FileKind::Outcome, Ok(report)) => report::json::document(&changed(report, new)),
            _ => new(text),
        };
    }
}

/// A report with all its texts changed. Its numbers stay: without quotes, what stands for a secret would be no JSON.
fn changed(value: Value, new: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::String(text) => Value::String(new(&text)),
        Value::Array(values) => values.into_iter().map(|value| changed(value, new)).collect(),
        Value::Object(fields) => {
            fields.into_iter().map(|(name, value)| (name, changed(value, new))).collect()
        }
        value => value,
    }
}

/// The entry, or with a number in its path if there is a file at that path already.
fn apart_from(files: &[(FileEntry, String)], mut entry: FileEntry) -> FileEntry {
    let is_taken = |path: &str| files.iter().any(|(other, _)| other.path == path);
    let first = entry.path.clone();
    let mut number = 1;
    while is_taken(&entry.path) {
        number += 1;
        entry.path = first.replacen("files/", &format!("files/{number}/"), 1);
    }
    entry
}
