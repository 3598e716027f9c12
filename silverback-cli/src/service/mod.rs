//! The echo service from its first line of output to its last connection.

pub(crate) mod args;
mod echo;
mod excerpt;
pub(crate) mod page;
mod page_sockets;
mod plan;
mod printer;
mod site;

use std::{sync::Arc, time::Duration};

use silverback::CloseCode;

use self::{args::Args, printer::Printer, site::EchoSite};
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
    let patience = args.drain + args.close_timeout + LAST_LINES;
    // Lines of two kinds in one stream would be hard to read for programs.
    let is_quiet = args.quiet || args.operators.log_format.is_some();
    let (is_quiet, threads) = (is_quiet, args.threads.unwrap_or_else(default_threads));
    // During name lookups there is nothing to shut down, so a signal may end the program at once.
    let plan = Plan::resolve(plan::settings(args)?, || signals.end_in_order(patience))?;
    let (printer, printing) = Printer::start(standard_output::unbuffered(), is_quiet)?;
    serving::begin(&plan, &signals)?;
    // Without a window the service has ended before a client comes back, and a person has probably stopped it.
    let goodbye = if plan.drain.is_zero() { CloseCode::GOING_AWAY } else { CloseCode::SERVICE_RESTART };
    let site = Arc::new(EchoSite { printer, page_sockets: Arc::default(), goodbye });
    let announcement = announcement(&plan);
    let announce = || printing.announce(announcement);
    let runtime = serving::new_runtime()?;
    serving::run(plan, site, &runtime, &Threads::Apart(threads), announce, signals)?;
    drop(runtime);
    printing.finish();
    Ok(())
}

/// The first lines of output: where to connect.
fn announcement(plan: &Plan) -> String {
    let of_authority = |http: &str, ws: &str, authority: &str| {
        format!("Open {http}://{authority}/ in a browser, or connect to {ws}://{authority}/ws/echo")
    };
    plan.announcement("echoes WebSocket messages", of_authority, "/ws/echo")
}

/// The time to print the last lines after every connection is closed.
const LAST_LINES: Duration = Duration::from_secs(3);
