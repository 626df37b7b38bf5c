//! What requirements and cases quote is in RFC 8894, in the section that they name, and their level is that of the key word.

use std::collections::BTreeMap;

use results::requirement::{Basis, End, Level, Requirement};

use super::cases;

/// A quotation of a requirement or a case.
struct Quotation {
    /// The requirement's number, or the case's id.
    by: String,
    level: Level,
    section: String,
    sentence: String,
    option_of: Option<End>,
}

fn quotations() -> Vec<Quotation> {
    let of_requirement = |requirement: &Requirement| Quotation {
        by: requirement.id.to_owned(),
        level: requirement.level,
        section: requirement.section.to_owned(),
        sentence: requirement.sentence.to_owned(),
        option_of: None,
    };
    let of_case = |case: &crate::scenario::Scenario| {
        let conformance = case.conformance.as_ref().unwrap();
        match conformance.basis.clone() {
            Basis::Text { section, sentence, option_of } => {
                let (by, level) = (case.id.clone(), conformance.level);
                Some(Quotation { by, level, section, sentence, option_of })
            }
            Basis::Advice { .. } => None,
        }
    };
    let requirements = Requirement::ALL.iter().map(of_requirement);
    requirements.chain(cases("").iter().filter_map(of_case)).collect()
}

/// The quoted sentences of the RFC, section by section.
fn text() -> BTreeMap<&'static str, String> {
    let mut sections: BTreeMap<&str, String> = BTreeMap::new();
    for line in include_str!("../rfc8894.txt").lines().filter(|line| !line.starts_with('#')) {
        let (section, sentence) = line.split_once('\t').unwrap();
        let text = sections.entry(section).or_default();
        *text = format!("{text}{sentence} ");
    }
    sections
}

/// A quotation without references to other documents, which the text does not have either.
fn without_references(quotation: &str) -> String {
    ["[RFC3986]", "[RFC4387]", "[RFC4648]"]
        .iter()
        .fold(quotation.to_owned(), |text, reference| text.replace(&format!(" {reference}"), ""))
}

/// The level of each key word in a sentence (RFC 2119 §1 to §5).
fn key_words(sentence: &str) -> Vec<Level> {
    let words = sentence.split(|letter: char| !letter.is_alphabetic());
    let level = |word| match word {
        "MUST" | "SHALL" | "REQUIRED" => Some(Level::Must),
        "SHOULD" | "RECOMMENDED" => Some(Level::Should),
        "MAY" | "OPTIONAL" => Some(Level::May),
        _ => None,
    };
    words.filter_map(level).collect()
}

#[test]
fn quotations_are_in_the_rfc() {
    let (quotations, text) = (quotations(), text());
    assert!(quotations.len() > 250, "{}", quotations.len());
    for Quotation { by, section, sentence, .. } in quotations {
        let is_within = |known: &str| known == section || known.starts_with(&format!("{section}."));
        for part in sentence.split(" […] ") {
            let part = without_references(part);
            let is_there =
                text.iter().any(|(known, text)| is_within(known) && text.contains(&part));
            assert!(
                is_there,
                "{by} quotes this of section {section}, which rfc8894.txt does not have: {part}"
            );
        }
    }
}

#[test]
fn levels_are_those_of_the_quoted_key_words() {
    for Quotation { by, level, sentence, option_of, .. } in quotations() {
        let words = key_words(&sentence);
        // What one end MAY do, the other end must be prepared for (RFC 2119 §5).
        let expected = if option_of.is_some() { Level::May } else { level };
        assert!(words.iter().all(|word| *word == expected), "{by} is a {level}: {sentence}");
        // A sentence without a key word defines something or permits it.
        assert!(!words.is_empty() || level != Level::Should, "{by} is a {level}: {sentence}");
    }
}

#[test]
fn options_belong_to_the_other_end() {
    for case in cases("") {
        let conformance = case.conformance.unwrap();
        if let Basis::Text { option_of: Some(end), .. } = conformance.basis {
            assert_ne!(end, conformance.end, "{}", case.id);
            assert_eq!(conformance.level, Level::Must, "{}", case.id);
        }
    }
}
