//! Where a byte of a view was read from.

/// What is kept of the place of a byte in its text.
pub(crate) trait Origin: Copy + Default {
    /// From one byte of the text up to another.
    fn of(start: usize, end: usize) -> Self;

    /// From the start of the first up to the end of the last, which may be before it.
    fn joined(first: Self, last: Self) -> Self;
}

/// The range of the text.
impl Origin for (usize, usize) {
    fn of(start: usize, end: usize) -> Self {
        (start, end)
    }

    fn joined(first: Self, last: Self) -> Self {
        (first.0, last.1.max(first.0))
    }
}

/// Nothing.
impl Origin for () {
    fn of(_: usize, _: usize) {}

    fn joined((): Self, (): Self) {}
}
