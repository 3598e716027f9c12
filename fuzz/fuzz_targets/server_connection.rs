//! What a network and an application can do to a server's connection.
#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;
use silverback_proto::Role;
use support::{Op, run};

fuzz_target!(|ops: Vec<Op>| run(Role::Server, ops));
