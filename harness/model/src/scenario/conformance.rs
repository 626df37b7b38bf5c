//! The block that makes a scenario a case.

use diagnostics::Diagnostic;
use diagnostics::yaml::{Fields, Node, Problems};
use results::requirement::{Basis, End, Level, Requirement};

/// The block `conformance` of a case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conformance {
    /// The requirement that the case is about.
    pub requirement: &'static Requirement,
    /// The tested end.
    pub end: End,
    /// Level; the requirement's own if the case gives none.
    pub level: Level,
    /// The sentence of RFC 8894, the requirement's own if the case gives none; or the reason of an advice.
    pub basis: Basis,
    /// Earlier ids of the case, which still name it.
    pub former_ids: Vec<String>,
    /// Id of a case that fails for the same cause. If both fail, that one counts.
    pub same_cause_as: Option<String>,
    /// Observations in real products, with their sources.
    pub seen: Option<String>,
    /// Names of the mock CA's faults that must fail this case.
    pub catches: Vec<String>,
    /// True if it sends the request that a server must grant. If that fails, a refused request proves nothing.
    pub is_control: bool,
    /// True if its requests could disturb a PKI that others use.
    pub is_disruptive: bool,
}

/// The keys of the block.
const KEYS: [&str; 13] = [
    "requirement",
    "end",
    "level",
    "section",
    "sentence",
    "option-of",
    "reason",
    "was",
    "same-cause-as",
    "seen",
    "catches",
    "control",
    "disruptive",
];

/// The ends by name.
const ENDS: [(&str, End); 2] = [("server", End::Server), ("client", End::Client)];

/// Reads the block `conformance`.
pub(super) fn decode(node: &Node, problems: &Problems) -> Option<Conformance> {
    let fields = Fields::of(node, "a conformance block", &KEYS, problems)?;
    let id = fields.required("requirement")?;
    let requirement = requirement(id, problems)?;
    let end = fields.required("end").and_then(|node| node.one_of("end", &ENDS, problems))?;
    let level = fields.one_of("level", "level", Level::NAMED).unwrap_or(requirement.level);
    if level != Level::Advice && !requirement.ends.contains(&end) {
        let message = format!("{} is no requirement of a {end}", requirement.id);
        problems.add(Diagnostic::at(&id.place, message));
    }
    let flag = |key| fields.optional_as(key, Node::boolean).unwrap_or_default();
    let texts = |key| -> Vec<String> {
        fields.one_or_more(key).iter().filter_map(|node| node.text(problems)).collect()
    };
    Some(Conformance {
        requirement,
        end,
        level,
        basis: basis(&fields, requirement, level, problems)?,
        former_ids: texts("was"),
        same_cause_as: fields.optional_as("same-cause-as", Node::text),
        seen: fields.optional_as("seen", Node::text),
        catches: texts("catches"),
        is_control: flag("control"),
        is_disruptive: flag("disruptive"),
    })
}

/// The sentence or the reason of a case. An advice has a reason and no sentence, every other case a sentence and no reason.
fn basis(
    fields: &Fields<'_>,
    requirement: &Requirement,
    level: Level,
    problems: &Problems,
) -> Option<Basis> {
    let is_advice = level == Level::Advice;
    let unfit: &[&str] =
        if is_advice { &["section", "sentence", "option-of"] } else { &["reason"] };
    for key in unfit {
        if let Some(node) = fields.optional(key) {
            let message = if is_advice {
                format!("an `advice` has a `reason` and no `{key}`, because no sentence demands it")
            } else {
                "only a case of the level `advice` has a `reason`".to_owned()
            };
            problems.add(Diagnostic::at(&node.place, message));
        }
    }
    if is_advice {
        let reason = fields.required_as("reason", Node::text)?;
        return Some(Basis::Advice { reason });
    }
    let text = |key| fields.optional_as(key, Node::text);
    Some(Basis::Text {
        section: text("section").unwrap_or_else(|| requirement.section.to_owned()),
        sentence: text("sentence").unwrap_or_else(|| requirement.sentence.to_owned()),
        option_of: fields.one_of("option-of", "end", &ENDS),
    })
}

fn requirement(node: &Node, problems: &Problems) -> Option<&'static Requirement> {
    let id = node.text(problems)?;
    let found = Requirement::of_id(&id);
    if found.is_none() {
        problems.add_with(|| {
            let ids = Requirement::ALL.iter().map(|requirement| requirement.id);
            Diagnostic::at(&node.place, format!("unknown requirement `{id}`"))
                .known(&id, "known", ids)
                .note("`sceplab conform --coverage` lists them with their sentences")
        });
    }
    found
}

#[cfg(test)]
mod tests;
