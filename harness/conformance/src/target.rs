//! The target file of a PKI or client.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::Path;
use std::sync::Arc;

use diagnostics::yaml::{self, Fields, Keys, Node, Problems};
use diagnostics::{Diagnostic, Place, Source, closest, did_you_mean};
use model::known_failure;
use model::near_files;
use model::scenario::Scenario;
use model::scep_url::ScepUrl;
use results::KnownFailure;
use scep::certificate::Fingerprint;
use scep::url::UrlError;

/// The folder of the target files that Sceplab brings along.
const TARGETS: &str = "scenarios/targets";

/// Known facts about a target.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Title.
    pub title: String,
    /// URL of a PKI.
    pub url: Option<ScepUrl>,
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
    /// The fields of a target file.
    pub const FIELDS: [&'static str; 6] =
        ["title", "url", "ca-fingerprint", "capabilities", "parallel", "deviations"];

    /// Reads a target file.
    ///
    /// # Errors
    /// All mistakes in the target file.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        let missing = |error: Diagnostic| {
            let near = if path.exists() {
                Vec::new()
            } else {
                near_files(Path::new(""), &path.display().to_string(), &[TARGETS])
            };
            let near: Vec<&str> = near.iter().map(String::as_str).collect();
            vec![did_you_mean(&near).into_iter().fold(error, Diagnostic::note)]
        };
        Self::parse(&Source::read(path).map_err(missing)?)
    }

    /// Reads the text of a target file.
    ///
    /// # Errors
    /// All mistakes in the target file.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        yaml::decoded(source, decode).map(Option::unwrap_or_default)
    }

    /// Names the cases of the deviations by their present ids. A case whose id changed is also known by its former ids, so that
    /// the files of users go on working.
    pub fn rename_cases(&mut self, cases: &[Scenario]) {
        for deviation in &mut self.deviations {
            let has_this_id = |case: &&Scenario| case.has_former_id(&deviation.case);
            if let Some(case) = cases.iter().find(has_this_id) {
                deviation.case.clone_from(&case.id);
            }
        }
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
    let fields = Fields::of(node, "a target", Keys::of_file(&Target::FIELDS), problems)?;
    let items = |key| fields.optional(key).map(|node| node.items(problems));
    let title = fields.required("title").and_then(|node| node.text(problems));
    let deviations = items("deviations").unwrap_or_default();
    let deviations: Vec<Deviation> =
        deviations.iter().filter_map(|node| deviation(node, problems)).collect();
    refuse_repeated(&deviations, problems);
    let target = Target {
        // A missing title is already reported; the rest is still read, for its own mistakes.
        title: title.unwrap_or_default(),
        url: fields.optional("url").and_then(|node| url(node, problems)),
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

fn url(node: &Node, problems: &Problems) -> Option<ScepUrl> {
    let read = node.text(problems)?.parse();
    let cannot = |error| Diagnostic::at(&node.place, format!("this URL cannot be used: {error}"));
    read.map_err(|error: UrlError| problems.add(cannot(error))).ok()
}

fn deviation(node: &Node, problems: &Problems) -> Option<Deviation> {
    let known = ["case", "reason", "source", "ticket", "until"];
    let fields = Fields::of(node, "a deviation", &known, problems)?;
    let case = fields.required("case");
    let place = case.map_or(&node.place, |case| &case.place);
    let known = known_failure(&fields, "reason", place);
    Some(Deviation { case: case?.text(problems)?, known: known?, place: place.clone() })
}

/// Reports a further deviation in the same case, of which no run would use the reason.
fn refuse_repeated(deviations: &[Deviation], problems: &Problems) {
    let mut lines = BTreeMap::new();
    for Deviation { case, place, .. } in deviations {
        if let Some(first) = lines.insert(case, place.line()) {
            let repeated = Diagnostic::at(place, format!("a second deviation in `{case}`"));
            problems.add(repeated.label(format!("the first is in line {first}")));
        }
    }
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
    fn second_deviation_in_a_case_is_refused() {
        let one = "- {case: a, reason: b, source: c}\n";
        let found = parse(&format!("title: PKI\ndeviations:\n{one}{one}")).unwrap_err();
        assert_eq!(found, ["a second deviation in `a`"]);
    }

    #[test]
    fn password_in_the_url_is_refused_and_not_shown() {
        let found = parse("title: PKI\nurl: http://user:s3cret@h/scep\n").unwrap_err();
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].starts_with("this URL cannot be used: "), "{found:?}");
        assert!(!found[0].contains("s3cret"), "{found:?}");
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
