//! The annotated tree of a structure: every element with its offset, and with its name in the standard.
//!
//! The tree is of the bytes as they came, in BER or DER, whole or not: where they stop being what they should be is a problem of that
//! element, and what can be read after it is read.

mod shape;
mod value;
mod walk;

pub(crate) use self::shape::{
    CERTIFICATE, CERTIFICATE_LIST, CERTIFICATION_REQUEST, CONTENT_INFO, ISSUER_AND_SERIAL,
    ISSUER_AND_SUBJECT, Member, guess,
};
pub(crate) use self::value::{name as oid_name, type_name};
pub(crate) use self::walk::{Header, header, tree};

use serde::Serialize;

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Node {
    /// Offset of its first byte.
    pub offset: usize,
    /// Length of tag and length.
    pub header: usize,
    /// Length of its content; `None` if it is indefinite.
    pub length: Option<usize>,
    /// Its type, such as `SEQUENCE` or `[0]`.
    pub tag: String,
    /// Its name in the standard, if it has one here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'static str>,
    /// Its value, or the beginning of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// What is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The elements in it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inside: Vec<Node>,
}

/// The place at which a structure stops being what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    /// The names of the elements around it, outermost first.
    pub(crate) path: Vec<String>,
    /// Offset of the element.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) problem: String,
}

impl Node {
    /// Rewrites every text that may have words of a peer.
    pub(crate) fn rewrite(&mut self, new: &dyn Fn(&str) -> String) {
        let texts = self.value.iter_mut().chain(&mut self.problem);
        texts.for_each(|text| *text = new(text));
        self.inside.iter_mut().for_each(|inside| inside.rewrite(new));
    }

    /// The first problem: the deepest one on the way to the first byte that is wrong.
    pub(crate) fn first_problem(&self) -> Option<Place> {
        let mut place = self.inside.iter().find_map(Self::first_problem).or_else(|| {
            let problem = self.problem.clone()?;
            Some(Place { path: Vec::new(), offset: self.offset, problem })
        })?;
        place.path.insert(0, self.name.map_or_else(|| self.tag.clone(), str::to_owned));
        Some(place)
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "at byte {}, in {}: {}", self.offset, joined(&self.path), self.problem)
    }
}

/// The names with dots between them. One that is inside itself many times is written once.
fn joined(path: &[String]) -> String {
    const MANY: usize = 4;
    let same = path.chunk_by(|outer, inner| outer == inner);
    let named = same.map(|names| match names {
        [name, ..] if names.len() >= MANY => format!("{name} ({} times)", names.len()),
        names => names.join("."),
    });
    named.collect::<Vec<_>>().join(".")
}
