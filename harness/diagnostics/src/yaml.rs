//! A YAML document as a tree with places, so that all mistakes in a file can be reported at once.
//!
//! Deserialising into the model would stop at the first mistake.

mod advice;
mod fields;
mod parse;
mod pattern;
mod scalar;
mod secrets;

pub use self::advice::odd_blank;
pub use self::fields::{Fields, Keys, Problems, names};
pub use self::parse::{first_keys, parse};
pub use self::pattern::PatternError;
pub use self::secrets::{PossibleSecrets, SecretSource};

use std::sync::Arc;

use crate::{Diagnostic, Place, Source};

/// Reads a text as one document, and decodes it.
///
/// # Errors
/// All mistakes in it, with secrets masked.
pub fn decoded<T>(
    source: &Arc<Source>,
    decode: impl FnOnce(&Node, &Problems) -> T,
) -> Result<T, Vec<Diagnostic>> {
    let node = parse(source).map_err(|error| vec![error])?;
    let problems = Problems::default();
    let value = decode(&node, &problems);
    if problems.is_empty() { Ok(value) } else { Err(problems.of_file(&node)) }
}

/// What may be a secret in a text, whatever mistakes it has.
pub fn possible_secrets(source: &Source, parsed: Option<&Node>) -> PossibleSecrets {
    match parsed {
        Some(file) => PossibleSecrets::of(file),
        None => PossibleSecrets::of_unparsed(source.text()),
    }
}

/// A value and its place.
#[derive(Debug)]
pub struct Node {
    /// Place.
    pub place: Place,
    /// Value.
    pub value: Value,
}

/// A value of any kind.
#[derive(Debug)]
pub enum Value {
    /// Nothing, or `null`.
    Null,
    /// A scalar as text, so that `007` keeps its zeros and so does a password of digits.
    Scalar {
        /// The text, without quotes.
        text: String,
        /// True if it has no quotes, so that `true` is a boolean.
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
    /// Place of the key.
    pub key_place: Place,
    /// The value.
    pub value: Node,
}

impl Node {
    /// Description of the kind, for "expected …, found …".
    pub fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Scalar { .. } => "a single value",
            Value::Sequence(_) => "a list",
            Value::Mapping(_) => "a map",
        }
    }

    /// Calls `visit` with this value and all values below it.
    fn walk(&self, visit: &mut impl FnMut(&Value)) {
        visit(&self.value);
        match &self.value {
            Value::Null | Value::Scalar { .. } => {}
            Value::Sequence(items) => items.iter().for_each(|item| item.walk(visit)),
            Value::Mapping(entries) => entries.iter().for_each(|entry| entry.value.walk(visit)),
        }
    }
}
