//! `cargo fuzz run server_open`: see `fuzz::server_open`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::server_open(data));
