//! A YAML document as a tree with positions, so that everything wrong with a file can be said at once.
//!
//! Deserialising straight into the model would stop at the first error.

mod fields;
mod parse;
mod scalar;
mod secrets;

pub use self::fields::{Fields, Problems, names};
pub use self::parse::parse;

use std::sync::Arc;

use crate::{Diagnostic, Place, Source};

/// Reads a text as one document, and makes `decode`'s value of it.
///
/// # Errors
/// All that is wrong with it, secrets masked.
pub fn decoded<T>(
    source: &Arc<Source>,
    decode: impl FnOnce(&Node, &Problems) -> T,
) -> Result<T, Vec<Diagnostic>> {
    let node = parse(source).map_err(|error| vec![error])?;
    let problems = Problems::default();
    let value = decode(&node, &problems);
    if problems.is_empty() { Ok(value) } else { Err(problems.of_file(&node)) }
}

/// A value and where it stands.
#[derive(Debug)]
pub struct Node {
    /// Where it stands.
    pub place: Place,
    /// What it is.
    pub value: Value,
}

/// What a value is.
#[derive(Debug)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// A scalar as text: `007` keeps its zeros, a password of digits its digits.
    Scalar {
        /// The text, without quotes.
        text: String,
        /// Whether it stands without quotes, so that `true` is a boolean.
        plain: bool,
    },
    /// A list.
    Sequence(Vec<Node>),
    /// A map, in the order of the file.
    Mapping(Vec<Entry>),
}

/// A key and its value.
#[derive(Debug)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// What the value is, for "expected …, found …".
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
        }
    }

    /// Calls `visit` with the value itself and with each one below it.
    fn walk(&self, visit: &mut impl FnMut(&Value)) {
        visit(&self.value);
        match &self.value {
            Value::Null | Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| item.walk(visit)),
            Value::Mapping(entries) => entries.iter().for_each(|entry| entry.value.walk(visit)),
        }
    }
}
