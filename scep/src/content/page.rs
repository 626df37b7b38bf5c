//! The title and the words of a web page. It is not rendered: tags are removed, and that is all.

use super::{shown, text::in_one_line};

/// The words of a web page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The title, if it has one.
    pub title: Option<String>,
    /// The headings, in order.
    pub headings: Vec<String>,
    /// The blocks of text, headings among them, in order.
    pub blocks: Vec<String>,
}

/// True if the text is HTML.
pub(super) fn is_html(text: &str) -> bool {
    const FIRST: [&str; 12] = [
        "!doctype html",
        "html",
        "head",
        "body",
        "title",
        "h1",
        "h2",
        "p",
        "div",
        "center",
        "table",
        "script",
    ];
    let start: String = text.chars().take(1000).collect::<String>().to_ascii_lowercase();
    let is_first = |name: &str| {
        let rest = start.strip_prefix('<').and_then(|rest| rest.strip_prefix(name));
        rest.is_some_and(|rest| rest.starts_with(|c: char| c == '>' || c.is_whitespace()))
    };
    start.contains("<html") || FIRST.into_iter().any(is_first)
}

/// The first tag of XML after its declarations and comments.
pub(super) fn first_tag(text: &str) -> Option<&str> {
    let mut rest = text;
    loop {
        rest = rest.trim_start().strip_prefix('<')?;
        let end = rest.find('>')?;
        if !rest.starts_with(['?', '!']) {
            let is_name = rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
            // The brackets before and after the name belong to it.
            let start = text.len() - rest.len() - 1;
            return is_name.then(|| &text[start..start + end + 2]);
        }
        rest = &rest[end + 1..];
    }
}

impl Page {
    /// Reads the text of a page.
    pub fn read(html: &str) -> Self {
        let mut reader = Reader::default();
        let mut rest = html;
        while let Some(open) = rest.find('<') {
            reader.text.push_str(&rest[..open]);
            rest = reader.tag(&rest[open + 1..]);
        }
        reader.text.push_str(rest);
        reader.end_block();
        reader.page
    }

    /// The block of several words that is the longest, or else the longest block.
    pub(super) fn longest_words(self) -> Option<String> {
        self.blocks.into_iter().max_by_key(|block| (block.contains(' '), block.len()))
    }

    /// The title and the longest heading that says something else, or the first words of a page without either.
    pub(super) fn details(&self) -> String {
        let title = self.title.as_deref().unwrap_or_default();
        let says_more = |words: &&String| !is_same(title, words);
        let longest = self.headings.iter().filter(says_more).max_by_key(|words| words.len());
        match (title, longest.or(self.blocks.first().filter(|_| title.is_empty()))) {
            ("", None) => String::new(),
            ("", Some(words)) => format!(": `{}`", shown(words)),
            (title, None) => format!(" with the title `{}`", shown(title)),
            (title, Some(words)) => {
                format!(" with the title `{}`: `{}`", shown(title), shown(words))
            }
        }
    }
}

/// True if one text contains the other, without regard to case.
fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.to_lowercase(), other.to_lowercase());
    one.contains(&other) || (!one.is_empty() && other.contains(&one))
}

/// The most headings, and the most blocks, that are kept.
const KEPT: usize = 64;

#[derive(Default)]
struct Reader {
    page: Page,
    /// The text since the last tag that ends a block.
    text: String,
    is_heading: bool,
}

impl Reader {
    /// Takes the tag at the beginning of `rest`, behind its `<`; returns the text behind the tag.
    fn tag<'a>(&mut self, rest: &'a str) -> &'a str {
        if let Some(comment) = rest.strip_prefix("!--") {
            return comment.split_once("-->").map_or("", |(_, rest)| rest);
        }
        let starts_tag = |c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?');
        if !rest.starts_with(starts_tag) {
            self.text.push('<');
            return rest;
        }
        let Some((tag, rest)) = rest.split_once('>') else { return "" };
        let is_end = tag.starts_with('/');
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
        let name = name.unwrap_or_default().to_ascii_lowercase();
        match name.as_str() {
            "script" | "style" | "title" if !is_end => self.skip(&name, rest),
            name if INLINE.contains(&name) => rest,
            _ => {
                self.end_block();
                self.is_heading = !is_end && matches!(name.as_bytes(), [b'h', b'1'..=b'6']);
                rest
            }
        }
    }

    /// Passes over an element whose content is no text of the page, and keeps it if it is the title.
    fn skip<'a>(&mut self, name: &str, rest: &'a str) -> &'a str {
        self.end_block();
        let end = find_tag(rest, &format!("</{name}")).unwrap_or(rest.len());
        let content = in_one_line(&unescaped(&rest[..end]));
        if name == "title" && self.page.title.is_none() && !content.is_empty() {
            self.page.title = Some(content);
        }
        &rest[end..]
    }

    fn end_block(&mut self) {
        let block = in_one_line(&unescaped(&std::mem::take(&mut self.text)));
        if block.is_empty() || self.page.blocks.len() >= KEPT {
            return;
        }
        if self.is_heading {
            self.page.headings.push(block.clone());
        }
        self.page.blocks.push(block);
    }
}

/// Tags within a line of text.
const INLINE: [&str; 17] = [
    "a", "b", "big", "code", "em", "font", "i", "kbd", "locid", "nobr", "small", "span", "strong",
    "sub", "sup", "tt", "u",
];

/// The place of a tag, whatever the case of its letters.
fn find_tag(text: &str, wanted: &str) -> Option<usize> {
    let starts = text.match_indices('<').map(|(at, _)| at);
    let is_same = |at: &usize| {
        let there = text.as_bytes().get(*at..*at + wanted.len());
        there.is_some_and(|there| there.eq_ignore_ascii_case(wanted.as_bytes()))
    };
    starts.into_iter().find(is_same)
}

/// The text with the escapes of HTML undone.
pub fn unescaped(text: &str) -> String {
    html_escape::decode_html_entities(text).replace('\u{a0}', " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(html: &str) -> String {
        format!("a web page{}", Page::read(html).details())
    }

    #[test]
    fn title_of_error_pages_is_found() {
        for (html, words) in [
            (
                "<html><head><title>Server Error</title></head></html>",
                "a web page with the title `Server Error`",
            ),
            (
                "<HTML><HEAD><TITLE lang=en>\n 404 &ndash;\n Not Found </TITLE>",
                "a web page with the title `404 – Not Found`",
            ),
            (
                "<html><head><title>404 Not Found</title></head><body><center><h1>404 Not Found</h1></center><hr>nginx</body></html>",
                "a web page with the title `404 Not Found`",
            ),
            (
                "<!DOCTYPE html><html><title>Error</title><h2>403 - Forbidden</h2><h3>You do not have <b>permission</b> to view this page.</h3>",
                "a web page with the title `Error`: `You do not have permission to view this page.`",
            ),
            (
                "<html><body><script>var a = '<p>x';</script><p>Sign in</p></body></html>",
                "a web page: `Sign in`",
            ),
            ("<html></html>", "a web page"),
            (
                "<html><!-- <title>no</title> --><title>yes</title>",
                "a web page with the title `yes`",
            ),
        ] {
            assert_eq!(named(html), words, "{html}");
        }
    }

    #[test]
    fn unfinished_page_is_read_to_its_end() {
        for html in ["<html><title>a", "<html><script>", "<html><h1", "<html><!--", "<", "a < b"] {
            let _ = Page::read(html);
        }
        assert_eq!(Page::read("<html>1 < 2<br>x").blocks, ["1 < 2", "x"]);
    }
}
