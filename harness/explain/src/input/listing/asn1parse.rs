//! The lines of `openssl asn1parse`: `    4:d=1  hl=2 l=   9 prim: OBJECT            :pkcs7-signedData`.

use super::MIN_LINES;
use crate::input::{budget::Budget, dump, text::lines};

/// The most elements.
const MAX_ELEMENTS: usize = 200_000;

/// An element as it is listed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Element {
    pub(super) line: usize,
    pub(super) depth: usize,
    /// The length of its value; `None` if it is indefinite.
    pub(super) length: Option<usize>,
    pub(super) is_constructed: bool,
    /// The name of its type, such as `OCTET STRING`.
    pub(super) name: String,
    /// What is after its name, without the colon.
    pub(super) value: Option<String>,
    /// The bytes below it, as `-dump` writes them.
    pub(super) dumped: Option<Vec<u8>>,
}

/// The elements of a listing; `None` if the text is none.
pub(super) fn elements(text: &str, budget: &mut Budget) -> Option<Vec<Element>> {
    if !text.contains(":d=") {
        return None;
    }
    let mut elements: Vec<Element> = Vec::new();
    let mut open = String::new();
    for line in lines(text) {
        if let Some(element) = element(line.text, line.number) {
            close(&mut elements, &mut open, budget);
            elements.push(element);
        } else if is_dump(line.text) {
            open.push_str(line.text);
            open.push('\n');
        } else if let Some(last) = elements.last_mut().filter(|last| last.value.is_some()) {
            // A text may have line ends.
            last.value.iter_mut().for_each(|value| {
                value.push('\n');
                value.push_str(line.text);
            });
        }
        if elements.len() > MAX_ELEMENTS {
            return None;
        }
    }
    close(&mut elements, &mut open, budget);
    (elements.len() >= MIN_LINES).then_some(elements)
}

/// Gives the last element the bytes that were dumped below it.
fn close(elements: &mut [Element], open: &mut String, budget: &mut Budget) {
    if open.is_empty() {
        return;
    }
    let mut blocks = dump::blocks(open, budget);
    if let (Some(last), Some(block)) = (elements.last_mut(), blocks.pop()) {
        last.dumped = blocks.is_empty().then_some(block.bytes);
    }
    open.clear();
}

/// True for `      0000 - 30 82`.
fn is_dump(line: &str) -> bool {
    let offset = line.trim_start().split(" - ").next().unwrap_or_default();
    line.contains(" - ") && offset.len() >= 4 && offset.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn element(line: &str, number: usize) -> Option<Element> {
    let (offset, rest) = line.trim_start().split_once(":d=")?;
    offset.parse::<u64>().ok()?;
    let (depth, rest) = rest.split_once("hl=")?;
    let (_, rest) = rest.split_once("l=")?;
    let (length, is_constructed, rest) = match (rest.split_once("prim:"), rest.split_once("cons:"))
    {
        (Some((length, rest)), None) => (length, false, rest),
        (None, Some((length, rest))) => (length, true, rest),
        // The word may be in a value: the first one is it.
        (Some((prim, after_prim)), Some((cons, after_cons))) => {
            if prim.len() < cons.len() {
                (prim, false, after_prim)
            } else {
                (cons, true, after_cons)
            }
        }
        (None, None) => return None,
    };
    let length = match length.trim() {
        "inf" => None,
        length => Some(length.parse().ok()?),
    };
    let rest = rest.trim_start();
    let (name, value) = match rest.split_once(':') {
        Some((name, value)) => (name.trim_end(), Some(value.to_owned())),
        None => (rest.trim_end(), None),
    };
    Some(Element {
        line: number,
        depth: depth.trim().parse().ok()?,
        length,
        is_constructed,
        name: name.to_owned(),
        value,
        dumped: None,
    })
}
