//! `cargo fuzz run explain_input`: see `fuzz::explain_input`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::explain_input(data));
