//! What the tests of the reports share.

pub(crate) mod samples;
