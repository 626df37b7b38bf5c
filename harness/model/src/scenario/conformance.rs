//! The block that makes a scenario a case.

use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};
use results::requirement::{End, Level, Requirement};

/// The block `conformance` of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conformance {
    /// Requirement.
    pub requirement: &'static Requirement,
    /// The end that must meet it.
    pub end: End,
    /// Level; the requirement's own if the case gives none.
    pub level: Level,
    /// Section of RFC 8894; the requirement's own if the case gives none.
    pub section: String,
    /// Sentence of the RFC; the requirement's own if the case gives none.
    pub sentence: String,
    /// Observations in real products, with their sources.
    pub seen: Option<String>,
    /// Names of the mock CA's faults that must fail this case.
    pub catches: Vec<String>,
    /// True if it sends the request that a server must grant. If that fails, a refused request proves nothing.
    pub is_control: bool,
    /// True if its requests could disturb a PKI that others use.
    pub is_disruptive: bool,
}

/// Reads the block `conformance`.
pub(super) fn decode(node: &Node, problems: &Problems) -> Option<Conformance> {
    let known = [
        "requirement",
        "end",
        "level",
        "section",
        "sentence",
        "seen",
        "catches",
        "control",
        "disruptive",
    ];
    let fields = Fields::of(node, "a conformance block", &known, problems)?;
    let text = |key| fields.optional_as(key, Node::text);
    let id = fields.required("requirement")?;
    let requirement = requirement(id, problems)?;
    let ends = [("server", End::Server), ("client", End::Client)];
    let end = fields.required("end").and_then(|node| node.one_of("end", &ends, problems))?;
    if !requirement.ends.contains(&end) {
        let message = format!("{} is no requirement of a {end}", requirement.id);
        problems.add(Diagnostic::at(&id.place, message));
    }
    let levels = [("MUST", Level::Must), ("SHOULD", Level::Should), ("MAY", Level::May)];
    let level = fields.one_of("level", "level", &levels);
    let flag = |key| fields.optional_as(key, Node::boolean).unwrap_or_default();
    let catches = fields.one_or_more("catches").iter();
    Some(Conformance {
        requirement,
        end,
        level: level.unwrap_or(requirement.level),
        section: text("section").unwrap_or_else(|| requirement.section.to_owned()),
        sentence: text("sentence").unwrap_or_else(|| requirement.sentence.to_owned()),
        seen: text("seen"),
        catches: catches.filter_map(|node| node.text(problems)).collect(),
        is_control: flag("control"),
        is_disruptive: flag("disruptive"),
    })
}

fn requirement(node: &Node, problems: &Problems) -> Option<&'static Requirement> {
    let id = node.text(problems)?;
    let found = Requirement::of_id(&id);
    if found.is_none() {
        let ids = Requirement::ALL.iter().map(|requirement| requirement.id);
        let message = format!("unknown requirement `{id}`");
        problems.add(
            Diagnostic::at(&node.place, message)
                .known(&id, "known", ids)
                .note("`sceplab conform --coverage` lists them with their sentences"),
        );
    }
    found
}

#[cfg(test)]
mod tests;
