//! A long conversation as text: what is fine in a line each, what is wrong in full.

use super::{finding, message, role};
use crate::explanation::{Finding, Part, Severity};

/// The lines about all messages.
pub(super) fn lines(parts: &[Part]) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut told: Vec<&Finding> = Vec::new();
    let all: Vec<&Finding> = parts.iter().flat_map(Part::all_findings).collect();
    let width = parts.iter().map(|part| role(part).len()).max().unwrap_or_default();
    let refusal = parts.iter().rposition(|part| part.short.refusal.is_some());
    let refused = refusal.and_then(|refusal| parts[refusal].answers);
    for (at, part) in parts.iter().enumerate() {
        // What is wrong, and the last refusal with its request.
        let is_of_refusal = refusal == Some(at) || refused == Some(part.number);
        if is_of_refusal || !part.short.wrong.is_empty() {
            lines.push(String::new());
            message(part, &mut lines);
            lines.push(String::new());
            continue;
        }
        lines.push(line(part, width));
        for odd in part.all_findings().into_iter().filter(|it| it.severity == Severity::Odd) {
            if told.iter().all(|it| !is_alike(it, odd)) {
                let shown = finding(odd, all.iter().filter(|it| is_alike(it, odd)).count());
                lines.extend(shown.into_iter().map(|line| format!("      {line}")));
                told.push(odd);
            }
        }
        lines.extend(part.gaps.iter().map(|gap| format!("      missing: {gap}")));
    }
    lines.extend([String::new(), "`--all` shows each message in full".to_owned()]);
    lines.dedup_by(|line, before| line.is_empty() && before.is_empty());
    lines
}

/// A message in a line: its number, its role, and what it is.
fn line(part: &Part, width: usize) -> String {
    let short = &part.short;
    let about = [("subject", &short.subject), ("serial", &short.serial)];
    let about =
        about.into_iter().filter_map(|(name, value)| Some(format!("{name} {}", value.as_ref()?)));
    let head = Some(short.head()).filter(|head| !head.is_empty());
    let words: Vec<String> = head.into_iter().chain(about).collect();
    let number = format!("#{}", part.number);
    format!("{number:<4} {:<width$}  {}", role(part), words.join(", ")).trim_end().to_owned()
}

fn is_alike(one: &Finding, other: &Finding) -> bool {
    one.severity == other.severity && one.words == other.words
}
