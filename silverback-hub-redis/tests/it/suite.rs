//! The suite that every engine must pass.

use silverback_hub_redis::Redis;
use silverback_hub_testkit::Nodes;

use crate::support::Server;

async fn redis() -> Option<impl Nodes> {
    let server = Server::start()?;
    let url = server.broker.url();
    Some(move || {
        let (_server, url) = (&server, url.clone());
        async move { Redis::connect(&url).await.unwrap() }
    })
}

silverback_hub_testkit::engine_suite!(redis);
