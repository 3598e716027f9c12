//! Any actions of a network and an application on a server's connection.
#![no_main]

use libfuzzer_sys::fuzz_target;
use silverback_fuzz::twins::{Conversation, run};
use silverback_proto::Role;

fuzz_target!(|conversation: Conversation| run(Role::Server, &conversation));
