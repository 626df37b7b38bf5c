//! Mistakes that only the simulated lab of a scenario reveals: what its devices would refuse, and what its PKIs never do.

mod recorded;

use std::collections::BTreeSet;

use dut_sim::configured_addresses;
pub use dut_sim::{LineMistake, command_mistake, configuration_mistakes};
use redact::{Masker, clear_passwords_of_configuration};

use super::steps::{Action, Configuration, DecisionStep, Ping, Run};
use super::{Expect, Scenario, Step};
use crate::lab::{Device, Lab};
use diagnostics::{Diagnostic, Place, did_you_mean, suggestions};

/// Limit of the mistakes that are looked for.
const LIMIT: usize = 100;

/// Mistakes that make steps of a scenario fail in its simulated lab, with secrets masked; none for a real device or PKI, whose
/// commands are not known.
pub fn lint(scenario: &Scenario) -> Vec<Diagnostic> {
    let lab = &scenario.lab;
    let mut session = Session::default();
    let mut found = Vec::new();
    for step in &scenario.steps {
        let mut wrong = session.mistakes(step, lab);
        wrong.extend(recorded::asked_in_vain(step, lab));
        if step.expect == Expect::Success {
            found.extend(wrong);
        }
        if found.len() >= LIMIT {
            found.truncate(LIMIT);
            break;
        }
    }
    let masker = masker(scenario);
    Diagnostic::all_masked(found, &masker, false)
}

/// The question for the words that a device would take instead of a refused one.
pub fn suggestion(mistake: &LineMistake) -> Option<String> {
    did_you_mean(&suggestions(mistake.word.as_deref()?, &mistake.known))
}

fn masker(scenario: &Scenario) -> Masker {
    let given = scenario.steps.iter().filter_map(|step| step.action.given_to_device());
    let given = given.flat_map(clear_passwords_of_configuration);
    Masker::new(scenario.lab.secrets().into_iter().chain(given))
}

/// State of the devices that later steps depend on.
#[derive(Default)]
struct Session<'a> {
    /// Devices with a configuration.
    configured: BTreeSet<&'a str>,
    /// Devices whose command line may be in configuration mode, so that its commands are others.
    edited: BTreeSet<&'a str>,
}

impl<'a> Session<'a> {
    fn mistakes(&mut self, step: &'a Step, lab: &Lab) -> Vec<Diagnostic> {
        match &step.action {
            Action::Configure(it) | Action::Modify(it) => {
                self.configured.insert(&it.device);
                let device = simulated(lab, &it.device);
                device.map(|device| of_configuration(it, device)).unwrap_or_default()
            }
            Action::Run(it) => {
                let is_known = simulated(lab, &it.device).is_some();
                if it
                    .command
                    .split_whitespace()
                    .next()
                    .is_some_and(|verb| is_verb(verb, "configure"))
                {
                    self.edited.insert(&it.device);
                }
                let is_judged = is_known && !self.edited.contains(it.device.as_str());
                of_command(it).filter(|_| is_judged).into_iter().collect()
            }
            Action::Ping(it) => {
                let device = it.device.as_str();
                let has_address = self.configured.contains(device) || self.edited.contains(device);
                let is_wrong = it.is_simulated && !has_address && !it.is_local();
                is_wrong.then(|| of_ping(it, step)).into_iter().collect()
            }
            Action::Approve(it) | Action::Deny(it) => of_decision(it, step).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}

/// The device of a simulated lab.
fn simulated<'a>(lab: &'a Lab, name: &str) -> Option<&'a Device> {
    lab.devices.get(name).filter(|device| device.ssh.is_none())
}

/// True if a word is the name of a command, perhaps abbreviated.
fn is_verb(word: &str, name: &str) -> bool {
    word.len() > 2 && name.starts_with(word)
}

fn of_configuration(step: &Configuration, device: &Device) -> Vec<Diagnostic> {
    let interfaces: Vec<String> = device.interfaces.keys().cloned().collect();
    let whole = step.replaces.then_some(interfaces.as_slice());
    let mistakes = configuration_mistakes(&step.lines.value, whole);
    let diagnostic = |(line, mistake): (usize, LineMistake)| {
        let place = step.place_of(line);
        let words = mistake.message.lines().next().unwrap_or_default().replace('`', "'");
        let place = mistake.word.as_ref().map_or(place.clone(), |word| word_in(&place, word));
        let message = format!("the simulated device refuses this line: {words}");
        known(Diagnostic::at(&place, message), &mistake)
    };
    mistakes.into_iter().map(diagnostic).chain(of_addresses(step, device)).take(LIMIT).collect()
}

/// The place of a word in a line, or the whole line.
fn word_in(line: &Place, word: &str) -> Place {
    let start = line.text().find(word);
    start.map_or_else(|| line.clone(), |start| line.within(start, start + word.len()))
}

/// The addresses that no neighbour can reach, because they are outside of the subnet that their interface is plugged into.
fn of_addresses(step: &Configuration, device: &Device) -> impl Iterator<Item = Diagnostic> {
    configured_addresses(&step.lines.value).into_iter().filter_map(|(line, given)| {
        let subnet = device.interfaces.get(&given.interface)?;
        if subnet.contains(&given.address.addr()) {
            return None;
        }
        let place = word_in(&step.place_of(line), &given.address.to_string());
        let message = format!(
            "`{}` is outside of `{subnet}`, the subnet that `{}` is plugged into in the lab",
            given.address, given.interface
        );
        Some(Diagnostic::at(&place, message))
    })
}

fn known(diagnostic: Diagnostic, mistake: &LineMistake) -> Diagnostic {
    let word = mistake.word.as_deref().unwrap_or_default();
    diagnostic.known(word, "known", mistake.known.iter().copied())
}

/// The mistake in a command whose refusal the step does not expect.
fn of_command(step: &Run) -> Option<Diagnostic> {
    let mistake = command_mistake(&step.command)?;
    if !step.checks.is_empty() && step.checks.iter().all(|check| check.holds(&mistake.message)) {
        return None;
    }
    let message = format!("the simulated device has no such command: {}", mistake.message);
    Some(known(Diagnostic::at(&step.place, message), &mistake))
}

fn of_ping(step: &Ping, at: &Step) -> Diagnostic {
    let message = format!("`{}` has no address yet", step.device);
    Diagnostic::at(&at.place, message).note("a `configure` step before this one gives it one")
}

fn of_decision(step: &DecisionStep, at: &Step) -> Option<Diagnostic> {
    step.is_automatic.then(|| {
        let message =
            format!("the PKI `{}` decides by itself, so nothing waits for a decision", step.pki);
        Diagnostic::at(&at.place, message).note("`approval: manual` in the lab lets requests wait")
    })
}
