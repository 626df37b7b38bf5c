//! `cargo fuzz run client_reply`: see `fuzz::client_reply`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| fuzz::client_reply(data));
