//! Texts of answers without secrets.

use std::{fmt, sync::Arc};

use serde_json::Value;

/// A function that takes the secrets out of a text. The user of a CA knows them, and in which forms a peer may send them back.
#[derive(Clone)]
pub struct Mask(Arc<dyn Fn(&str) -> String + Send + Sync>);

impl Mask {
    /// A mask from a function.
    pub fn new(mask: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(mask))
    }

    /// Masks all texts in a value, but not the names of its fields.
    pub(super) fn apply(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = (self.0)(text),
            Value::Array(values) => values.iter_mut().for_each(|value| self.apply(value)),
            Value::Object(fields) => fields.values_mut().for_each(|value| self.apply(value)),
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

impl fmt::Debug for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Mask").finish_non_exhaustive()
    }
}
