//! Any bytes as a field section of HTTP/3. Another implementation reads the same, and a message that is read can be sent.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::h3::run_section;

fuzz_target!(|wire: &[u8]| run_section(wire));
