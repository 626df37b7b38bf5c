//! The step that looks at a certificate: the one that a PKI issued last, or one that a device shows.

use std::collections::BTreeSet;
use std::time::Duration;

use scep::clock::{moment, moment_text};

use super::Given;
use super::scep::{Acceptable, Condition, Expected, acceptable, facts};
use crate::scenario::{Action, Step};
use diagnostics::yaml::{Node, Problems};
use diagnostics::{Diagnostic, Place};

/// The file of a certificate request with the certificate of the device itself.
const OWN_FILE: &str = "user/cert";

/// Looks at a certificate, and compares it with what is expected and with one that an earlier step saw.
#[derive(Debug, Clone)]
pub struct CertificateStep {
    /// Where the certificate is.
    pub source: CertificateSource,
    /// The PKI that should have signed it; none if the lab has several and the step names none.
    pub pki: Option<String>,
    /// The facts that must hold.
    pub expected: Acceptable<CertificateFact>,
    /// The name of the certificate that it is compared with; if absent, the one that the step before saw.
    pub compared_with: Option<String>,
    /// A name for the certificate, for later steps.
    pub remembered_as: Option<String>,
    /// Time limit for a certificate with these facts.
    pub within: Duration,
}

/// Where a certificate is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateSource {
    /// The one that this PKI issued last.
    LatestOf(String),
    /// A file of a device.
    Device {
        /// The device.
        device: String,
        /// The certificate request.
        csr: String,
        /// The path of the file below the request's folder.
        file: String,
    },
}

impl CertificateSource {
    /// The command that shows the certificate, if it is at a device.
    pub fn command(&self) -> Option<String> {
        match self {
            Self::LatestOf(_) => None,
            Self::Device { csr, file, .. } => {
                Some(format!("pki show certificate running://auth/certificates/scep/{csr}/{file}"))
            }
        }
    }
}

impl CertificateStep {
    /// The fields of the step.
    pub(super) const FIELDS: &[&[&str]] =
        &[&["pki", "device", "csr", "file", "is", "compare-with", "remember-as", "within"]];

    /// Reads the step.
    pub(super) fn read(given: &Given<'_>) -> Option<Self> {
        let csr = given.fields.optional("csr").and_then(|node| given.line(node, "a name"));
        let (source, pki) = if let Some(csr) = csr {
            let file = given.fields.optional("file");
            let file = file.and_then(|node| given.line(node, "a file such as `ca/ca.der`"));
            let file = file.unwrap_or_else(|| OWN_FILE.to_owned());
            let source = CertificateSource::Device { device: given.device()?, csr, file };
            (source, given.pki_if_clear())
        } else {
            for field in ["device", "file"] {
                given.refuse(field, "a certificate of a device also needs its `csr`");
            }
            let pki = given.pki()?;
            (CertificateSource::LatestOf(pki.clone()), Some(pki))
        };
        let node = given.fields.required("is")?;
        let mut expected = acceptable::<CertificateFact>(node, given.problems)?;
        if expected.skip.is_some() || expected.note.is_some() || expected.because.is_some() {
            let message = "a certificate is as expected, or not: there is no `note` and no `skip`";
            given.problems.add(Diagnostic::at(&node.place, message));
        }
        expected.conditions.iter_mut().for_each(|it| in_full(it, given.problems));
        let name = |key| given.fields.optional_as(key, Node::text);
        Some(Self {
            source,
            pki,
            expected,
            compared_with: name("compare-with"),
            remembered_as: name("remember-as"),
            within: given.within(),
        })
    }

    /// A description of the action.
    pub(super) fn title(&self) -> String {
        match &self.source {
            CertificateSource::LatestOf(pki) => format!("look at the last certificate of {pki}"),
            CertificateSource::Device { device, csr, file } if file == OWN_FILE => {
                format!("look at the certificate of {csr} at {device}")
            }
            CertificateSource::Device { device, csr, file } => {
                format!("look at {file} of {csr} at {device}")
            }
        }
    }
}

/// Writes an expected moment as facts have it, to the second.
fn in_full(condition: &mut Condition<CertificateFact>, problems: &Problems) {
    if !matches!(condition.fact, CertificateFact::NotBefore | CertificateFact::NotAfter) {
        return;
    }
    for expected in &mut condition.expected {
        let (Expected::Text(text) | Expected::Not(text)) = expected else { continue };
        match moment(text) {
            Ok(moment) => *text = moment_text(moment),
            Err(_) if text == "absent" => {}
            Err(error) => problems.add(Diagnostic::at(
                &condition.place,
                format!("`{text}` is no moment of a certificate: {error}"),
            )),
        }
    }
}

/// The certificates that the steps so far have seen.
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    has_seen_one: bool,
    names: BTreeSet<String>,
}

impl Remembered {
    /// Checks what the next step compares with, and remembers what it sees.
    pub(crate) fn follow(&mut self, step: Option<&Step>, problems: &Problems) {
        let Some(Action::Certificate(step)) = step.map(|step| &step.action) else { return };
        let compared = step.expected.conditions.iter().find(|it| it.fact.is_comparison());
        let known = match &step.compared_with {
            Some(name) => self.names.contains(name),
            None => self.has_seen_one,
        };
        if let (Some(condition), false) = (compared, known) {
            self.nothing_to_compare(step.compared_with.as_deref(), &condition.place, problems);
        }
        self.has_seen_one = true;
        self.names.extend(step.remembered_as.clone());
    }

    fn nothing_to_compare(&self, name: Option<&str>, place: &Place, problems: &Problems) {
        problems.add_with(|| match name {
            Some(name) => Diagnostic::at(place, format!("no earlier step remembers `{name}`"))
                .known(name, "remembered", self.names.iter().map(String::as_str))
                .note("`remember-as: NAME` in a `certificate` step remembers the one that it sees"),
            None => Diagnostic::at(place, "there is no certificate to compare with")
                .note("the `certificate` step before this one sees it"),
        });
    }
}

impl CertificateFact {
    /// True if the fact is the comparison with a certificate that an earlier step saw.
    pub fn is_comparison(self) -> bool {
        matches!(self, Self::Serial | Self::Key)
    }

    const fn whole(self) -> Option<Self> {
        match self {
            Self::SerialNumber => None,
            _ => Some(Self::SerialNumber),
        }
    }

    #[expect(clippy::unused_self, reason = "each list of facts has this method")]
    const fn says_what_came(self) -> bool {
        false
    }
}

facts! {
    /// A fact of a certificate. A fact that it does not have is `absent`.
    CertificateFact:
    SerialNumber, "serial-number", [], "The serial number, in hexadecimal.";
    Subject, "subject", [], "The subject, in one line: `CN = router, O = Example`.";
    Issuer, "issuer", [], "The issuer, in one line.";
    SignedBy, "signed-by", ["CA", "former CA", "other"], "Whether its signature verifies with the key of the PKI's CA as it is now, or of one that an earlier `certificate` step met.";
    NotBefore, "not-before", [], "The first moment of its validity: `2026-01-01T00:00:00Z`.";
    NotAfter, "not-after", [], "The last moment of its validity.";
    Validity, "validity", ["valid", "expired", "not yet valid"], "Whether it is valid now, by the clock of the lab.";
    Days, "days", [], "Its whole life, in whole days.";
    DaysLeft, "days-left", [], "The rest of its life from now, in whole days; 0 if it has ended.";
    KeyBits, "key-bits", [], "The length of its key, in bits.";
    Serial, "serial", ["same", "other"], "Whether its serial number is that of the certificate that it is compared with.";
    Key, "key", ["same", "other"], "Whether its key is that of the certificate that it is compared with.";
    Revoked, "revoked", ["yes", "no"], "Whether the PKI has revoked it.";
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn documented_facts_are_those_of_the_table() {
        let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/scenario-files.md");
        let page = std::fs::read_to_string(page).unwrap();
        let (_, table) = page.split_once("| fact | values |\n| --- | --- |\n").unwrap();
        let (table, _) = table.split_once("\n\n").unwrap();
        let cells = table.lines().filter_map(|row| row.split('|').nth(1));
        let documented: BTreeSet<&str> =
            cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).collect();
        let known: BTreeSet<&str> = CertificateFact::ALL.iter().map(|fact| fact.as_str()).collect();
        assert_eq!(documented, known);
    }
}
