//! The line of an output that came closest to what was sought.

use model::scenario::Pattern;
use regex::Regex;
use regex_syntax::ast::Ast;
use regex_syntax::ast::parse::Parser;

/// The shortest word that is worth comparing, in characters.
const WORD: usize = 2;

/// How alike a line must be that has none of the words, from 0 to 1.
const ALIKE: f64 = 0.6;

/// The most of a line that is compared, in characters: comparing takes the product of the lengths.
const COMPARED: usize = 200;

/// The line that has most of the words that are sought, or else the one that is spelt most alike.
pub(super) fn closest_line<'a>(output: &'a str, sought: &Pattern) -> Option<&'a str> {
    let words = match sought {
        Pattern::Regex(regex) => words(&literals(regex)),
        Pattern::Token(token) => words(token),
    };
    let lines = || output.lines().filter(|line| !line.trim().is_empty()).take(5000);
    let phrase: String = words.join(" ").chars().take(COMPARED).collect();
    let shared = lines()
        .map(|line| (shared(line, &words), line))
        // Of lines with equally many words, the one that reads most alike.
        .max_by(|a, b| {
            a.0.cmp(&b.0).then_with(|| alike(a.1, &phrase).total_cmp(&alike(b.1, &phrase)))
        });
    if let Some((score, line)) = shared
        && score > 0
    {
        return Some(line);
    }
    lines()
        .map(|line| (alike(line, &phrase), line))
        .filter(|(alike, _)| *alike >= ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, line)| line)
}

/// How alike a line and a phrase are, from 0 to 1, white space folded.
fn alike(line: &str, phrase: &str) -> f64 {
    let folded = line.split_whitespace().collect::<Vec<_>>().join(" ");
    let compared: String = folded.chars().take(COMPARED).collect();
    strsim::jaro_winkler(&compared.to_lowercase(), &phrase.to_lowercase())
}

/// How many characters of the sought words a line has.
fn shared(line: &str, words: &[String]) -> usize {
    words.iter().filter(|word| line.contains(word.as_str())).map(String::len).sum()
}

/// The literal characters of an expression, with a blank where it has anything else.
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
        .filter(|word| word.chars().count() >= WORD)
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
    fn the_line_with_most_of_the_words_is_closest() {
        assert_eq!(closest_to(r"usercert\s+Valid"), Some("usercert     Failed"));
        assert_eq!(closest_to(r"^ca\s+Expired$"), Some("ca           Valid"));
        let output =
            "usercert     Failed    -                      -\nusercert: answered FAILURE\n";
        let pattern = Pattern::Regex(Regex::new(r"usercert\s+Valid").unwrap());
        assert!(closest_line(output, &pattern).unwrap().contains("Failed"));
    }

    #[test]
    fn only_literals_of_an_expression_are_words() {
        let literals = |regex: &str| words(&literals(&Regex::new(regex).unwrap()));
        assert_eq!(literals(r"usercert\s+Valid"), ["usercert", "Valid"]);
        assert_eq!(literals(r"(?i)^(ca|ra-2)\x41b [xyz]{22}$"), ["ca", "ra", "Ab"]);
    }

    #[test]
    fn a_misspelling_comes_close_and_a_stranger_does_not() {
        let token = |text: &str| Pattern::Token(text.to_owned());
        assert_eq!(
            closest_line("Subject: CN=a\n", &token("Sbject: CN = a")),
            Some("Subject: CN=a")
        );
        assert_eq!(closest_line("x\ny\n", &token("Subject: CN = a")), None);
        assert_eq!(closest_line("", &token("a")), None);
    }
}
