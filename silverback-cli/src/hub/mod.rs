//! The hub as a server: topics over WebSockets, for clients of Centrifugo and for raw ones, with an HTTP API.

pub(crate) mod args;
mod plan;
mod raw;
mod site;

use std::{sync::Arc, time::Duration};

use tokio::runtime;

use self::{args::Args, plan::HubPlan, site::HubSite};
use crate::{
    error::Error,
    serving::{
        self, Threads,
        plan::{Plan, default_threads},
    },
    signals::Signals,
    standard_output,
};

/// Serves until a signal arrives, and then closes every connection.
pub(crate) fn run(args: Args) -> Result<(), Error> {
    let signals = Signals::catch()?;
    let threads = args.threads.unwrap_or_else(default_threads);
    let hub_plan = HubPlan::resolve(args)?;
    let patience = hub_plan.settings.drain + hub_plan.settings.close_timeout + LAST_WORDS;
    let plan = Plan::resolve(hub_plan.settings, || signals.end_in_order(patience))?;
    serving::begin(&plan, &signals)?;
    // The tasks of the hub write to all connections, so all threads share them.
    let built = runtime::Builder::new_multi_thread().worker_threads(threads.get()).enable_all().build();
    let runtime = built.map_err(|error| Error::System(format!("cannot start the runtime: {error}")))?;
    let server = runtime.block_on(plan::start(hub_plan.hub, plan.is_public()))?;
    let hub = server.hub().clone();
    let announcement = announcement(&plan);
    let announce = || {
        // A reader that has gone is not an error.
        let _ = standard_output::print(announcement.as_bytes());
    };
    let site = Arc::new(HubSite { server });
    serving::run(plan, site, &runtime, &Threads::Shared, announce, signals)?;
    // All members have left. The engine, and so the other nodes, must know it too.
    runtime.block_on(hub.drain(Duration::ZERO));
    Ok(())
}

/// The first lines of output: where to connect.
fn announcement(plan: &Plan) -> String {
    let of_authority = |http: &str, ws: &str, authority: &str| {
        format!(
            "Clients connect to {ws}://{authority}/connection/websocket or {ws}://{authority}/ws/topic/NAME, \
             services call {http}://{authority}/api/METHOD\n"
        )
    };
    let lines = plan.announcement(of_authority, "/connection/websocket");
    format!("silverback {} is a hub for WebSockets.\n{lines}", env!("CARGO_PKG_VERSION"))
}

/// The time to tell the engine that the members have left, and for the last packets.
const LAST_WORDS: Duration = Duration::from_secs(13);
