//! What the device shows of its certificates.

pub(crate) mod text;
