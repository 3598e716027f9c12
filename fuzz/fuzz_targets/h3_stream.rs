//! Any bytes and frames on a stream of HTTP/3. The result does not depend on how they are cut.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::h3::{Stream, run_stream};

fuzz_target!(|input: Stream| run_stream(&input));
