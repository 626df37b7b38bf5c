//! The target file of a PKI or client.

use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use diagnostics::yaml::{self, Fields, Node, Problems};
use diagnostics::{Diagnostic, Place, Source, closest};
use model::known_failure;
use results::KnownFailure;
use scep::certificate::Fingerprint;

/// Known facts about a target.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Title.
    pub title: String,
    /// URL of a PKI.
    pub url: Option<String>,
    /// Fingerprint of one of a PKI's certificates.
    pub ca_fingerprint: Option<Fingerprint>,
    /// Keywords of a PKI's GetCACaps.
    pub capabilities: Option<Vec<String>>,
    /// Number of cases that may run at the same time.
    pub parallel: Option<NonZeroUsize>,
    /// Known deviations.
    pub deviations: Vec<Deviation>,
}

/// A case that the target is known to fail.
#[derive(Debug, Clone)]
pub struct Deviation {
    /// Id of the case.
    pub case: String,
    /// Reason of the failure, and evidence.
    pub known: KnownFailure,
    /// Place of the case's id.
    pub place: Place,
}

impl Target {
    /// Reads a target file.
    ///
    /// # Errors
    /// All mistakes in the target file.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a target file.
    ///
    /// # Errors
    /// All mistakes in the target file.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        yaml::decoded(source, decode).map(Option::unwrap_or_default)
    }

    /// Reports deviations in unknown cases. They excuse nothing, and are probably misspelt.
    pub fn unknown_cases(&self, ids: &[String]) -> Vec<Diagnostic> {
        let unknown = self.deviations.iter().filter(|deviation| !ids.contains(&deviation.case));
        let wrong = |deviation: &Deviation| {
            let message = format!(
                "the target file has a deviation in `{}`, which is not a case",
                deviation.case
            );
            let diagnostic = Diagnostic::at(&deviation.place, message);
            match closest(&deviation.case, ids.iter().map(String::as_str)) {
                Some(id) => diagnostic.note(format!("did you mean `{id}`?")),
                None => diagnostic
                    .note("`sceplab conform --list` and `conform-client --list` show the cases"),
            }
        };
        unknown.map(wrong).collect()
    }

    /// The known failure of a case.
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
        // A missing title is already reported; the rest is still read, for its own mistakes.
        title: title.unwrap_or_default(),
        url: text("url"),
        ca_fingerprint: fields.optional("ca-fingerprint").and_then(|node| {
            node.parsed("a SHA-256 fingerprint of 64 hexadecimal digits", problems)
        }),
        capabilities: items("capabilities")
            .map(|items| items.iter().filter_map(|item| item.text(problems)).collect()),
        parallel: fields
            .optional("parallel")
            .and_then(|node| node.parsed("a number of cases, 1 or more", problems)),
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
    fn all_mistakes_are_reported() {
        let found = parse(
            "ca-fingerprint: 12\nparallel: 0\ndeviations:\n- {case: a, reason: b, until: tomorrow}\n",
        );
        let found = found.unwrap_err();
        assert_eq!(found.len(), 5, "{found:?}");
    }
}
