//! Checks of the texts for a device: configuration lines with their placeholders, commands, and names of hosts.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::super::Given;
use super::Configuration;
use super::other_braces::other_braces;
use crate::lab::{Lab, placeholders};
use crate::scenario::Expect;
use diagnostics::yaml::Node;
use diagnostics::{Diagnostic, Place, closest};

/// How a statement begins, to find several in one line.
const ROOTS: [&str; 4] = ["set system ", "set interfaces ", "set protocols ", "delete "];

/// The placeholders of configuration lines.
const KNOWN: &str = "`{{challenge}}`, or `{{challenge:PKI}}` if the lab has several PKIs";

impl Given<'_> {
    /// Reports lines that YAML joins into one, because the text is not a block.
    pub(super) fn refuse_joined(&self, node: &Node, lines: &str) {
        let is_inside = |at: usize| {
            let before = lines[..at].trim_end_matches([' ', '\t']);
            !before.is_empty() && !before.ends_with('\n')
        };
        let mut starts = ROOTS.iter().flat_map(|root| lines.match_indices(root));
        if node.place.text().contains('\n') && starts.any(|(at, _)| is_inside(at)) {
            let message = "the lines of this text are joined into one";
            let advice = "write `|` after the colon, so that each line stays one";
            self.problems.add(Diagnostic::at(&node.place, message).note(advice));
        }
    }

    /// True if the lab simulates the device.
    pub(super) fn is_simulated(&self, device: &str) -> bool {
        let device = self.lab.and_then(|lab| lab.devices.get(device));
        device.is_some_and(|device| device.ssh.is_none())
    }

    /// Reports a name that a simulated device does not know, because it is no host of the lab.
    pub(super) fn refuse_unknown_host(&self, node: &Node, name: &str) {
        let is_known = |host: &&str| host.eq_ignore_ascii_case(name);
        let hosts = self.lab.into_iter().flat_map(|lab| lab.hosts.keys()).map(String::as_str);
        let is_host = hosts.clone().chain(["localhost"]).any(|host| is_known(&host));
        if self.expect == Expect::Failure || is_host || name.parse::<Ipv4Addr>().is_ok() {
            return;
        }
        self.problems.add_with(|| {
            let unknown = Diagnostic::at(&node.place, format!("unknown host `{name}`"));
            unknown.known(name, "the lab's hosts", hosts)
        });
    }

    /// A command in one line. The device would get a placeholder as it is.
    pub(super) fn command(&self, node: &Node) -> Option<String> {
        let command = self.line(node, "a command")?;
        let braces = placeholders(&command).into_iter().map(|(_, range)| range);
        let others = other_braces(&command).into_iter();
        let others = others.filter(|range| !command[range.clone()].starts_with("${"));
        for range in braces.chain(dollars(&command)).chain(others) {
            let text = &command[range.clone()];
            let message = format!("a command has no placeholders: the device would get `{text}`");
            let advice =
                "scenario files have no variables; `{{challenge}}` is for configuration lines";
            let place = node.place_of(range.start, range.end);
            self.problems.add(Diagnostic::at(&place, message).note(advice));
        }
        Some(command)
    }

    /// The PKIs that the placeholders in the lines mean, by the placeholder's name.
    pub(super) fn challenges(
        &self,
        lines: &str,
        configuration: &Configuration,
    ) -> BTreeMap<String, String> {
        let place = |range: &Range<usize>| {
            let line = configuration.place_of(lines[..range.start].matches('\n').count() + 1);
            let text = &lines[range.clone()];
            line.text().find(text).map(|at| line.within(at, at + text.len())).unwrap_or(line)
        };
        let mut found = BTreeMap::new();
        for (name, range) in placeholders(lines) {
            if let Some(pki) = self.challenger(name, || place(&range)) {
                found.insert(name.to_owned(), pki);
            }
        }
        for range in other_braces(lines) {
            self.refuse_other_braces(&lines[range.clone()], &place(&range));
        }
        found
    }

    fn refuse_other_braces(&self, text: &str, place: &Place) {
        let message = format!("`{text}` is no placeholder: the device would get it as it is");
        let wrong = Diagnostic::at(place, message).label("did you mean `{{challenge}}`?");
        self.problems
            .add(wrong.note(format!("the placeholder of a challenge password is {KNOWN}")));
    }

    fn challenger(&self, placeholder: &str, place: impl Fn() -> Place) -> Option<String> {
        let Some(wanted) = challenge_of(placeholder) else {
            self.problems.add_with(|| {
                let message = format!("unknown placeholder `{{{{{placeholder}}}}}`");
                let note = format!("the placeholder of a challenge password is {KNOWN}");
                let meant =
                    closest(placeholder, ["challenge"]).map(|_| "did you mean `{{challenge}}`?");
                Diagnostic::at(&place(), message).label(meant.unwrap_or_default()).note(note)
            });
            return None;
        };
        let pkis = self.lab.map(Lab::pki_names)?;
        match (wanted, pkis.as_slice()) {
            ("", [only]) => return Some((*only).to_owned()),
            (pki, pkis) if pkis.contains(&pki) => return Some(pki.to_owned()),
            _ => {}
        }
        self.problems.add_with(|| unknown_pki(wanted, placeholder, &place(), &pkis));
        None
    }
}

/// The diagnostic for a placeholder that names no PKI of the lab.
fn unknown_pki(wanted: &str, placeholder: &str, place: &Place, pkis: &[&str]) -> Diagnostic {
    let known = "the lab's PKIs";
    match (wanted, pkis) {
        ("", []) => Diagnostic::at(place, "the lab has no PKI to give a challenge password"),
        ("", pkis) => {
            let message = "`{{challenge}}` must name a PKI: the lab has several";
            Diagnostic::at(place, message).known("", known, pkis.iter().copied()).note(KNOWN)
        }
        (pki, pkis) => {
            let message = format!("unknown PKI `{pki}` in `{{{{{placeholder}}}}}`");
            Diagnostic::at(place, message).known(pki, known, pkis.iter().copied())
        }
    }
}

/// The PKI whose challenge password a placeholder means: `challenge:windows-pki` names it; for `challenge` it is the lab's
/// only one, and the name is empty.
pub fn challenge_of(placeholder: &str) -> Option<&str> {
    match placeholder.strip_prefix("challenge")? {
        "" => Some(""),
        rest => rest.strip_prefix(':').map(str::trim),
    }
}

/// The ranges of `${name}` in a command.
fn dollars(command: &str) -> impl Iterator<Item = Range<usize>> {
    let starts = command.match_indices("${").map(|(at, _)| at);
    starts.filter_map(|at| Some(at..at + command[at..].find('}')? + 1))
}
