//! What the device shows of its certificates.

pub(crate) mod status;
pub(crate) mod text;
