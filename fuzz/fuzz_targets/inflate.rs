//! Any bytes as compressed messages: the same as zlib makes of them, or refused.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::inflate::{Input, run};

fuzz_target!(|input: Input| run(&input));
