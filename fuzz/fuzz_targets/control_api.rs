//! `cargo fuzz run control_api`: see `fuzz::control_api`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::control_api(data));
