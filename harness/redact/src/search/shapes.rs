//! A view in the shapes in which it is searched.

use crate::view::{Origin, View};

/// A view, and what is made of it for each kind of needle.
pub(super) struct Shapes<O = (usize, usize)> {
    pub(super) view: View<O>,
    /// Without blanks and what is not seen.
    pub(super) squeezed: View<O>,
    /// The same with the usual digits of base64.
    pub(super) base64: View<O>,
    /// The same in hexadecimal digits.
    pub(super) hexadecimal: View<O>,
}

impl<O: Origin> Shapes<O> {
    pub(super) fn of(view: View<O>) -> Self {
        let squeezed = view.squeezed();
        let (base64, hexadecimal) = (base64_digits(&squeezed), hexadecimal_digits(&squeezed));
        Self { view, squeezed, base64, hexadecimal }
    }
}

/// The digits of base64; those of its variant for URLs become the usual ones.
fn base64_digits<O: Origin>(view: &View<O>) -> View<O> {
    view.mapped(|byte, _| {
        Some(match byte {
            b'-' => b'+',
            b'_' => b'/',
            other => other,
        })
    })
}

/// Hexadecimal digits in lower case without what separates bytes: `0x`, colons, commas. Anything else ends a number.
fn hexadecimal_digits<O: Origin>(view: &View<O>) -> View<O> {
    view.mapped(|byte, before| match byte {
        b':' | b',' | b'-' | b'.' | b';' => None,
        b'x' | b'X' if before.bytes.last() == Some(&b'0') => {
            before.pop();
            None
        }
        digit if digit.is_ascii_hexdigit() => Some(digit.to_ascii_lowercase()),
        _ => Some(0),
    })
}
