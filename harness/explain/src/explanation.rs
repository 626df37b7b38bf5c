//! What was found in the input, as plain data; every output is a function of it.

mod rewrite;

use results::MessageInShort;
use results::requirement::{End, Level, Requirement};
use scep::secret::Secret;
use serde::Serialize;

use crate::asn1::Node;

/// Version of the data in JSON. It increases if a field is removed or changes its meaning.
pub const VERSION: u32 = 1;

/// The explanation of all that was handed in.
#[derive(Debug, Clone, Serialize)]
pub struct Explanation {
    /// Version of this format.
    pub version: u32,
    /// Who is wrong.
    pub verdict: Verdict,
    /// What is to be said about the keys and the time that were given, in sentences.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
    /// The messages in their order: a request comes before its reply.
    pub messages: Vec<Part>,
    /// Secrets that were read, which no output may show.
    #[serde(skip)]
    pub secrets: Vec<Secret>,
}

/// Who is wrong, in one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verdict {
    /// Who it is.
    pub at_fault: AtFault,
    /// The reason, without the name of who is wrong.
    pub reason: String,
    /// What is broken.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// What to look at or to do next.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub next: Vec<String>,
}

scep::named! {
    /// Who is at fault.
    AtFault, "party" {
        /// The CA, or its service.
        Server = "server";
        /// The client.
        Client = "client";
        /// Each of them.
        Both = "both";
        /// Something is wrong, and nothing shows who made it.
        Sender = "sender";
        /// Nobody: nothing wrong was seen.
        Nobody = "nobody";
        /// It cannot be told from what was handed in.
        Unknown = "unknown";
    }
}

/// A message, a file or another body that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Part {
    /// Number in this explanation, from 1.
    pub number: usize,
    /// Where it was found.
    pub origin: String,
    /// The forms in which it was found, outermost first.
    pub taken_for: Vec<String>,
    /// The end that sent it, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sender: Option<End>,
    /// The exchange, such as `PKIOperation (PKCSReq)`, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exchange: Option<String>,
    /// The number of the request that this part answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answers: Option<usize>,
    /// The message in short.
    pub short: MessageInShort,
    /// The HTTP around it, in short.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub http: Vec<Field>,
    /// What is missing of it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// Findings about the exchange, besides those of the layers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The content; none of a request that has none by its nature.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
}

/// A structure, and those inside it.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Layer {
    /// Its name in the standard, such as `pkiMessage`.
    pub name: String,
    /// What it is, in a sentence.
    pub sentence: String,
    /// Its values.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Field>,
    /// What is remarkable about it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<Finding>,
    /// The structures in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Layer>,
    /// Its annotated tree, if it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub asn1: Option<Node>,
}

/// A value by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Field {
    /// Its name, as the standard spells it if it has one.
    pub name: String,
    /// The value.
    pub value: String,
    /// What the value means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meaning: Option<String>,
}

scep::named! {
    /// How much a finding matters.
    #[derive(PartialOrd, Ord)]
    Severity, "severity" {
        /// Good to know, and nobody's mistake.
        Note = "note";
        /// Unusual, or against a SHOULD or a MUST that most peers overlook: some peers stumble over it.
        Odd = "odd";
        /// A peer that keeps to the standard refuses it.
        Wrong = "wrong";
    }
}

/// Something remarkable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// The end whose mistake it is, if that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<End>,
    /// What it is, to be written after a colon.
    pub words: String,
    /// What it goes against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub basis: Option<Basis>,
    /// What to do about it, or what it probably comes from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<String>,
}

/// A sentence of a standard.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Basis {
    /// Standard and section: `RFC 8894 §3.2.1.5`.
    pub source: String,
    /// Number of the requirement in this project's list, if it is in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requirement: Option<&'static str>,
    /// Its level.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
    /// The sentence; none if the section says it at length.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sentence: Option<&'static str>,
}

impl Basis {
    /// A requirement by its number.
    fn requirement(id: &str) -> Option<Self> {
        Requirement::of_id(id).map(|it| Self {
            source: format!("RFC 8894 §{}", it.section),
            requirement: Some(it.id),
            level: Some(it.level),
            sentence: Some(it.sentence),
        })
    }
}

impl Finding {
    /// A finding of this severity.
    pub(crate) fn new(severity: Severity, words: impl Into<String>) -> Self {
        Self { severity, by: None, words: words.into(), basis: None, advice: None }
    }

    pub(crate) fn wrong(words: impl Into<String>) -> Self {
        Self::new(Severity::Wrong, words)
    }

    pub(crate) fn odd(words: impl Into<String>) -> Self {
        Self::new(Severity::Odd, words)
    }

    pub(crate) fn note(words: impl Into<String>) -> Self {
        Self::new(Severity::Note, words)
    }

    /// The same against a requirement of RFC 8894 by its number in this project's list.
    pub(crate) fn against(mut self, id: &str) -> Self {
        self.basis = Basis::requirement(id);
        self
    }

    /// The same against a section of a standard.
    pub(crate) fn against_section(mut self, source: &str) -> Self {
        let source = source.to_owned();
        self.basis = Some(Basis { source, requirement: None, level: None, sentence: None });
        self
    }

    /// The same with what to do about it.
    pub(crate) fn advice(mut self, advice: impl Into<String>) -> Self {
        self.advice = Some(advice.into());
        self
    }

    /// The same as the mistake of this end.
    pub(crate) fn by(mut self, end: impl Into<Option<End>>) -> Self {
        self.by = end.into();
        self
    }
}

impl Finding {
    /// Cites the section alone if the requirement is a duty of the other end.
    fn fit_basis(&mut self) {
        let (Some(end), Some(basis)) = (self.by, &mut self.basis) else { return };
        let requirement = basis.requirement.and_then(Requirement::of_id);
        if requirement.is_some_and(|it| !it.ends.contains(&end)) {
            *basis = Basis { requirement: None, level: None, sentence: None, ..basis.clone() };
        }
    }
}

impl Field {
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), meaning: None }
    }

    pub(crate) fn meaning(mut self, meaning: impl Into<String>) -> Self {
        self.meaning = Some(meaning.into());
        self
    }
}

impl Layer {
    pub(crate) fn new(name: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self { name: name.into(), sentence: sentence.into(), ..Self::default() }
    }

    pub(crate) fn field(&mut self, name: &str, value: impl Into<String>) {
        self.fields.push(Field::new(name, value));
    }

    /// The findings of this layer and of those inside it.
    pub(crate) fn all_findings(&self) -> Vec<&Finding> {
        let inner = self.inside.iter().flat_map(Self::all_findings);
        self.findings.iter().chain(inner).collect()
    }

    /// Names the end of all findings here that have none.
    pub(crate) fn blame(&mut self, end: End) {
        for finding in &mut self.findings {
            finding.by.get_or_insert(end);
        }
        self.inside.iter_mut().for_each(|layer| layer.blame(end));
    }

    fn fit_bases(&mut self) {
        self.findings.iter_mut().for_each(Finding::fit_basis);
        self.inside.iter_mut().for_each(Self::fit_bases);
    }
}

impl Part {
    /// Leaves no requirement as the basis of a finding about an end that need not meet it.
    pub(crate) fn fit_bases(&mut self) {
        self.findings.iter_mut().for_each(Finding::fit_basis);
        self.layer.iter_mut().for_each(Layer::fit_bases);
    }

    /// The findings of the exchange and of all layers.
    pub fn all_findings(&self) -> Vec<&Finding> {
        let layers = self.layer.iter().flat_map(Layer::all_findings);
        self.findings.iter().chain(layers).collect()
    }
}
