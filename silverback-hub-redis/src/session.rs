//! The task of an engine: it connects, serves both connections until one ends, and begins again.
//!
//! ```text
//! connecting --both logged in--> subscribing --all confirmed--> up --one ends--> down --a wait--> connecting
//! ```
//! Only between `up` and `down` do calls reach the server. In all other states they fail at once.

use std::{sync::Arc, time::Duration};

use silverback_hub::{EngineError, EngineEvent, Events};
use tokio::{
    sync::mpsc,
    time::{sleep, timeout},
};

use crate::{
    commands::Commands,
    link::{Link, LinkError, Server},
    listener::{Listener, Subscriptions},
    settings::{FIRST_WAIT, LONGEST_WAIT, Settings},
    shared::{Current, Order, Request, Shared},
    tls::Tls,
    url::Target,
};

pub(crate) struct Session {
    pub(crate) target: Target,
    pub(crate) tls: Tls,
    pub(crate) settings: Settings,
    pub(crate) shared: Arc<Shared>,
    pub(crate) calls: Calls,
    pub(crate) events: Events,
}

/// The calls of the engine, on their way to the task.
pub(crate) struct Calls {
    pub(crate) requests: mpsc::Receiver<Request>,
    pub(crate) orders: mpsc::Receiver<Order>,
}

impl Session {
    /// Runs until the engine is dropped.
    pub(crate) async fn run(mut self) {
        let mut subscriptions = Subscriptions::default();
        let (mut life, mut wait, mut last) = (0, FIRST_WAIT, None);
        loop {
            let connecting = connect(&self.target, &self.tls, &self.settings);
            let calls = &mut self.calls;
            let Some(connected) = calls.fail_during(connecting, &mut subscriptions, &self.shared, &self.settings).await
            else {
                return;
            };
            let error = match connected {
                Err(error) => error,
                Ok(links) => {
                    life += 1;
                    let (error, was_up) = self.serve(links, life, &mut subscriptions).await;
                    if self.calls.requests.is_closed() {
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
                tracing::warn!(server = %self.target, reason, "no connection to Redis; trying again");
                last = Some(reason);
            }
            let waiting = sleep(jittered(wait));
            let waited = self.calls.fail_during(waiting, &mut subscriptions, &self.shared, &self.settings).await;
            if waited.is_none() {
                return;
            }
            wait = (wait * 2).min(LONGEST_WAIT);
        }
    }

    /// Serves two connections until one ends, and says why, and whether the engine was up.
    async fn serve(
        &mut self,
        links: (Link, Link, Server),
        life: u64,
        subscriptions: &mut Subscriptions,
    ) -> (LinkError, bool) {
        let (commands, listener, server) = links;
        let Self { settings, shared, calls: Calls { requests, orders }, events, .. } = self;
        let mut commands = Commands::new(commands, life);
        let current = Current { number: life, server };
        let mut listener = Listener::new(listener, subscriptions, shared, settings, current);
        let (error, is_listener) = tokio::select! {
            error = commands.serve(requests, settings) => (error, false),
            error = listener.serve(orders, events) => (error, true),
        };
        shared.set_current(None);
        if is_listener {
            // Redis cuts a listener that reads too slowly. The other connection still gets its replies.
            let _ = timeout(FINISH, commands.finish()).await;
        }
        commands.fail_all();
        listener.fail_all();
        let was_up = listener.was_ready();
        if was_up {
            events.send(EngineEvent::Down).await;
        }
        (error, was_up)
    }
}

impl Calls {
    /// Waits for something, and fails the calls that come meanwhile. Returns `None` if the engine was dropped.
    async fn fail_during<T>(
        &mut self,
        waiting: impl Future<Output = T>,
        subscriptions: &mut Subscriptions,
        shared: &Shared,
        settings: &Settings,
    ) -> Option<T> {
        tokio::pin!(waiting);
        loop {
            tokio::select! {
                output = &mut waiting => return Some(output),
                request = self.requests.recv() => {
                    let _ = request?.answer.send(Err(EngineError::Down));
                }
                order = self.orders.recv() => subscriptions.change_while_down(order?, shared, settings),
            }
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

/// Between half and all of it, so that many nodes do not come at the same moment.
fn jittered(wait: Duration) -> Duration {
    let random = getrandom::u32().unwrap_or(u32::MAX);
    wait.mul_f64(0.5 + 0.5 * f64::from(random) / f64::from(u32::MAX))
}

/// How long replies are waited for on a connection that is given up.
const FINISH: Duration = Duration::from_secs(1);
