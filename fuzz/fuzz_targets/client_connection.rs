//! What a network and an application can do to a client's connection.
#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;
use silverback_proto::Role;
use support::{Op, run};

fuzz_target!(|ops: Vec<Op>| run(Role::Client, ops));
