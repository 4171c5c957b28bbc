//! The fuzz target `conversation`: see `bodies.rs`.
#![no_main]
#[allow(dead_code, reason = "each target uses a part of it")]
#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::conversation(data));
