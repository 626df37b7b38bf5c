//! Shared by the tests of reports.

mod hostile;
pub(crate) mod samples;
