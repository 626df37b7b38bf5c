//! The words of a client's command, with placeholders that are filled in for each run.

use diagnostics::Diagnostic;

use model::lab::Secret;
use testbed::client::ClientOrder;

scep::named! {
    /// A value that is filled in for each run.
    Placeholder, "placeholder" {
        /// URL of the SCEP service.
        Url = "url";
        /// The challenge password.
        Challenge = "challenge";
        /// A file with the CA's certificate.
        Ca = "ca";
        /// The client's folder.
        Dir = "dir";
    }
}

/// A word of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Value(Placeholder),
}

impl Word {
    /// Reads a word. A brace that does not belong to a placeholder is written twice.
    ///
    /// # Errors
    /// All braces that are neither; `number` counts the words of the command from 1.
    pub(super) fn parse(text: &str, number: usize) -> Result<Self, Vec<Diagnostic>> {
        let (mut parts, mut wrong, mut rest) = (Vec::new(), Vec::new(), text);
        while let Some(at) = rest.find(['{', '}']) {
            parts.push(Part::Text(rest[..at].to_owned()));
            rest = &rest[at..];
            if let Some(brace) = ["{{", "}}"].into_iter().find(|twice| rest.starts_with(twice)) {
                parts.push(Part::Text(brace[..1].to_owned()));
                rest = &rest[2..];
                continue;
            }
            let end = rest.find('}').map_or(rest.len(), |end| end + 1);
            let (braced, after) = rest.split_at(end);
            match named(braced) {
                Some(placeholder) => parts.push(Part::Value(placeholder)),
                None => wrong.push(unknown(braced, number)),
            }
            rest = after;
        }
        parts.push(Part::Text(rest.to_owned()));
        if wrong.is_empty() { Ok(Self(parts)) } else { Err(wrong) }
    }

    /// True if the value is a part of the word.
    pub(super) fn has(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&Part::Value(placeholder))
    }

    /// The word with its values filled in. A password that looks like another placeholder stays as it is.
    pub(super) fn filled(&self, order: &ClientOrder) -> String {
        let text = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Value(Placeholder::Url) => order.url.clone(),
            Part::Value(Placeholder::Challenge) => {
                order.challenge.as_ref().map(Secret::expose).unwrap_or_default().to_owned()
            }
            Part::Value(Placeholder::Dir) => order.folder.display().to_string(),
            Part::Value(Placeholder::Ca) => order.ca.display().to_string(),
        };
        self.0.iter().map(text).collect()
    }
}

fn named(braced: &str) -> Option<Placeholder> {
    braced.strip_prefix('{')?.strip_suffix('}')?.parse().ok()
}

/// The mistake of a brace that begins or ends no placeholder.
fn unknown(braced: &str, number: usize) -> Diagnostic {
    /// The longest text that is shown, in characters.
    const LONGEST: usize = 40;
    let shown: String = braced.chars().take(LONGEST).collect();
    let shown = if shown.len() < braced.len() { shown + "…" } else { shown };
    let name = braced.trim_matches(['{', '}', ' ', '$', '<', '>']).to_lowercase();
    let known: Vec<String> = Placeholder::ALL.iter().map(|it| format!("{{{it}}}")).collect();
    let closest = diagnostics::closest(&name, Placeholder::NAMED.iter().map(|(name, _)| *name));
    let message = format!("argument {number} of the command: `{shown}` is no placeholder");
    let diagnostic = Diagnostic::general(message);
    let diagnostic = match closest {
        Some(name) => diagnostic.note(format!("did you mean `{{{name}}}`?")),
        None => diagnostic,
    };
    diagnostic
        .note(format!("the placeholders: `{}`", known.join("`, `")))
        .note("a brace that is no part of a placeholder is written twice: `{{` or `}}`")
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::time::Duration;

    use super::*;

    fn filled(text: &str) -> String {
        let order = ClientOrder {
            url: "http://h/scep".to_owned(),
            challenge: Some(Secret::new("{dir} s")),
            ca: PathBuf::from("/ca"),
            folder: PathBuf::from("/d"),
            limit: Duration::ZERO,
            ahead_ms: 0,
        };
        Word::parse(text, 1).unwrap().filled(&order)
    }

    fn mistakes(text: &str) -> Vec<String> {
        Word::parse(text, 2).unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn placeholders_are_filled_in_once_and_doubled_braces_are_literal() {
        assert_eq!(filled("-u={url}{ca}"), "-u=http://h/scep/ca");
        assert_eq!(filled("{challenge}"), "{dir} s");
        assert_eq!(filled("{{\"url\": \"{url}\"}}"), "{\"url\": \"http://h/scep\"}");
        assert_eq!(filled("${{HOME}}, {{url}}, {{{dir}}}"), "${HOME}, {url}, {/d}");
        assert_eq!(filled("plain"), "plain");
    }

    #[test]
    fn unknown_placeholder_is_rejected_with_a_suggestion() {
        for (text, meant) in [
            ("{chalenge}", "{challenge}"),
            ("{URL}", "{url}"),
            ("{ challenge }", "{challenge}"),
            ("--pw={Challenge}", "{challenge}"),
            ("{urll}", "{url}"),
            ("{url", "{url}"),
            ("url}", "{url}"),
            ("{folder{dri}", "{dir}"),
        ] {
            let Ok(word) = Word::parse(text, 2) else {
                let all = mistakes(text).join("\n");
                assert!(all.contains("argument 2 of the command"), "{text}: {all}");
                if text != "url}" && text != "{folder{dri}" {
                    assert!(all.contains(&format!("did you mean `{meant}`?")), "{text}: {all}");
                }
                continue;
            };
            panic!("{text} is {word:?}");
        }
    }

    #[test]
    fn other_braces_are_rejected_with_the_way_to_write_them() {
        for text in
            ["{}", "{0}", "{password}", "${HOME}", "{print $1}", "{", "}", "{{url}", "{url}}"]
        {
            let all = mistakes(text).join("\n");
            assert!(all.contains("`{url}`, `{challenge}`, `{ca}`, `{dir}`"), "{text}: {all}");
            assert!(all.contains("written twice"), "{text}: {all}");
        }
        assert_eq!(mistakes("{a}{b}{url}{c}").len(), 3);
        assert!(mistakes(&format!("{{{}}}", "x".repeat(5000)))[0].len() < 400);
    }
}
