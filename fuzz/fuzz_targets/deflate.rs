//! Any messages through the compressor: a peer and zlib get them back.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::deflate::{Input, run};

fuzz_target!(|input: Input| run(&input));
