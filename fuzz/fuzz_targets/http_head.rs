//! `cargo fuzz run http_head`: see `fuzz::http_head`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::http_head(data));
