//! The ledger: which cells are expected to fail, how, why, and how that is known.

use std::path::Path;
use std::sync::Arc;

use regex::Regex;

use super::{Expected, Matrix, Plan, Reason, Unmatched};
use diagnostics::yaml::{self, Fields, Node, Problems};
use diagnostics::{Diagnostic, Place, Source};
use testbed::Client;

/// The failures that are expected.
#[derive(Debug, Default)]
pub struct Ledger {
    entries: Vec<Entry>,
}

/// A failure that is expected of some cells; what it leaves out, it does not ask for.
#[derive(Debug)]
pub(super) struct Entry {
    scenarios: Option<Vec<String>>,
    pkis: Option<Vec<String>>,
    clients: Option<Vec<Client>>,
    stage: Option<String>,
    reason: Option<Regex>,
    because: String,
    source: String,
    place: Place,
}

impl Ledger {
    /// Reads a ledger file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn load(path: &Path) -> Result<Self, Vec<Diagnostic>> {
        Self::parse(&Source::read(path).map_err(|error| vec![error])?)
    }

    /// Reads the text of a ledger file.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn parse(source: &Arc<Source>) -> Result<Self, Vec<Diagnostic>> {
        let node = yaml::parse(source).map_err(|error| vec![error])?;
        let problems = Problems::default();
        let ledger = decode(&node, &problems);
        if problems.is_empty() { Ok(ledger) } else { Err(problems.of_file(&node)) }
    }

    /// The entries about a cell.
    pub(super) fn about<'a>(
        &'a self,
        scenario: &'a str,
        pki: &'a str,
        client: Client,
    ) -> impl Iterator<Item = &'a Entry> {
        self.entries.iter().filter(move |entry| entry.is_about(scenario, pki, client))
    }

    /// Notes the entries that are about none of the cells; of use where the matrix was run as a whole.
    pub fn note_unmatched(&self, plan: &Plan, matrix: &mut Matrix) {
        let matched = |entry: &&Entry| {
            let mut cells = plan.rows.iter().flat_map(|row| {
                plan.clients.iter().map(move |client| (&row.scenario.id, &row.pki, *client))
            });
            cells.any(|(scenario, pki, client)| entry.is_about(scenario, pki, client))
        };
        let unmatched = self.entries.iter().filter(|entry| !matched(entry));
        matrix.unmatched =
            unmatched.map(|entry| Unmatched { excerpt: entry.place.excerpt() }).collect();
    }
}

impl Entry {
    fn is_about(&self, scenario: &str, pki: &str, client: Client) -> bool {
        let named = |names: &Option<Vec<String>>, name: &str| {
            names.as_ref().is_none_or(|names| names.iter().any(|other| other == name))
        };
        named(&self.scenarios, scenario)
            && named(&self.pkis, pki)
            && self.clients.as_ref().is_none_or(|clients| clients.contains(&client))
    }

    /// Whether this is the failure that is expected.
    pub(super) fn foresees(&self, reason: &Reason) -> bool {
        self.stage.as_ref().is_none_or(|stage| *stage == reason.stage)
            && self.reason.as_ref().is_none_or(|regex| regex.is_match(&reason.text))
    }

    pub(super) fn expected(&self) -> Expected {
        Expected {
            because: self.because.clone(),
            source: self.source.clone(),
            at: format!("{}:{}", self.place.source().path(), self.place.line()),
        }
    }
}

fn decode(node: &Node, problems: &Problems) -> Ledger {
    let entries = Fields::of(node, "a ledger", &["expected-failures"], problems)
        .and_then(|fields| fields.required("expected-failures"))
        .map(|node| node.items(problems))
        .unwrap_or_default();
    Ledger { entries: entries.iter().filter_map(|node| entry(node, problems)).collect() }
}

fn entry(node: &Node, problems: &Problems) -> Option<Entry> {
    let known = ["scenario", "pki", "client", "stage", "reason", "because", "source"];
    let fields = Fields::of(node, "an expected failure", &known, problems)?;
    let text = |node: Option<&Node>| node.and_then(|node| node.text(problems));
    let texts = |key| fields.optional(key).map(|node| texts(node, problems));
    let (stage, reason) = (fields.optional("stage"), fields.optional("reason"));
    if stage.is_none() && reason.is_none() {
        // Anything would be this failure, be it the lab's own mistake.
        let message = "an expected failure lacks `stage` or `reason`";
        problems.add(
            Diagnostic::at(&node.place, message)
                .note("`stage` is an exchange such as `PKCSReq`, `reason` a regular expression"),
        );
    }
    let because = text(fields.required("because"));
    let source = text(fields.required("source"));
    Some(Entry {
        scenarios: texts("scenario"),
        pkis: texts("pki"),
        clients: fields.optional("client").map(|node| clients(node, problems)),
        stage: text(stage),
        reason: reason.and_then(|node| node.regex(None, problems)),
        because: because?,
        source: source?,
        place: node.place.clone(),
    })
}

fn texts(node: &Node, problems: &Problems) -> Vec<String> {
    node.one_or_more(problems).iter().filter_map(|node| node.text(problems)).collect()
}

fn clients(node: &Node, problems: &Problems) -> Vec<Client> {
    let known = Client::ALL.map(|client| (client.name(), client));
    let one = |node: &Node| node.one_of("client", &known, problems);
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
        ledger.about(scenario, pki, client).any(|entry| entry.foresees(&reason))
    }

    #[test]
    fn what_an_entry_leaves_out_it_does_not_ask_for() {
        let strongswan = Client::Strongswan;
        assert!(expected("scep/b", "near", strongswan, "PKCSReq", "only RSA digests"));
        assert!(!expected("scep/c", "near", strongswan, "PKCSReq", "only RSA digests"));
        assert!(!expected("scep/b", "near", Client::Sscep, "PKCSReq", "only RSA digests"));
        assert!(expected("scep/c", "far", Client::Sscep, "CertPoll", "timed out"));
    }

    #[test]
    fn another_failure_is_not_the_one_that_is_expected() {
        assert!(!expected("scep/b", "near", Client::Strongswan, "PKCSReq", "only a test"));
        assert!(!expected("scep/c", "far", Client::Sscep, "PKCSReq", "timed out"));
    }

    #[test]
    fn an_entry_says_where_it_stands() {
        let ledger = ledger(LEDGER).unwrap();
        let entry = ledger.about("scep/c", "far", Client::Sscep).next().unwrap();
        assert_eq!(entry.expected().at, "ledger.yaml:7");
    }

    #[test]
    fn all_mistakes_are_found_at_once() {
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
