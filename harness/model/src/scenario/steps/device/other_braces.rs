//! Placeholders as other programs write them, `{challenge}` or `$CHALLENGE`, which a device would get as they are.

use std::ops::Range;

use redact::names_the_challenge;

/// The maximum number of ranges, because not more problems of a file are shown.
const LIMIT: usize = 100;

/// What begins and ends a placeholder in other programs.
const PAIRS: [(char, char); 3] = [('{', '}'), ('<', '>'), ('%', '%')];

/// The ranges of a text that look like a placeholder of the challenge password, and are none.
pub(super) fn other_braces(text: &str) -> Vec<Range<usize>> {
    let is_meant = |name: &Range<usize>| names_the_challenge(&text[name.clone()]);
    let meant = names(text).into_iter().filter(is_meant);
    meant.filter_map(|name| wrapped(text, &name)).take(LIMIT).collect()
}

/// The ranges of all names.
fn names(text: &str) -> Vec<Range<usize>> {
    let is_part = |c: char| c.is_ascii_alphabetic() || matches!(c, '-' | '_');
    let mut at = 0;
    let words = text.split(|c: char| !is_part(c)).map(|word| {
        let start = at;
        at += word.len() + text[start + word.len()..].chars().next().map_or(0, char::len_utf8);
        start..start + word.len()
    });
    words.filter(|name| !name.is_empty()).collect()
}

/// The range of a name with what stands around it; `None` if there is nothing, or it is a placeholder.
fn wrapped(text: &str, name: &Range<usize>) -> Option<Range<usize>> {
    let before = text[..name.start].trim_end_matches(' ');
    let after = text[name.end..].trim_start_matches(' ');
    for (open, close) in PAIRS {
        let outer = before.trim_end_matches(open);
        let inner = after.trim_start_matches(close);
        let (opened, closed) = (before.len() - outer.len(), after.len() - inner.len());
        if opened > 0 && closed > 0 {
            let is_right = open == '{' && opened == 2 && closed == 2;
            let start = outer.strip_suffix('$').unwrap_or(outer).len();
            return (!is_right).then_some(start..text.len() - inner.len());
        }
    }
    let start = text[..name.start].strip_suffix('$')?.len();
    Some(start..name.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholder_of_another_program_is_found() {
        for (text, found) in [
            ("password {chalenge}", "{chalenge}"),
            ("password {challenge} x", "{challenge}"),
            ("password { challenge }", "{ challenge }"),
            ("password {{challenge}", "{{challenge}"),
            ("password {challenge}}", "{challenge}}"),
            ("password {{{challenge}}}", "{{{challenge}}}"),
            ("password '${CHALLENGE}'", "${CHALLENGE}"),
            ("password $CHALLENGE", "$CHALLENGE"),
            ("password <challenge-password>", "<challenge-password>"),
            ("password %challenge%", "%challenge%"),
            ("süß {chalenge}", "{chalenge}"),
        ] {
            let ranges = other_braces(text);
            assert_eq!(ranges.len(), 1, "{text}");
            assert_eq!(&text[ranges[0].clone()], found);
        }
    }

    #[test]
    fn other_text_is_no_placeholder() {
        for text in [
            "password {{challenge}}",
            "password {{ challenge }}",
            "password scep-challenge",
            "password challenge",
            "password $6$GSjsCj8gHLv$x",
            "distinguished-names CN={device}",
            "password {change}",
            "",
        ] {
            assert!(other_braces(text).is_empty(), "{text}");
        }
    }
}
