//! Markdown: rows of tables, and escaped text.

use std::borrow::Borrow;

use diagnostics::{ci_commands, visible};

/// The first two rows of a table.
pub fn head<T: Borrow<str>>(headings: &[T]) -> [String; 2] {
    [row(headings), row(&vec!["---"; headings.len()])]
}

/// A row of a table.
pub fn row<T: Borrow<str>>(cells: &[T]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Escapes markup, and joins lines. The text is no link, no mention, no HTML and no block, also at the beginning of a line and in a
/// cell of a table.
pub fn escaped(text: &str) -> String {
    let text = visible(&text.lines().collect::<Vec<_>>().join(" "));
    let text = text.trim_start();
    let mut escaped = String::with_capacity(text.len());
    for (at, character) in text.char_indices() {
        if is_reference(text, at) {
            // In code it is neither a mention nor a link; an escape would change nothing, because forges look at what is shown.
            escaped.push('`');
            escaped.push(character);
            escaped.push('`');
            continue;
        }
        if MARKUP.contains(character) || begins_block(text, at) || is_in_link(text, at) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// A name as code; if it has other characters than most names, as escaped text.
pub fn code(name: &str) -> String {
    let is_usual = |c: char| c.is_ascii_alphanumeric() || "/._-+: ".contains(c);
    let is_plain = !name.trim().is_empty() && name.chars().all(is_usual) && name.trim() == name;
    if is_plain && ci_commands(name).is_empty() { format!("`{name}`") } else { escaped(name) }
}

/// Characters of markup anywhere in a line; `~` and `$` are GitHub's.
const MARKUP: &str = "\\`*_[]<>|#&~$^";

/// True for the character that makes a reference of what follows: `@user`, `#1` and `GH-1` of GitHub; `!1`, `$1`, `~1`, `&1`, `%1` and
/// `~"a"` of GitLab.
fn is_reference(text: &str, at: usize) -> bool {
    let (before, mut rest) = (&text[..at], text[at..].chars());
    let (mark, next) = (rest.next(), rest.next());
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    match mark {
        Some('@' | '#' | '!' | '$' | '~' | '&') => next.is_some_and(|c| is_word(c) || c == '"'),
        // Not the escape in a URL.
        Some('%') => next.is_some_and(|c| is_word(c) || c == '"') && !before.ends_with(is_word),
        Some('-') => {
            let is_issue =
                before.get(at.saturating_sub(2)..).is_some_and(|it| it.eq_ignore_ascii_case("gh"));
            is_issue && next.is_some_and(|c| c.is_ascii_digit())
        }
        _ => false,
    }
}

/// True for the colon or the point at which GitHub recognises an address without any markup: `http://`, `www.`.
fn is_in_link(text: &str, at: usize) -> bool {
    text[at..].starts_with("://") || text[at..].starts_with('.') && text[..at].ends_with("www")
}

/// True for the character that would make a text at the beginning of a line a list, a rule or a heading.
fn begins_block(text: &str, at: usize) -> bool {
    let before = &text[..at];
    match text[at..].chars().next() {
        Some('-' | '+' | '=' | ':') => before.is_empty(),
        Some('.' | ')') => !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escaped("a|b *c*\n`d`"), r"a\|b \*c\* \`d\`");
        for (text, expected) in [
            ("http://x/www.y", r"http\://x/www\.y"),
            ("@user a@b.c @", "`@`user a`@`b.c @"),
            ("- a - b", r"\- a - b"),
            ("1. a 2. b", r"1\. a 2. b"),
            ("   ~~~x", r"\~\~`~`x"),
            ("&#64;x $y$", r"\&`#`64;x `$`y\$"),
            ("a/b#1 gh-2, !3 ~\"x\" %4 50% a%2f", r#"a/b`#`1 gh`-`2, `!`3 `~`"x" `%`4 50% a%2f"#),
            ("::error::x", r"\\u{3a}:error::x"),
        ] {
            assert_eq!(escaped(text), expected);
        }
    }

    #[test]
    fn names_are_code_unless_they_have_other_characters() {
        assert_eq!(code("conformance/server/a-b"), "`conformance/server/a-b`");
        assert_eq!(code("a`b|c"), r"a\`b\|c");
        assert_eq!(code("section_start:1:x"), r"\\u{73}ection\_start:1:x");
        assert_eq!(code(" "), "");
    }
}
