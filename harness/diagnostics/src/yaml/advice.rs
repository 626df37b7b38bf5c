//! What a mistake in YAML probably means, and what to write instead.

use std::sync::Arc;

use super::{Node, Value};
use crate::{Diagnostic, Place, Source};

/// A message of the parser in plain words.
struct Plain {
    /// A part of the parser's message.
    part: &'static str,
    /// The mistake; the parser's own message if absent.
    message: Option<&'static str>,
    advice: &'static str,
}

const PLAIN: [Plain; 17] = [
    plain(
        "unknown escape",
        "between double quotes, `\\` begins an escape, and this one is unknown",
        "a `\\` begins an escape between double quotes; use single quotes, or none",
    ),
    known("escape", "a `\\` begins an escape between double quotes; use single quotes, or none"),
    plain("mapping values", "a `: ` cannot be here", COLON),
    plain("simple key", "a key without its `: `", COLON),
    plain("unknown anchor", "a `*` begins an alias, and there is no such anchor", STAR),
    plain("alphabetic or numeric", "a `*` or a `&` without a name", STAR),
    known("unexpected character", "a text that begins with this character needs quotes around it"),
    known("unclosed quote", QUOTE),
    known("trailing content after", QUOTE),
    plain(
        "only valid inside a block",
        "a list with `- ` cannot be between brackets or braces",
        LIST,
    ),
    plain("block sequence entries", "a list cannot begin here", LIST),
    plain("expected key", "this line is no key of the map above it", COLUMNS),
    plain("'-' indicator", "this line is no item of the list above it", COLUMNS),
    known("a flow", BRACKETS),
    known("implicit flow", "a `? ` begins a key: put quotes around a text that begins with it"),
    known("a tag", "a `!` begins a tag: put quotes around a text that begins with it"),
    known("indentation", COLUMNS),
];

const fn plain(part: &'static str, message: &'static str, advice: &'static str) -> Plain {
    Plain { part, message: Some(message), advice }
}

const fn known(part: &'static str, advice: &'static str) -> Plain {
    Plain { part, message: None, advice }
}

const COLON: &str = "a `: ` ends a key: put quotes around a text that has one";

const STAR: &str = "put quotes around a text that begins with `*` or `&`";

const QUOTE: &str = "a closing quote is missing, or a quote in the text: between single quotes it is written twice, `''`";

const LIST: &str =
    "a list is `[a, b]` in one line, or has a line `- a` for each item below its key";

const COLUMNS: &str =
    "the keys of one map begin in the same column, and so do the items of one list";

const BRACKETS: &str =
    "between brackets or braces, put quotes around a text with `,`, `[`, `]`, `{`, `}` or `: `";

const COMMENT: &str = "a ` #` begins a comment: put quotes around a text that has one";

const TAB: &str = "YAML indents with blanks: replace each tab at the beginning of a line";

/// The diagnostic for a message of the parser, which stopped at `place`; a tab in the indentation takes over the place.
pub(super) fn on_parsing(
    source: &Arc<Source>,
    place: Option<&Place>,
    message: String,
) -> Diagnostic {
    if let Some(tab) = place.and_then(|place| tab_near(source, place.line())) {
        return Diagnostic::at(&tab, "a tab is no indentation").note(TAB);
    }
    let known = PLAIN.iter().find(|known| message.contains(known.part));
    let has_comment = message.contains("unclosed bracket")
        && place.is_some_and(|place| line(source, place.line()).contains(" #"));
    let advice = if has_comment { Some(COMMENT) } else { known.map(|known| known.advice) };
    let message = known.and_then(|known| known.message).map_or(message, str::to_owned);
    let diagnostic = match place {
        Some(place) => Diagnostic::at(place, message),
        None => Diagnostic::of_file(source.path(), message),
    };
    advice.into_iter().fold(diagnostic, Diagnostic::note)
}

/// The text of a line, counted from 1.
fn line(source: &Arc<Source>, number: usize) -> &str {
    source.text().lines().nth(number.saturating_sub(1)).unwrap_or_default()
}

/// The tab in the indentation of this line or of one beside it; or else of the last key or item before it, because the parser
/// takes such a line for a part of the text above it, and stops later.
fn tab_near(source: &Arc<Source>, at: usize) -> Option<Place> {
    let tabs = indented_by_tab(source.text(), at + 1);
    let is_near = |tab: &&Tab| tab.line + 1 >= at;
    let on_line = tabs.iter().find(|tab| tab.line == at);
    let near = on_line.or_else(|| tabs.iter().find(is_near));
    let tab = near.or_else(|| tabs.iter().rev().find(|tab| tab.begins_entry))?;
    Some(source.place_at(tab.line, tab.column).extended(1))
}

/// A line that a tab indents; line and column of the tab are counted from 1.
struct Tab {
    line: usize,
    column: usize,
    /// True if the line looks like a key or an item of a list.
    begins_entry: bool,
}

/// The first `count` lines that a tab indents, without those of texts that begin with `|` or `>`, in which tabs are text.
fn indented_by_tab(text: &str, count: usize) -> Vec<Tab> {
    let mut tabs = Vec::new();
    let mut block = None;
    for (index, line) in text.lines().take(count).enumerate() {
        let blanks = line.len() - line.trim_start_matches(' ').len();
        if line.trim().is_empty() || block.is_some_and(|above| blanks > above) {
            continue;
        }
        block = begins_block(line).then_some(blanks);
        let content = line.trim_start();
        let indentation = &line[..line.len() - content.len()];
        if let Some(column) = indentation.chars().position(|c| c == '\t') {
            let begins_entry = content.starts_with("- ") || is_key(content);
            tabs.push(Tab { line: index + 1, column: column + 1, begins_entry });
        }
    }
    tabs
}

/// True if the text of several lines begins after this one.
fn begins_block(line: &str) -> bool {
    let last = line.split_whitespace().next_back().unwrap_or_default();
    last.starts_with(['|', '>'])
        && last[1..].chars().all(|c| c.is_ascii_digit() || "+-".contains(c))
}

/// True if a line begins with a key.
fn is_key(content: &str) -> bool {
    let rest = content.trim_start_matches(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_'));
    rest.len() < content.len() && (rest == ":" || rest.starts_with(": "))
}

/// The kind of value that is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// A text, or several.
    Text,
    /// A list.
    List,
    /// A map.
    Map,
}

/// A blank of another kind in a key, which YAML takes for a letter; in words for a label.
pub fn odd_blank(key: &str) -> Option<String> {
    let odd = |c: &char| c.is_whitespace() && !c.is_ascii() || matches!(c, '\u{200b}' | '\u{feff}');
    let odd = u32::from(key.chars().find(odd)?);
    Some(format!("the blank U+{odd:04X} is none in YAML: write an ordinary one"))
}

/// Advice on a value of another kind than the expected one.
pub(super) fn on_kind(node: &Node, wanted: Wanted) -> Option<String> {
    let text = node.place.text();
    match &node.value {
        Value::Mapping(entries)
            if wanted == Wanted::Text && !text.trim_start().starts_with('{') =>
        {
            let entry = entries.first()?;
            let shown = match &entry.value.value {
                Value::Scalar { text, .. } => format!("{}: {text}", entry.key),
                _ => return None,
            };
            let quoted = shown.replace('\'', "''");
            Some(format!("a `: ` makes a map of this; quotes make a text of it: `'{quoted}'`"))
        }
        Value::Mapping(_) if wanted == Wanted::List => {
            Some("each item of a list begins with `- `".to_owned())
        }
        Value::Null if is_tagged(node) => {
            Some("a `!` begins a tag: put quotes around a text that begins with it".to_owned())
        }
        Value::Scalar { text, plain: true } if wanted != Wanted::Text => {
            let (key, rest) = text.split_once(':')?;
            let is_key = !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || c == '-');
            let is_field = is_key && !rest.starts_with(['/', ' ']) && !rest.is_empty();
            is_field.then(|| format!("a blank comes after the colon: `{key}: {rest}`"))
        }
        _ => None,
    }
}

/// True for a value without a text behind a tag, such as `!x`.
fn is_tagged(node: &Node) -> bool {
    node.place.before().split_whitespace().next_back().is_some_and(|last| last.starts_with('!'))
}
