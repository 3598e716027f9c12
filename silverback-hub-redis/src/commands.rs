//! The connection for commands: requests go out as they come, and replies come back in the same order.

use std::collections::VecDeque;

use silverback_hub::EngineError;
use tokio::{
    sync::mpsc,
    time::{MissedTickBehavior, interval},
};

use crate::{
    link::{Link, LinkError, code},
    resp::{Value, command},
    settings::Settings,
    shared::{Answer, Request},
};

/// The connection for commands, with those that wait for a reply.
pub(crate) struct Commands {
    link: Link,
    life: u64,
    /// In the order of the replies. `None` for a ping.
    waiting: VecDeque<Option<Request>>,
}

impl Commands {
    pub(crate) fn new(link: Link, life: u64) -> Self {
        Self { link, life, waiting: VecDeque::new() }
    }

    /// Serves requests until the connection ends.
    pub(crate) async fn serve(&mut self, requests: &mut mpsc::Receiver<Request>, settings: &Settings) -> LinkError {
        let mut pings = interval(settings.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                value = self.link.next() => match value {
                    Ok(value) => if let Err(error) = self.answer(value) { return error },
                    Err(error) => return error,
                },
                request = requests.recv() => match request {
                    Some(request) => self.send(request),
                    // The engine was dropped.
                    None => return LinkError::Closed,
                },
                _ = pings.tick() => if self.link.unanswered() == 0 {
                    self.link.push(&command(["PING"]));
                    self.waiting.push_back(None);
                },
            }
        }
    }

    /// Waits for the replies to what was sent.
    pub(crate) async fn finish(&mut self) {
        while self.waiting.iter().any(Option::is_some) {
            let Ok(value) = self.link.next().await else { return };
            if self.answer(value).is_err() {
                return;
            }
        }
    }

    /// Ends the calls that wait. Nobody knows whether the server has run their commands.
    pub(crate) fn fail_all(&mut self) {
        for request in self.waiting.drain(..).flatten() {
            let _ = request.answer.send(Err(EngineError::TimedOut));
        }
    }

    fn send(&mut self, request: Request) {
        if request.answer.is_closed() {
            // The call was dropped before it was sent.
            return;
        }
        if request.life != self.life {
            let _ = request.answer.send(Err(EngineError::Down));
            return;
        }
        self.link.push(&request.command);
        self.waiting.push_back(Some(Request { command: Vec::new(), ..request }));
    }

    fn answer(&mut self, value: Value) -> Result<(), LinkError> {
        if matches!(value, Value::Push(_)) {
            // Nothing on this connection asks for any.
            return Ok(());
        }
        let Some(waiting) = self.waiting.pop_front() else { return Err(LinkError::Malformed) };
        let is_of_no_use = match &value {
            Value::Error(error) => ENDING.contains(&code(error).as_str()),
            _ => false,
        };
        if let Some(Request { answer, .. }) = waiting {
            reply(answer, value, is_of_no_use);
        }
        if is_of_no_use { Err(LinkError::Unfit("it is loading, a replica, or wants another login")) } else { Ok(()) }
    }
}

fn reply(answer: Answer<Value>, value: Value, is_of_no_use: bool) {
    let _ = answer.send(if is_of_no_use { Err(EngineError::Down) } else { Ok(value) });
}

/// Errors that say that the command was not run and that the next ones will not be either.
const ENDING: &[&str] = &["LOADING", "READONLY", "MASTERDOWN", "NOAUTH", "MOVED", "CLUSTERDOWN"];
