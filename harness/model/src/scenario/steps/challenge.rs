//! What stands in configuration lines for a challenge password that is come by when they are sent.

use std::collections::BTreeMap;

use super::{Configuration, Given};
use crate::lab::{Lab, placeholders};
use diagnostics::{Diagnostic, Place};

/// What else may stand between braces: nothing.
const KNOWN: &str = "`{{challenge}}`, or `{{challenge:PKI}}` where the lab has several PKIs";

/// The PKI whose challenge password a placeholder stands for: that of `challenge:windows-pki`; of `challenge` alone it is
/// the lab's only one, which has no name here.
pub fn challenge_of(placeholder: &str) -> Option<&str> {
    match placeholder.strip_prefix("challenge")? {
        "" => Some(""),
        rest => rest.strip_prefix(':').map(str::trim),
    }
}

impl Given<'_> {
    /// The PKI that each placeholder in the lines is about, by the placeholder's name.
    pub(super) fn challenges(
        &self,
        lines: &str,
        configuration: &Configuration,
    ) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        for (name, range) in placeholders(lines) {
            let place = || configuration.place_of(lines[..range.start].matches('\n').count() + 1);
            if let Some(pki) = self.challenger(name, place) {
                found.insert(name.to_owned(), pki);
            }
        }
        found
    }

    fn challenger(&self, placeholder: &str, place: impl Fn() -> Place) -> Option<String> {
        let Some(wanted) = challenge_of(placeholder) else {
            let message = format!("unknown placeholder `{{{{{placeholder}}}}}`");
            let note = format!("a challenge password stands where the lines have {KNOWN}");
            self.problems.add(Diagnostic::at(&place(), message).note(note));
            return None;
        };
        let pkis = self.lab.map(Lab::pki_names)?;
        let known = "the lab's PKIs";
        let diagnostic = match (wanted, pkis.as_slice()) {
            ("", [only]) => return Some((*only).to_owned()),
            ("", []) => Diagnostic::at(&place(), "the lab has no PKI to give a challenge password"),
            ("", _) => {
                let message = "whose challenge password? the lab has several PKIs";
                Diagnostic::at(&place(), message).known("", known, pkis).note(KNOWN)
            }
            (pki, pkis) if pkis.contains(&pki) => return Some(pki.to_owned()),
            (pki, _) => {
                let message = format!("unknown PKI `{pki}` in `{{{{{placeholder}}}}}`");
                Diagnostic::at(&place(), message).known(pki, known, pkis)
            }
        };
        self.problems.add(diagnostic);
        None
    }
}
