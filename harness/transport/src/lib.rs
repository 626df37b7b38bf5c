//! The client's end of HTTP over a stream that is already connected, within bounds of time and size.
#![forbid(unsafe_code)]

pub mod http;
