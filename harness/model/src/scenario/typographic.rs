//! Typographic quotes, which word processors put in place of those that YAML and devices know.

use diagnostics::yaml::{Node, Problems, Value};
use diagnostics::{Diagnostic, Place};

/// The quotes of several languages, without `'` and `"`.
const QUOTES: [char; 8] = ['‘', '’', '‚', '“', '”', '„', '«', '»'];

/// Reports a value between typographic quotes, which YAML takes for a part of it; between plain quotes they are meant.
pub(super) fn refuse_value(node: &Node, problems: &Problems) {
    let Value::Scalar { text, plain: true } = &node.value else { return };
    let text = text.trim();
    let (Some(first), Some(_)) = (text.strip_prefix(QUOTES), text.strip_suffix(QUOTES)) else {
        return;
    };
    let inner = first.strip_suffix(QUOTES).unwrap_or(first);
    let message = "typographic quotes are a part of the text, and do not quote it";
    let advice = format!(
        "YAML takes only `'` and `\"` for quotes: write `'{inner}'`, or `'{text}'` if the text has these quotes"
    );
    problems.add(Diagnostic::at(&node.place, message).note(advice));
}

/// True if a word of a line begins with a typographic quote.
pub(super) fn quotes_a_word(line: &str) -> bool {
    line.split_whitespace().any(|word| word.starts_with(QUOTES))
}

/// Reports a word of a line for a device that begins with a typographic quote.
pub(super) fn refuse_word(line: &Place, problems: &Problems) {
    let words = line.text().split_whitespace();
    let Some(word) = words.into_iter().find(|word| word.starts_with(QUOTES)) else { return };
    let start = line.text().find(word).unwrap_or_default();
    let message = "the device takes typographic quotes for a part of the value";
    let wrong = Diagnostic::at(&line.within(start, start + word.len()), message);
    problems.add(wrong.note("a value with blanks stands between `'` or `\"`"));
}
