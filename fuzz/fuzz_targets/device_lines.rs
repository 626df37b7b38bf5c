//! `cargo fuzz run device_lines`: see `fuzz::device_lines`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::device_lines(data));
