//! Walks bytes by the structure that they should be.

mod expected;

use self::expected::{Expected, alternative, other_tag};
use super::{
    Node,
    shape::{Member, Shape},
    value::{CHALLENGE_PASSWORD, dotted, type_name, value},
};

/// The most elements of a tree.
const MOST: usize = 4000;
/// The deepest nesting of elements.
const DEEPEST: usize = 40;

/// The tree of these bytes, which should be this structure. Challenge passwords in it are masked unless `shows_secrets`.
pub(crate) fn tree(
    bytes: &[u8],
    root: Option<&'static Member>,
    shows_secrets: bool,
) -> Option<Node> {
    if bytes.is_empty() {
        return None;
    }
    let mut walk = Walk { bytes, left: MOST, shows_secrets };
    let context = Context { depth: 0, oid: None };
    let (mut node, next) = walk.element(0, bytes.len(), root, &context);
    if next < bytes.len() && node.problem.is_none() {
        node.problem = Some(format!("{} bytes follow its end, at byte {next}", bytes.len() - next));
    }
    Some(node)
}

struct Walk<'a> {
    bytes: &'a [u8],
    /// Elements that may still be read.
    left: usize,
    shows_secrets: bool,
}

/// What is known at an element from those around it.
#[derive(Clone)]
struct Context {
    depth: usize,
    /// The last object identifier before it.
    oid: Option<String>,
}

/// Tag and length of an element.
pub(crate) struct Header {
    pub(crate) tag: u8,
    /// The length of both.
    pub(crate) size: usize,
    /// The length of the content; none if it is indefinite.
    pub(crate) length: Option<usize>,
}

impl<'a> Walk<'a> {
    /// The element at `start`, which ends before `end`, and the place behind it.
    fn element(
        &mut self,
        start: usize,
        end: usize,
        member: Option<&'static Member>,
        context: &Context,
    ) -> (Node, usize) {
        self.left = self.left.saturating_sub(1);
        let header = match header(&self.bytes[start..end]) {
            Ok(header) => header,
            Err(problem) => return (broken(start, end, member, problem), end),
        };
        let first = start + header.size;
        let mut node = Node {
            offset: start,
            header: header.size,
            length: header.length,
            tag: type_name(header.tag),
            name: member.map(|member| member.name),
            value: None,
            problem: None,
            inside: Vec::new(),
        };
        let announced = header.length.map(|length| first.saturating_add(length));
        if let Some(announced) = announced.filter(|announced| *announced > end) {
            node.problem = Some(format!(
                "it announces {} bytes, and {} are there: the rest is missing",
                announced - first,
                end - first
            ));
        }
        if let Some(problem) = member.and_then(|member| other_tag(member, header.tag)) {
            node.problem.get_or_insert(problem);
        }
        let last = announced.map_or(end, |announced| announced.min(end));
        let member = member.filter(|member| other_tag(member, header.tag).is_none());
        let member = member.map(|member| alternative(member, header.tag));
        if header.tag & 0x20 == 0 {
            let octets = &self.bytes[first..last];
            self.primitive(&mut node, octets, header.tag, member, context);
            return (node, last);
        }
        if context.depth >= DEEPEST || self.left == 0 {
            let shown = if self.left == 0 { "elements" } else { "levels" };
            node.value = Some(format!("(more {shown} than are shown)"));
            return (node, last);
        }
        let inner = Context { depth: context.depth + 1, oid: context.oid.clone() };
        let next =
            self.constructed(&mut node, (first, last), header.length.is_none(), member, inner);
        (node, next)
    }

    fn primitive(
        &mut self,
        node: &mut Node,
        octets: &'a [u8],
        tag: u8,
        member: Option<&'static Member>,
        context: &Context,
    ) {
        let inner = match member.map(|member| &member.shape) {
            Some(Shape::Around(inner)) if octets.first() == Some(&0x30) => Some(*inner),
            _ => None,
        };
        let Some(inner) = inner.filter(|_| context.depth < DEEPEST && self.left > 0) else {
            let is_secret =
                !self.shows_secrets && context.oid.as_deref() == Some(CHALLENGE_PASSWORD);
            node.value = value(tag, octets, is_secret);
            return;
        };
        let (first, last) = (node.offset + node.header, node.offset + node.header + octets.len());
        let context = Context { depth: context.depth + 1, oid: None };
        let (child, next) = self.element(first, last, Some(inner), &context);
        node.inside.push(child);
        if next < last {
            node.problem.get_or_insert(format!("{} bytes follow its content", last - next));
        }
    }

    /// The elements of a constructed one; gives the place behind it.
    fn constructed(
        &mut self,
        node: &mut Node,
        (first, last): (usize, usize),
        is_indefinite: bool,
        member: Option<&'static Member>,
        mut context: Context,
    ) -> usize {
        let mut members = Expected::of(member, node.tag.as_str());
        let mut at = first;
        while at < last && self.left > 0 {
            if is_indefinite && self.bytes[at..last].starts_with(&[0, 0]) {
                members.end(node);
                return at + 2;
            }
            let tag = self.bytes[at];
            let (member, problem) = members.next(tag, context.oid.as_deref());
            let (mut child, next) = self.element(at, last, member, &context);
            if let Some(problem) = problem {
                child.problem.get_or_insert(problem);
            }
            if tag == 0x06 {
                context.oid = dotted(&self.bytes[(at + child.header).min(next)..next]);
            }
            node.inside.push(child);
            at = next;
        }
        if is_indefinite {
            let missing =
                "its length is indefinite, and the two zero bytes that end it are missing";
            node.problem.get_or_insert_with(|| missing.to_owned());
        } else if self.left > 0 {
            members.end(node);
        }
        last
    }
}

/// The tag and length that the bytes begin with; the error is what is wrong with them.
pub(crate) fn header(bytes: &[u8]) -> Result<Header, String> {
    let [tag, first, rest @ ..] = bytes else { return Err("its length is missing".to_owned()) };
    let (tag, first) = (*tag, *first);
    if tag & 0x1f == 0x1f {
        return Err("its tag has a number over 30, which no structure of SCEP has".to_owned());
    }
    if tag == 0 {
        return Err("it is an end-of-contents marker, and no element of indefinite length is open"
            .to_owned());
    }
    let (size, length) = match first {
        0..=0x7f => (2, Some(usize::from(first))),
        0x80 if tag & 0x20 == 0 => {
            return Err(
                "its length is indefinite, which a primitive element cannot have".to_owned()
            );
        }
        0x80 => (2, None),
        long => {
            let count = usize::from(long & 0x7f);
            let octets = rest.get(..count).ok_or("its length is cut off")?;
            let significant = octets.iter().skip_while(|octet| **octet == 0);
            if significant.clone().count() > 4 {
                return Err("its length is over 4 GiB".to_owned());
            }
            let length = significant.fold(0, |it: usize, octet| it << 8 | usize::from(*octet));
            (2 + count, Some(length))
        }
    };
    Ok(Header { tag, size, length })
}

/// An element whose tag and length cannot be read.
fn broken(start: usize, end: usize, member: Option<&'static Member>, problem: String) -> Node {
    Node {
        offset: start,
        header: 0,
        length: Some(end - start),
        tag: "unreadable".to_owned(),
        name: member.map(|member| member.name),
        value: None,
        problem: Some(problem),
        inside: Vec::new(),
    }
}
