//! What a reader of one form says about bytes.

use crate::item::Content;

/// What a reader of one form says about bytes.
#[derive(Debug)]
pub(super) enum Reading {
    /// They are not in this form.
    No,
    /// They look like this form, but nothing can be made of them: the form, and the reason.
    But(String),
    /// They are this form and no other, and nothing can be made of them: the form, and the reason.
    Stop(String),
    /// What is inside.
    Parts(Vec<Part>),
}

/// Something inside bytes of a known form.
#[derive(Debug)]
pub(super) struct Part {
    /// The forms, outermost first.
    pub(super) forms: Vec<String>,
    /// The place in the bytes, such as `line 3`; none if it is the whole.
    pub(super) place: Option<String>,
    pub(super) inside: Inside,
}

/// The inside of a form.
#[expect(clippy::large_enum_variant, reason = "there are few, and each is moved once or twice")]
#[derive(Debug)]
pub(super) enum Inside {
    /// Bytes that have a form of their own.
    Encoded(Vec<u8>),
    /// What was looked for.
    Found(Content),
}

impl Part {
    pub(super) fn encoded(form: impl Into<String>, bytes: Vec<u8>) -> Self {
        Self { forms: vec![form.into()], place: None, inside: Inside::Encoded(bytes) }
    }

    pub(super) fn found(form: impl Into<String>, content: Content) -> Self {
        Self { forms: vec![form.into()], place: None, inside: Inside::Found(content) }
    }

    /// How many bytes were decoded for it.
    pub(super) fn size(&self) -> usize {
        match &self.inside {
            Inside::Encoded(bytes) => bytes.len(),
            Inside::Found(_) => 0,
        }
    }

    pub(super) fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }
}

impl Reading {
    /// The parts, or that there are none.
    pub(super) fn of(parts: Vec<Part>) -> Self {
        if parts.is_empty() { Self::No } else { Self::Parts(parts) }
    }
}
