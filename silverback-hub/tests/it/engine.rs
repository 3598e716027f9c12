//! The suite that every engine must pass, with the memory engine. Its clock is not paused.

use silverback_hub::Memory;
use silverback_hub_testkit::Nodes;

async fn memory() -> Option<impl Nodes> {
    let memory = Memory::new();
    Some(move || std::future::ready(memory.clone()))
}

silverback_hub_testkit::engine_suite!(memory);
