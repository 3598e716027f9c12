//! The tests that every engine must pass, on the server of the machine and on a newer one.

use silverback_hub_nats::Nats;
use silverback_hub_testkit::Nodes;
use silverback_testkit::broker::{Broker, nats};

mod old {
    silverback_hub_testkit::engine_suite!(super::installed);
}

mod new {
    silverback_hub_testkit::engine_suite!(super::newer);
}

async fn installed() -> Option<impl Nodes> {
    nats::Nats::installed().map(nodes)
}

async fn newer() -> Option<impl Nodes> {
    nats::Nats::new_enough_for_lifetimes().map(nodes)
}

fn nodes(nats: nats::Nats) -> impl Nodes {
    let broker = Broker::start(nats);
    move || {
        let url = broker.url();
        async move { Nats::connect(&url).await.expect("valid settings") }
    }
}
