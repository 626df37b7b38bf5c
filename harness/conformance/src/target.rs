//! What is known of one PKI or one client: its target file.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use diagnostics::yaml::{self, Fields, Node, Problems};
use diagnostics::{Diagnostic, Place, Source, closest};
use model::known_failure;
use results::KnownFailure;
use scep::certificate::Fingerprint;

/// What is known of a target.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// What it is called.
    pub title: String,
    /// Where a PKI is.
    pub url: Option<String>,
    /// The fingerprint that one of a PKI's certificates has.
    pub ca_fingerprint: Option<Fingerprint>,
    /// The keywords that a PKI's GetCACaps names.
    pub capabilities: Option<Vec<String>>,
    /// How many cases may run at once.
    pub parallel: Option<NonZeroUsize>,
    /// Where it is known not to conform.
    pub deviations: Vec<Deviation>,
}

/// A case in which a target is known not to conform.
#[derive(Debug, Clone)]
pub struct Deviation {
    /// The case's id.
    pub case: String,
    /// Why it fails, and how that is known.
    pub known: KnownFailure,
    /// Where the case is named.
    pub place: Place,
}

impl Target {
    /// Reads a target file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a target file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        yaml::decoded(source, decode).map(Option::unwrap_or_default)
    }

    /// What is wrong with deviations in cases that are not among these: they excuse nothing, and are most likely misspelt.
    pub fn strangers(&self, ids: &[String]) -> Vec<Diagnostic> {
        let strange = self.deviations.iter().filter(|deviation| !ids.contains(&deviation.case));
        let wrong = |deviation: &Deviation| {
            let message =
                format!("the target file deviates in `{}`, which is no case", deviation.case);
            let diagnostic = Diagnostic::at(&deviation.place, message);
            match closest(&deviation.case, ids.iter().map(String::as_str)) {
                Some(id) => diagnostic.note(format!("did you mean `{id}`?")),
                None => diagnostic
                    .note("`sceplab conform --list` and `conform-client --list` show the cases"),
            }
        };
        strange.map(wrong).collect()
    }

    /// What is known of a case.
    pub fn deviation(&self, case: &str) -> Option<&KnownFailure> {
        let deviation = self.deviations.iter().find(|deviation| deviation.case == case);
        deviation.map(|deviation| &deviation.known)
    }
}

fn decode(node: &Node, problems: &Problems) -> Option<Target> {
    let known = ["title", "url", "ca-fingerprint", "capabilities", "parallel", "deviations"];
    let fields = Fields::of(node, "a target", &known, problems)?;
    let text = |key| fields.optional(key).and_then(|node| node.text(problems));
    let items = |key| fields.optional(key).map(|node| node.items(problems));
    let title = fields.required("title").and_then(|node| node.text(problems));
    let deviations = items("deviations").unwrap_or_default();
    let deviations: Vec<Deviation> =
        deviations.iter().filter_map(|node| deviation(node, problems)).collect();
    let target = Target {
        // One that is missing is a problem already; the rest is still read for its own.
        title: title.unwrap_or_default(),
        url: text("url"),
        ca_fingerprint: fields.optional("ca-fingerprint").and_then(|node| {
            node.parsed("a SHA-256 fingerprint of 64 hexadecimal digits", problems)
        }),
        capabilities: items("capabilities")
            .map(|items| items.iter().filter_map(|item| item.text(problems)).collect()),
        parallel: fields
            .optional("parallel")
            .and_then(|node| node.parsed("how many cases may run at once", problems)),
        deviations,
    };
    Some(target)
}

fn deviation(node: &Node, problems: &Problems) -> Option<Deviation> {
    let known = ["case", "reason", "source", "ticket", "until"];
    let fields = Fields::of(node, "a deviation", &known, problems)?;
    let case = fields.required("case");
    let place = case.map_or(&node.place, |case| &case.place);
    let known = known_failure(&fields, "reason", place);
    Some(Deviation { case: case?.text(problems)?, known: known?, place: place.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Target, Vec<String>> {
        let source = Source::new("t.yaml", text.to_owned());
        Target::parse(&source).map_err(|errors| errors.into_iter().map(|it| it.message).collect())
    }

    #[test]
    fn a_target_file_is_read() {
        let target = parse(
            "title: PKI\nurl: http://h/scep\nparallel: 2\ndeviations:\n- case: a/b\n  reason: old\n  \
             source: seen\n  until: 2026-11-30\n",
        );
        let target = target.unwrap();
        let deviation = target.deviation("a/b").unwrap();
        assert!(!deviation.has_expired("2026-11-30".parse().unwrap()));
        assert!(deviation.has_expired("2026-12-01".parse().unwrap()));
        assert_eq!(deviation.to_string(), "old (seen; until 2026-11-30)");
    }

    #[test]
    fn every_mistake_is_found() {
        let found = parse(
            "ca-fingerprint: 12\nparallel: 0\ndeviations:\n- {case: a, reason: b, until: tomorrow}\n",
        );
        let found = found.unwrap_err();
        assert_eq!(found.len(), 5, "{found:?}");
    }
}
