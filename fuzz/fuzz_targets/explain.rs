//! `cargo fuzz run explain`: see `fuzz::explain`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::explain(data));
