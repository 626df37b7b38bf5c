//! The ledger: cells that are expected to fail, with reasons and evidence.

use std::path::Path;
use std::sync::Arc;

use diagnostics::yaml::{self, Fields, Keys, Node, Problems};
use diagnostics::{Diagnostic, Place, Source};
use model::known_failure;
use regex::Regex;
use results::{KnownFailure, Reason};
use testbed::Client;

/// The expected failures.
#[derive(Debug, Default)]
pub struct Ledger {
    /// The entries, in the order of the file.
    pub entries: Vec<Expectation>,
}

/// An expected failure of some cells. A missing field matches anything.
#[derive(Debug)]
pub struct Expectation {
    scenarios: Option<Vec<String>>,
    pkis: Option<Vec<String>>,
    clients: Option<Vec<Client>>,
    versions: Option<Vec<String>>,
    stage: Option<String>,
    reason: Option<Regex>,
    /// Reason of the failure, and evidence.
    pub known: KnownFailure,
    /// Place of the entry.
    pub place: Place,
}

impl Ledger {
    /// The fields of a ledger.
    pub const FIELDS: [&'static str; 1] = ["expected-failures"];

    /// Reads a ledger file.
    ///
    /// # Errors
    /// All mistakes in the ledger.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a ledger file.
    ///
    /// # Errors
    /// All mistakes in the ledger.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        yaml::decoded(source, decode)
    }
}

impl Expectation {
    /// True if it is about this cell.
    pub fn is_about(&self, scenario: &str, pki: &str, client: Client) -> bool {
        let named = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|other| other == name))
        };
        named(&self.scenarios, scenario)
            && named(&self.pkis, pki)
            && self.clients.as_ref().is_none_or(|clients| clients.contains(&client))
    }

    /// True if it is about this version of the client's program. `5.9` is about `5.9.8` as well; an unknown version may be any.
    pub fn is_of_version(&self, version: Option<&str>) -> bool {
        let fits = |named: &String, version: &str| {
            version
                .strip_prefix(named.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '-', '+']))
        };
        match (&self.versions, version) {
            (Some(named), Some(version)) => named.iter().any(|named| fits(named, version)),
            _ => true,
        }
    }

    /// True if it expects this failure.
    pub fn matches(&self, reason: &Reason) -> bool {
        self.stage.as_ref().is_none_or(|stage| *stage == reason.stage)
            && self.reason.as_ref().is_none_or(|regex| regex.is_match(&reason.text))
    }
}

fn decode(node: &Node, problems: &Problems) -> Ledger {
    let entries = Fields::of(node, "a ledger", Keys::of_file(&Ledger::FIELDS), problems)
        .and_then(|fields| fields.required("expected-failures"))
        .map(|node| node.items(problems))
        .unwrap_or_default();
    Ledger { entries: entries.iter().filter_map(|node| entry(node, problems)).collect() }
}

fn entry(node: &Node, problems: &Problems) -> Option<Expectation> {
    let known = ["scenario", "pki", "client", "version", "stage", "reason", "because", "source"];
    let fields = Fields::of(node, "an expected failure", &known, problems)?;
    let text = |node: Option<&Node>| node.and_then(|node| node.text(problems));
    let texts = |key| fields.optional(key).map(|node| texts(node, problems));
    let (stage, reason) = (fields.optional("stage"), fields.optional("reason"));
    if stage.is_none() && reason.is_none() {
        // Otherwise any failure would match, even a mistake in the lab.
        let message = "an expected failure lacks `stage` or `reason`";
        problems.add(
            Diagnostic::at(&node.place, message)
                .note("`stage` is an exchange such as `PKCSReq`, `reason` a regular expression"),
        );
    }
    if let Some(version) =
        fields.optional("version").filter(|_| fields.optional("client").is_none())
    {
        let message = "`version` is that of a client's program: add the field `client`";
        problems.add(Diagnostic::at(&version.place, message));
    }
    let known = known_failure(&fields, "because", &node.place);
    Some(Expectation {
        scenarios: texts("scenario"),
        pkis: texts("pki"),
        clients: fields.optional("client").map(|node| clients(node, problems)),
        versions: texts("version"),
        stage: text(stage),
        reason: reason.and_then(|node| node.regex(None, problems)),
        known: known?,
        place: node.place.clone(),
    })
}

fn texts(node: &Node, problems: &Problems) -> Vec<String> {
    node.one_or_more(problems).iter().filter_map(|node| node.text(problems)).collect()
}

fn clients(node: &Node, problems: &Problems) -> Vec<Client> {
    let one = |node: &Node| node.one_of("client", Client::NAMED, problems);
    node.one_or_more(problems).iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEDGER: &str = "expected-failures:
  - scenario: [scep/a, scep/b]
    client: strongswan
    reason: only RSA
    because: it can no better
    source: seen
  - pki: far
    stage: CertPoll
    because: it waits too long
    source: seen
";

    fn ledger(text: &str) -> Result<Ledger, Vec<Diagnostic>> {
        Ledger::parse(&Source::new("ledger.yaml", text.to_owned()))
    }

    fn expected(scenario: &str, pki: &str, client: Client, stage: &str, text: &str) -> bool {
        let reason = Reason { stage: stage.to_owned(), text: text.to_owned() };
        let ledger = ledger(LEDGER).unwrap();
        let mut about = ledger.entries.iter().filter(|entry| entry.is_about(scenario, pki, client));
        about.any(|entry| entry.matches(&reason))
    }

    #[test]
    fn missing_fields_match_anything() {
        let strongswan = Client::Strongswan;
        assert!(expected("scep/b", "near", strongswan, "PKCSReq", "only RSA digests"));
        assert!(!expected("scep/c", "near", strongswan, "PKCSReq", "only RSA digests"));
        assert!(!expected("scep/b", "near", Client::Sscep, "PKCSReq", "only RSA digests"));
        assert!(expected("scep/c", "far", Client::Sscep, "CertPoll", "timed out"));
    }

    #[test]
    fn an_entry_is_about_the_versions_that_it_names() {
        let text =
            LEDGER.replace("client: strongswan", "client: strongswan\n    version: [5.9, 6.0.1]");
        let ledger = ledger(&text).unwrap();
        let about = |version| ledger.entries[0].is_of_version(version);
        assert!(about(Some("5.9.8")) && about(Some("5.9")) && about(Some("6.0.1")) && about(None));
        assert!(!about(Some("6.0.6")) && !about(Some("5.91")) && !about(Some("6.0.10")));
        assert!(ledger.entries[1].is_of_version(Some("6.0.6")));
    }

    #[test]
    fn version_without_its_client_is_rejected() {
        let text = LEDGER.replace("client: strongswan", "version: 5.9.8");
        let errors = ledger(&text).unwrap_err();
        assert!(errors[0].message.contains("add the field `client`"), "{}", errors[0]);
    }

    #[test]
    fn another_failure_does_not_match() {
        assert!(!expected("scep/b", "near", Client::Strongswan, "PKCSReq", "only a test"));
        assert!(!expected("scep/c", "far", Client::Sscep, "PKCSReq", "timed out"));
    }

    #[test]
    fn an_entry_has_its_path_and_line() {
        let ledger = ledger(LEDGER).unwrap();
        let about = |entry: &&Expectation| entry.is_about("scep/c", "far", Client::Sscep);
        assert_eq!(ledger.entries.iter().find(about).unwrap().known.at, "ledger.yaml:7");
    }

    #[test]
    fn all_mistakes_are_reported_at_once() {
        let wrong = "expected-failures:
  - client: strongswam
    reason: 'only (RSA'
    because: x
  - scenario: a
    becuase: y
    source: z
";
        let found = ledger(wrong).unwrap_err().into_iter().map(|error| error.message);
        assert_eq!(
            found.collect::<Vec<_>>(),
            [
                "an expected failure lacks the field `source`",
                "unknown client `strongswam`",
                "not a regular expression: unclosed group",
                "an expected failure lacks `stage` or `reason`",
                "an expected failure lacks the field `because`",
                "unknown field `becuase` in an expected failure",
            ]
        );
    }
}
