//! Which requirement a scenario is a case of.

use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};
use results::requirement::{End, Level, Requirement};

/// What makes a scenario a case of conformance.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conformance {
    /// The requirement.
    pub requirement: &'static Requirement,
    /// Who is held to it.
    pub end: End,
    /// How strongly; the requirement's own level unless the case says otherwise.
    pub level: Level,
    /// The section of RFC 8894; the requirement's own unless the case says otherwise.
    pub section: String,
    /// What is required in the RFC's words; the requirement's own unless the case says otherwise.
    pub sentence: String,
    /// What was seen of it in the wild, and where.
    pub seen: Option<String>,
    /// The faults of the mock CA that fail this case, by their names: it is these that it is for.
    pub catches: Vec<String>,
    /// Whether it sends a server the request that must be granted: if that fails, a refusal of another request says nothing.
    pub is_control: bool,
    /// Whether what is sent could disturb a PKI that others use.
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
