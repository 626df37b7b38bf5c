//! Shared by the tests of reports.

pub(crate) mod samples;
