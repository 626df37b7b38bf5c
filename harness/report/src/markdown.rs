//! Markdown: rows of tables, and escaped text.

use std::borrow::Borrow;

use diagnostics::visible;

/// The first two rows of a table.
pub fn head<T: Borrow<str>>(headings: &[T]) -> [String; 2] {
    [row(headings), row(&vec!["---"; headings.len()])]
}

/// A row of a table.
pub fn row<T: Borrow<str>>(cells: &[T]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Escapes markup, and joins lines.
pub fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in visible(&text.replace('\n', " ")).chars() {
        if "\\`*_[]<>|#".contains(character) {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_text_is_escaped() {
        assert_eq!(escaped("a|b *c*\n`d`"), r"a\|b \*c\* \`d\`");
    }
}
