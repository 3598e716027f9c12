//! Any messages through the compressor. A peer and zlib read the original messages.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::deflate::{Input, run};

fuzz_target!(|input: Input| run(&input));
