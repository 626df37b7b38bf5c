//! A YAML document as a tree with positions, so that everything wrong with a file can be said at once.
//!
//! Deserialising straight into the model would stop at the first error.

mod expression;
mod fields;
mod parse;
mod scalar;
mod secrets;

pub(crate) use self::fields::{Fields, Problems, names};
pub(crate) use self::parse::parse;

use crate::diagnostic::Place;

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) place: Place,
    pub(crate) value: Value,
}

/// What a value is.
#[derive(Debug)]
pub(crate) enum Value {
    /// Nothing, or `null`.
    Null,
    /// A scalar as text: `007` keeps its zeros, a password of digits its digits.
    Scalar {
        text: String,
        /// Whether it stands without quotes, so that `true` is a boolean.
        plain: bool,
    },
    Sequence(Vec<Node>),
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) key: String,
    pub(crate) key_place: Place,
    pub(crate) value: Node,
}

impl Node {
    /// What the value is, for "expected …, found …".
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
        }
    }

    /// Calls `visit` with the texts of all scalars below, the keys of maps left out.
    pub(crate) fn scalars<'a>(&'a self, visit: &mut impl FnMut(&'a str)) {
        match &self.value {
            Value::Null => {}
            Value::Scalar { text, .. } => visit(text),
            Value::Sequence(items) => items.iter().for_each(|item| item.scalars(visit)),
            Value::Mapping(entries) => entries.iter().for_each(|entry| entry.value.scalars(visit)),
        }
    }
}
