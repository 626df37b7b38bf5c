//! The reason why a lab could not be built, or broke.

use std::fmt;

use serde::{Serialize, Serializer};

/// The reason why a lab could not be built, or broke; in JSON it is a text, that of its `Display`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Breakage {
    /// The number of the step at which it broke; `None` if it broke before the first step.
    pub step: Option<usize>,
    /// The part that broke, such as "`ca`: the PKI broke", if the reason does not name it.
    pub part: Option<String>,
    /// The reason.
    pub reason: String,
    /// True if the step sent nothing, because the server did not serve any more before it.
    pub is_untried: bool,
    /// True if the reason is that of the end of the run, which is told once.
    pub ends_run: bool,
}

impl Breakage {
    /// A reason outside of any step.
    pub fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), ..Self::default() }
    }

    /// The part and the reason, without the number of the step.
    pub fn without_step(&self) -> String {
        Self { step: None, ..self.clone() }.to_string()
    }
}

impl From<String> for Breakage {
    fn from(reason: String) -> Self {
        Self::new(reason)
    }
}

impl fmt::Display for Breakage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.step.iter().try_for_each(|number| write!(f, "step {number}: "))?;
        self.part.iter().try_for_each(|part| write!(f, "{part}: "))?;
        f.write_str(&self.reason)
    }
}

impl Serialize for Breakage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
