//! Any messages of a client of the Centrifugo protocol, in both encodings.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| silverback_fuzz::centrifugo::run(data));
