//! The target of a request: alone, or in a line of a log, with the log's escapes taken back.

use super::{Logged, OPERATION};

const METHODS: [&str; 3] = ["GET", "POST", "HEAD"];

/// A query, a path with a query, or a URL that is the whole text, also wrapped.
pub(super) fn alone(text: &str) -> Option<Logged> {
    let text =
        text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>'));
    let (method, rest) = METHODS
        .into_iter()
        .find_map(|method| {
            Some((method, text.strip_prefix(method)?.strip_prefix(' ')?.trim_start()))
        })
        .unwrap_or(("GET", text));
    let is_start = ["http://", "https://", "/", "?", OPERATION, "&"];
    if !is_start.iter().any(|start| rest.starts_with(start)) || rest.matches(OPERATION).count() != 1
    {
        return None;
    }
    let rest = rest.rsplit_once(" HTTP/").map_or(rest, |(target, _)| target);
    let is_wrapped = rest.contains(['\n', '\r']);
    let joined: String = rest.split(['\n', '\r']).map(str::trim).collect();
    // What is left must be one target: a line of a log has quotes and further words.
    let is_odd = |c: char| c.is_control() || matches!(c, '"' | '\'' | '<' | '>');
    if joined.contains(is_odd) || (is_wrapped && has_words(&joined)) {
        return None;
    }
    let form = match rest {
        rest if rest.starts_with("http") => "URL of a request",
        rest if rest.starts_with('/') => "target of a request",
        _ => "query of a request",
    };
    // Logs of some proxies have further words; a message with blanks for `+` has nothing but base64.
    Some(logged(form, method, &joined))
}

/// True if there are blanks before the message: they are no `+` there.
fn has_words(target: &str) -> bool {
    target.split("message=").next().is_some_and(|before| before.contains(' '))
}

/// A request in a line with other words.
pub(super) fn in_line(line: &str) -> Option<Logged> {
    let at = line.find(OPERATION)?;
    if let Some((method, target, after)) = request_line(line, at) {
        let mut logged = logged("line of an access log", method, target);
        logged.status = status(after);
        return Some(logged);
    }
    // Without a method: the word in which the parameter is.
    let is_end =
        |c: char| c.is_whitespace() || matches!(c, '"' | '\'' | '`' | '<' | '>' | ',' | ')' | '(');
    let start = line[..at]
        .rfind(is_end)
        .map_or(0, |before| before + line[before..].chars().next().map_or(1, char::len_utf8));
    let end = line[at..].find(is_end).map_or(line.len(), |end| at + end);
    Some(logged("line of a log with the query of a request", "GET", &line[start..end]))
}

/// The method, the target around a place, and what comes after them, in `GET /path?query HTTP/1.1`.
fn request_line(line: &str, at: usize) -> Option<(&'static str, &str, &str)> {
    let (start, method) = METHODS
        .into_iter()
        .filter_map(|method| {
            let found = line[..at].rmatch_indices(method).find(|(place, _)| {
                let before = line[..*place].chars().next_back();
                line[place + method.len()..].starts_with(' ')
                    && before.is_none_or(|c| !c.is_ascii_alphanumeric())
            });
            found.map(|(place, _)| (place, method))
        })
        .max()?;
    let rest = &line[start + method.len() + 1..];
    let end = rest.find(" HTTP/");
    // Without a version: up to the quote or the blank.
    let end = end.or_else(|| rest.find(['"', ' '])).unwrap_or(rest.len());
    rest[..end].contains(OPERATION).then(|| (method, &rest[..end], &rest[end..]))
}

/// The status after the quote behind a request: `HTTP/1.1" 200 2796`.
fn status(after: &str) -> Option<u16> {
    let (_, rest) = after.split_once('"')?;
    let status = rest.split_whitespace().next()?.parse().ok()?;
    (100..600).contains(&status).then_some(status)
}

/// A request with its target as it was sent.
pub(super) fn logged(form: &'static str, method: &str, target: &str) -> Logged {
    let target = unescaped(target.trim());
    let without_scheme = target.strip_prefix("http://").or_else(|| target.strip_prefix("https://"));
    let (server, target) = match without_scheme {
        Some(rest) => {
            let path = rest.find(['/', '?']).unwrap_or(rest.len());
            (Some(rest[..path].to_owned()), rest[path..].to_owned())
        }
        None => (None, target),
    };
    let starts = target.starts_with(['/', '?']);
    let target = if starts { target } else { format!("?{}", target.trim_start_matches('&')) };
    Logged { form, method: method.to_owned(), target, server, ..Logged::default() }
}

/// The target without the escapes of Apache, nginx, JSON and HTML. Those of the URL stay.
fn unescaped(target: &str) -> String {
    let target = target.replace("&amp;", "&");
    if !target.contains('\\') {
        return target;
    }
    let mut text = String::with_capacity(target.len());
    let mut rest = &*target;
    while let Some(at) = rest.find('\\') {
        text.push_str(&rest[..at]);
        let escape = &rest[at + 1..];
        let (c, length) = escaped(escape);
        text.extend(c);
        rest = &escape[length..];
    }
    text + rest
}

/// The character that an escape after its backslash stands for, and how long it is.
fn escaped(escape: &str) -> (Option<char>, usize) {
    let code = |digits: Option<&str>| {
        let code = u32::from_str_radix(digits?, 16).ok()?;
        char::from_u32(code).filter(char::is_ascii)
    };
    if let Some(c) = escape.strip_prefix('x').and_then(|rest| code(rest.get(..2))) {
        return (Some(c), 3);
    }
    if let Some(c) = escape.strip_prefix('u').and_then(|rest| code(rest.get(..4))) {
        return (Some(c), 5);
    }
    match escape.chars().next() {
        Some('n') => (Some('\n'), 1),
        Some('r') => (Some('\r'), 1),
        Some('t') => (Some('\t'), 1),
        Some(c @ ('"' | '\\' | '/' | '\'')) => (Some(c), 1),
        _ => (Some('\\'), 0),
    }
}
