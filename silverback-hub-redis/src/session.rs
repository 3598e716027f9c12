//! The task of an engine: it connects, serves both connections until one ends, and begins again.
//!
//! ```text
//! connecting --both logged in--> subscribing --all confirmed--> up --one ends--> down --a wait--> connecting
//! ```
//! Only between `up` and `down` do calls reach the server. In all other states they fail at once.

use std::{sync::Arc, time::Duration};

use redis::{aio::MultiplexedConnection, cmd};
use silverback_hub::{EngineEvent, Events};
use tokio::{
    sync::{Notify, mpsc},
    time::{sleep, timeout},
};

use crate::{
    link::{Link, LinkError, Server},
    listener::{Listener, Subscriptions},
    settings::{FIRST_WAIT, LONGEST_WAIT, Settings},
    shared::{Current, Order, Shared},
    target::Target,
    tls::Tls,
    watched::Heard,
};

pub(crate) struct Session {
    pub(crate) target: Target,
    pub(crate) tls: Tls,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) orders: mpsc::Receiver<Order>,
    pub(crate) events: Events,
}

impl Session {
    /// Runs until the engine is dropped.
    pub(crate) async fn run(mut self) {
        let mut subscriptions = Subscriptions::default();
        let (mut wait, mut last) = (FIRST_WAIT, None);
        loop {
            let connecting = connect(&self.target, &self.tls, &self.settings);
            let orders = &mut self.orders;
            let Some(connected) =
                fail_during(connecting, orders, &mut subscriptions, &self.shared, &self.settings).await
            else {
                return;
            };
            let error = match connected {
                Err(error) => error,
                Ok(links) => {
                    let (error, was_up) = self.serve(links, &mut subscriptions).await;
                    if self.orders.is_closed() {
                        // The engine was dropped.
                        return;
                    }
                    if was_up {
                        (wait, last) = (FIRST_WAIT, None);
                    }
                    error
                }
            };
            // Once for each reason, and not at each attempt.
            let reason = error.to_string();
            if last.as_ref() != Some(&reason) {
                tracing::warn!(name: "connection_failed", target: "silverback::hub::redis", server = %self.target, reason, "no connection to Redis; trying again");
                last = Some(reason);
            }
            let (waiting, orders) = (sleep(jittered(wait)), &mut self.orders);
            let waited = fail_during(waiting, orders, &mut subscriptions, &self.shared, &self.settings).await;
            if waited.is_none() {
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Serves two connections until one ends, and says why, and whether the engine was up.
    async fn serve(&mut self, links: (Link, Link, Server), subscriptions: &mut Subscriptions) -> (LinkError, bool) {
        let (Link { connection, driver: mut commands, heard, .. }, listener, server) = links;
        let Self { settings, shared, orders, events, .. } = self;
        let is_of_no_use = Arc::new(Notify::new());
        let pings = ping(connection.clone(), heard, settings);
        let current = Current { connection, server, is_of_no_use: is_of_no_use.clone() };
        let mut listener = Listener::new(listener, subscriptions, shared, settings, current);
        let (error, is_listener) = tokio::select! {
            () = &mut commands => (LinkError::Closed, false),
            error = pings => (error, false),
            () = is_of_no_use.notified() => (LinkError::Unfit("it is loading, a replica, or wants another login"), false),
            error = listener.serve(orders, events) => (error, true),
        };
        shared.set_current(None);
        let was_up = listener.end();
        if is_listener {
            // Redis cuts a listener that reads too slowly. The other connection still gets its replies. It ends when the
            // last call has its own.
            let _ = timeout(FINISH, commands).await;
        }
        if was_up {
            events.send(EngineEvent::Down).await;
        }
        (error, was_up)
    }
}

/// Waits for something, and fails the calls that come meanwhile. Returns `None` if the engine was dropped.
async fn fail_during<T>(
    waiting: impl Future<Output = T>,
    orders: &mut mpsc::Receiver<Order>,
    subscriptions: &mut Subscriptions,
    shared: &Shared,
    settings: &Settings,
) -> Option<T> {
    tokio::pin!(waiting);
    loop {
        tokio::select! {
            output = &mut waiting => return Some(output),
            order = orders.recv() => subscriptions.change_while_down(order?, shared, settings),
        }
    }
}

/// Makes both connections and looks at the server.
async fn connect(target: &Target, tls: &Tls, settings: &Settings) -> Result<(Link, Link, Server), LinkError> {
    let dial = || Link::dial(target, tls, settings);
    let (mut commands, listener) = tokio::try_join!(dial(), dial())?;
    let server = timeout(settings.connect_timeout, commands.inspect()).await.unwrap_or(Err(LinkError::Silent))?;
    Ok((commands, listener, server))
}

/// Asks whether the server is there, again and again, until it is silent.
async fn ping(mut connection: MultiplexedConnection, heard: Heard, settings: &Settings) -> LinkError {
    loop {
        sleep(settings.ping).await;
        heard.note();
        let command = cmd("PING");
        tokio::select! {
            // An answer that is there counts more than the clock.
            biased;
            answered = command.query_async::<()>(&mut connection) => if let Err(error) = answered {
                return error.into();
            },
            () = heard.silence(settings.silence) => return LinkError::Silent,
        }
    }
}

/// Between half and all of it, so that many nodes do not come at the same moment.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    wait.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

/// How long replies are waited for on a connection that is given up.
const FINISH: Duration = Duration::from_secs(1);
