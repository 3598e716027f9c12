//! Any bytes as compressed messages. zlib gives the same result, or both refuse.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::inflate::{Input, run};

fuzz_target!(|input: Input| run(&input));
