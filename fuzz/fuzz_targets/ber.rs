//! `cargo fuzz run ber`: see `fuzz::ber`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::ber(data));
