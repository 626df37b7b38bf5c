//! What Markdown is made of: rows of tables, and text that is no markup.

use std::borrow::Borrow;

use diagnostics::visible;

/// The two rows that a table begins with.
pub fn head<T: Borrow<str>>(headings: &[T]) -> [String; 2] {
    [row(headings), row(&vec!["---"; headings.len()])]
}

/// A row of a table.
pub fn row<T: Borrow<str>>(cells: &[T]) -> String {
    format!("| {} |", cells.join(" | "))
}

/// Text that is no markup, in one line.
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
    fn text_is_no_markup() {
        assert_eq!(escaped("a|b *c*\n`d`"), r"a\|b \*c\* \`d\`");
    }
}
