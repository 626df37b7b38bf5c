//! Finds the line of an output that is most similar to a pattern.

use model::scenario::Pattern;
use regex::Regex;
use regex_syntax::ast::Ast;
use regex_syntax::ast::parse::Parser;

/// Minimum length of a word that is compared, in characters.
const MIN_WORD_LENGTH: usize = 2;

/// If no line has a word of the pattern, a line must be at least this similar to it to be shown; from 0 to 1.
const MIN_SIMILARITY: f64 = 0.6;

/// Maximum length that is compared, in characters, because the time grows with the product of the lengths.
const MAX_COMPARED: usize = 200;

/// The line that has most words of the pattern, or else the line with the most similar spelling.
pub(super) fn closest_line<'a>(output: &'a str, pattern: &Pattern) -> Option<&'a str> {
    let words = match pattern {
        Pattern::Regex(regex) => words(&literals(regex)),
        Pattern::Token(token) => words(token),
    };
    let lines = || output.lines().filter(|line| !line.trim().is_empty()).take(5000);
    let phrase: String = words.join(" ").chars().take(MAX_COMPARED).collect();
    let shared_length = lines()
        .map(|line| (shared_length(line, &words), line))
        // If two lines share equally many words, the more similar one wins.
        .max_by(|a, b| {
            a.0.cmp(&b.0)
                .then_with(|| similarity(a.1, &phrase).total_cmp(&similarity(b.1, &phrase)))
        });
    if let Some((score, line)) = shared_length
        && score > 0
    {
        return Some(line);
    }
    lines()
        .map(|line| (similarity(line, &phrase), line))
        .filter(|(similarity, _)| *similarity >= MIN_SIMILARITY)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, line)| line)
}

/// Similarity of a line and a phrase, from 0 to 1, with white space folded.
fn similarity(line: &str, phrase: &str) -> f64 {
    let folded = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let compared: String = folded.chars().take(MAX_COMPARED).collect();
    strsim::jaro_winkler(&compared.to_lowercase(), &phrase.to_lowercase())
}

/// Total length of the pattern's words that the line contains.
fn shared_length(line: &str, words: &[String]) -> usize {
    words.iter().filter(|word| line.contains(word.as_str())).map(String::len).sum()
}

/// The literal characters of an expression; anything else becomes a blank.
fn literals(regex: &Regex) -> String {
    let mut text = String::new();
    if let Ok(expression) = Parser::new().parse(regex.as_str()) {
        add_literals(&expression, &mut text);
    }
    text
}

fn add_literals(expression: &Ast, text: &mut String) {
    match expression {
        Ast::Literal(literal) => text.push(literal.c),
        Ast::Group(group) => add_literals(&group.ast, text),
        Ast::Repetition(repetition) => add_literals(&repetition.ast, text),
        Ast::Concat(parts) => parts.asts.iter().for_each(|part| add_literals(part, text)),
        Ast::Alternation(choices) => choices.asts.iter().for_each(|choice| {
            add_literals(choice, text);
            text.push(' ');
        }),
        _ => text.push(' '),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| word.chars().count() >= MIN_WORD_LENGTH)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "Certificate  Status\nca           Valid\nusercert     Failed\n";

    fn closest_to(regex: &str) -> Option<&'static str> {
        closest_line(TABLE, &Pattern::Regex(Regex::new(regex).unwrap()))
    }

    #[test]
    fn line_with_most_matching_words_is_closest() {
        assert_eq!(closest_to(r"usercert\s+Valid"), Some("usercert     Failed"));
        assert_eq!(closest_to(r"^ca\s+Expired$"), Some("ca           Valid"));
        let output =
            "usercert     Failed    -                      -\nusercert: answered FAILURE\n";
        let pattern = Pattern::Regex(Regex::new(r"usercert\s+Valid").unwrap());
        assert!(closest_line(output, &pattern).unwrap().contains("Failed"));
    }

    #[test]
    fn words_of_a_regex_are_its_literals() {
        let literals = |regex: &str| words(&literals(&Regex::new(regex).unwrap()));
        assert_eq!(literals(r"usercert\s+Valid"), ["usercert", "Valid"]);
        assert_eq!(literals(r"(?i)^(ca|ra-2)\x41b [xyz]{22}$"), ["ca", "ra", "Ab"]);
    }

    #[test]
    fn misspelt_line_is_closest_and_unrelated_line_is_not() {
        let token = |text: &str| Pattern::Token(text.to_owned());
        assert_eq!(
            closest_line("Subject: CN=a\n", &token("Sbject: CN = a")),
            Some("Subject: CN=a")
        );
        assert_eq!(closest_line("x\ny\n", &token("Subject: CN = a")), None);
        assert_eq!(closest_line("", &token("a")), None);
    }
}
