//! The meaning of the codes in a report: causes of skips, and numbers of requirements.

use diagnostics::visible;
use results::requirement::Requirement;
use results::{ConformanceReport, RequirementResult, RequirementVerdict, SkipCause};

/// Number of characters of a requirement's sentence that are shown on a line.
const SENTENCE: usize = 100;

/// A code and its meaning.
pub(super) type Entry = (String, String);

/// The causes of skips that the roll-up of the requirements names.
pub(super) fn causes(report: &ConformanceReport) -> Vec<Entry> {
    let is_named = |cause: &&SkipCause| {
        let mut skipped = report.requirements.iter().flat_map(|one| &one.skipped);
        skipped.any(|one| one.because == **cause)
    };
    let entry = |cause: &SkipCause| (cause.to_string(), cause.meaning().to_owned());
    SkipCause::ALL.iter().filter(is_named).map(entry).collect()
}

/// The requirements that these results are about, each with the beginning of its sentence.
pub(super) fn requirements<'a>(
    results: impl IntoIterator<Item = &'a RequirementResult>,
) -> Vec<Entry> {
    let entry = |result: &RequirementResult| {
        let known = Requirement::of_id(&result.requirement)?;
        let meaning = format!("{} §{}: {}", known.level, known.section, beginning(known.sentence));
        Some((known.id.to_owned(), meaning))
    };
    results.into_iter().filter_map(entry).collect()
}

/// The legend below the results on a terminal: the codes of findings only, because the others need no explanation.
pub fn legend(report: &ConformanceReport) -> Option<String> {
    let needs_words = |one: &&RequirementResult| {
        let is_good = matches!(
            one.kind,
            RequirementVerdict::Conforms | RequirementVerdict::Noted | RequirementVerdict::Vanished
        );
        !is_good && (one.kind != RequirementVerdict::Broke || !one.skipped.is_empty())
    };
    let mut requirements = requirements(report.requirements.iter().filter(needs_words));
    let mut entries = causes(report);
    entries.append(&mut requirements);
    if entries.is_empty() {
        return None;
    }
    let width = entries.iter().map(|(code, _)| code.len()).max().unwrap_or_default();
    let line = |(code, meaning): &Entry| format!("  {code:<width$}  {}", visible(meaning));
    let heading = "what the codes mean (R: a requirement of RFC 8894; `sceplab conform --coverage` lists all):".to_owned();
    let lines: Vec<String> = std::iter::once(heading).chain(entries.iter().map(line)).collect();
    Some(lines.join("\n"))
}

/// The beginning of a text, up to a blank.
fn beginning(text: &str) -> String {
    if text.chars().count() <= SENTENCE {
        return text.to_owned();
    }
    let cut: String = text.chars().take(SENTENCE).collect();
    let end = cut.rfind(' ').unwrap_or(cut.len());
    format!("{} …", cut[..end].trim_end_matches([',', ';']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginning_of_a_sentence_ends_at_a_word() {
        assert_eq!(beginning("A short sentence."), "A short sentence.");
        let long = "word, ".repeat(40);
        let cut = beginning(&long);
        assert!(cut.ends_with("word …") && cut.len() < 110, "{cut}");
    }
}
