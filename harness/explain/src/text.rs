//! An explanation as text.

mod brief;

use results::requirement::End;

use crate::{
    asn1::Node,
    explanation::{AtFault, Basis, Explanation, Field, Finding, Layer, Part, Severity, Verdict},
};

/// The number of messages up to which a conversation is shown in full.
const FEW: usize = 4;

/// The explanation as lines: who is wrong first, then each message, outermost layer first. Unless `all`, a message of a long conversation
/// has a line if nothing is wrong in it.
pub fn text(explanation: &Explanation, all: bool) -> String {
    let mut lines = Vec::new();
    verdict(&explanation.verdict, &mut lines);
    lines.extend(explanation.remarks.iter().map(|remark| format!("  note: {remark}")));
    if all || explanation.messages.len() <= FEW {
        for part in &explanation.messages {
            lines.push(String::new());
            message(part, &mut lines);
        }
    } else {
        lines.extend(brief::lines(&explanation.messages));
    }
    lines.join("\n")
}

/// Who is wrong, in one line.
pub fn verdict_line(verdict: &Verdict) -> String {
    let who = match verdict.at_fault {
        AtFault::Server => "the server is wrong",
        AtFault::Client => "the client is wrong",
        AtFault::Both => "both are wrong",
        AtFault::Sender => "something is wrong",
        AtFault::Nobody => "nothing wrong was seen",
        AtFault::Unknown => "cannot be told",
    };
    format!("{who}: {}", verdict.reason)
}

fn verdict(verdict: &Verdict, lines: &mut Vec<String>) {
    lines.push(verdict_line(verdict));
    lines.extend(verdict.basis.as_ref().map(|basis| format!("  {}", basis_words(basis))));
    lines.extend(verdict.next.iter().map(|next| format!("  {next}")));
}

fn message(part: &Part, lines: &mut Vec<String>) {
    let exchange = part.exchange.as_deref().unwrap_or_default();
    let words = [exchange, &role(part)]
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect::<Vec<_>>()
        .join(", ");
    let words = if words.is_empty() { String::new() } else { format!("{words}  ") };
    lines.push(format!(
        "#{}  {words}({}: {})",
        part.number,
        part.origin,
        part.taken_for.join(", ")
    ));
    lines.extend(content(part));
}

fn role(part: &Part) -> String {
    match (part.sender, part.answers) {
        (Some(End::Client), _) => "request".to_owned(),
        (Some(End::Server), Some(request)) => format!("reply to #{request}"),
        (Some(End::Server), None) => "reply".to_owned(),
        (None, _) => String::new(),
    }
}

/// A message without its number and origin: the HTTP around it, the findings, and its layers, outermost first.
pub(crate) fn content(part: &Part) -> Vec<String> {
    let mut lines = Vec::new();
    fields(&part.http, 1, &mut lines);
    let gaps = part.gaps.iter().map(|gap| format!("  missing: {gap}"));
    lines.extend(gaps);
    findings(&part.findings, 1, &mut lines);
    if let Some(content) = &part.layer {
        layer(content, 1, &mut lines);
    }
    lines
}

fn layer(layer: &Layer, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    lines.push(format!("{indent}{}: {}", layer.name, layer.sentence));
    findings(&layer.findings, depth + 1, lines);
    fields(&layer.fields, depth + 1, lines);
    if let Some(tree) = &layer.asn1 {
        lines.push(format!("{indent}  ASN.1 (offset, header and length in bytes):"));
        node(tree, depth + 2, lines);
    }
    for inside in &layer.inside {
        self::layer(inside, depth + 1, lines);
    }
}

/// Fields with their values in one column.
fn fields(fields: &[Field], depth: usize, lines: &mut Vec<String>) {
    const WIDEST: usize = 28;
    let indent = "  ".repeat(depth);
    let width =
        fields.iter().map(|field| field.name.chars().count()).max().unwrap_or_default().min(WIDEST);
    for Field { name, value, meaning } in fields {
        let meaning = meaning.as_ref().map(|meaning| format!("  ({meaning})")).unwrap_or_default();
        lines.push(format!("{indent}{name:width$}  {value}{meaning}").trim_end().to_owned());
    }
}

fn findings(findings: &[Finding], depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    for finding in findings {
        lines.extend(self::finding(finding, 1).into_iter().map(|line| format!("{indent}{line}")));
    }
}

/// A finding that was made so many times.
fn finding(finding: &Finding, times: usize) -> Vec<String> {
    let mark = match finding.severity {
        Severity::Wrong => "WRONG",
        Severity::Odd => "odd",
        Severity::Note => "note",
    };
    let times = if times > 1 { format!(" ({times} times)") } else { String::new() };
    let head = format!("{mark}: {}{times}", finding.words);
    let basis = finding.basis.as_ref().map(|basis| format!("  {}", basis_words(basis)));
    let advice = finding.advice.as_ref().map(|advice| format!("  {advice}"));
    std::iter::once(head).chain(basis).chain(advice).collect()
}

fn basis_words(basis: &Basis) -> String {
    let level = match (basis.requirement, basis.level) {
        (Some(id), Some(level)) => format!(" ({id}, {level})"),
        _ => String::new(),
    };
    match basis.sentence {
        Some(sentence) => format!("{}{level}: \u{201c}{sentence}\u{201d}", basis.source),
        None => format!("{}{level}", basis.source),
    }
}

fn node(node: &Node, depth: usize, lines: &mut Vec<String>) {
    let indent = "  ".repeat(depth);
    let length = node.length.map_or_else(|| "inf".to_owned(), |length| length.to_string());
    let name = node.name.map(|name| format!("{name} ")).unwrap_or_default();
    let value = node.value.as_ref().map(|value| format!("  {value}")).unwrap_or_default();
    let place = format!("{:>6} {}+{length}", node.offset, node.header);
    lines.push(format!("{place:<18}{indent}{name}{}{value}", node.tag));
    if let Some(problem) = &node.problem {
        lines.push(format!("{:<18}{indent}  WRONG: {problem}", ""));
    }
    node.inside.iter().for_each(|inside| self::node(inside, depth + 1, lines));
}
