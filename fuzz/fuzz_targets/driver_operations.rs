//! Any actions of an application, its peer, the transport and the clock on a connection of the tokio layer.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::driver::{Scenario, run};

fuzz_target!(|scenario: Scenario| run(&scenario));
