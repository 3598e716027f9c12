//! The hub as a server: topics over WebSockets, for clients of Centrifugo and for raw ones, with an HTTP API.

pub(crate) mod args;
mod config;
mod engine;
mod plan;
mod raw;
mod site;

use std::{env, ffi::OsString, path::Path, sync::Arc, time::Duration};

use tokio::runtime;

use self::{
    args::{ConfigTask, HubArgs, HubTask, Options},
    config::{Config, check::warnings, print::print},
    plan::HubPlan,
    site::HubSite,
};
use crate::{
    error::{self, Error},
    serving::{self, Threads, plan::Plan},
    signals::Signals,
    standard_output,
};

/// Runs the hub, or one of the commands about its configuration.
pub(crate) fn run(args: HubArgs) -> Result<(), Error> {
    match args.task {
        None => serve(&load(args.options)?),
        Some(HubTask::Config { action: ConfigTask::Check { file } }) => check(&file),
        Some(HubTask::Config { action: ConfigTask::Print(options) }) => {
            standard_output::print(print(&load(*options)?).as_bytes())
        }
    }
}

fn load(options: Options) -> Result<Config, Error> {
    let words: Vec<OsString> = env::args_os().collect();
    Config::load(options.config.clone().as_deref(), options.given(&words))
}

/// Checks a file, and the files that it names.
fn check(file: &Path) -> Result<(), Error> {
    let mut config = Config::read(file)?;
    config.is_checked_only = true;
    plan::validate_certificate(&config, &plan::server(&config)?)?;
    HubPlan::resolve(&config)?;
    report_warnings(&config);
    standard_output::print(format!("{} is valid\n", file.display()).as_bytes())
}

fn report_warnings(config: &Config) {
    warnings(config).iter().for_each(|warning| error::report(&format_args!("warning: {warning}")));
}

/// Serves until a signal arrives, and then closes every connection.
fn serve(config: &Config) -> Result<(), Error> {
    let signals = Signals::catch()?;
    let settings = plan::server(config)?;
    let hub_plan = HubPlan::resolve(config)?;
    report_warnings(config);
    let patience = settings.drain + settings.close_timeout + LAST_WORDS;
    let plan = Plan::resolve(settings, || signals.end_in_order(patience))?;
    serving::begin(&plan, &signals)?;
    // The tasks of the hub write to all connections, so all threads share them.
    let built = runtime::Builder::new_multi_thread().worker_threads(hub_plan.threads.get()).enable_all().build();
    let runtime = built.map_err(|error| Error::System(format!("cannot start the runtime: {error}")))?;
    let engine = engine::kind(&hub_plan.engine);
    let server = runtime.block_on(hub_plan.start())?;
    let hub = server.hub().clone();
    let announcement = announcement(&plan);
    let announce = || {
        // A reader that has gone is not an error.
        let _ = standard_output::print(announcement.as_bytes());
    };
    let site = Arc::new(HubSite { server, engine });
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
             services call {http}://{authority}/api/METHOD"
        )
    };
    plan.announcement("is a hub for WebSockets", of_authority, "/connection/websocket")
}

/// The time to tell the engine that the members have left, and for the last packets.
const LAST_WORDS: Duration = Duration::from_secs(13);
