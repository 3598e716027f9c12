//! A connection of the tokio layer on an in-memory pipe. An application, its peer, the transport and the clock act in
//! any order. No frame is cut off, no message is lost, doubled or out of order, and nothing follows a Close frame. At
//! the end the transport works normally, and everything finishes without waiting for a deadline.

mod app;
mod ending;
mod inbox;
mod op;
mod peer;
mod transport;

use arbitrary::Arbitrary;
use silverback::{Config, Conn, Role, Settings};
use silverback_testkit::pipe::pipe;
use tokio::runtime::Builder;

use self::{app::App, ending::Ending, op::Op, peer::Peer, transport::Transport};
use crate::{agreement::Agreement, data::Len};

/// A connection and the operations on it.
#[derive(Arbitrary, Debug)]
pub struct Scenario {
    agreement: Agreement,
    is_client: bool,
    has_small_buffers: bool,
    max_queued_output: Len,
    transport: Transport,
    ops: Vec<Op>,
    ending: Ending,
}

/// Runs a scenario. The clock moves only if the scenario moves it.
pub fn run(scenario: &Scenario) {
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let mut stage = Stage::new(scenario);
        for op in scenario.ops.iter().take(MOST_OPS) {
            stage.play(op).await;
        }
        stage.finish(scenario.ending).await;
    });
}

/// All parties of a scenario.
struct Stage {
    app: App,
    peer: Peer,
    log: Log,
}

/// Events after which the checks expect something else from the connection.
#[derive(Debug, Default)]
struct Log {
    /// One side has started to close.
    is_closing: bool,
    /// The transport failed, the peer sent garbage, or a deadline may have expired: any message may be lost.
    is_broken: bool,
    /// Milliseconds passed.
    passed: u64,
}

impl Log {
    /// Whether the connection must still be open.
    fn is_untroubled(&self) -> bool {
        !self.is_closing && !self.is_broken
    }
}

impl Stage {
    fn new(scenario: &Scenario) -> Self {
        let role = if scenario.is_client { Role::Client } else { Role::Server };
        let config = Config::default().max_queued_output(scenario.max_queued_output.get());
        let mut settings = Settings::default().config(scenario.agreement.config(config));
        if scenario.has_small_buffers {
            settings = settings.read_buffer_size(256).write_buffer_size(256);
        }
        let (pipe, remote) = pipe();
        scenario.transport.apply_to(&remote);
        let conn = Conn::from_handshake(pipe, role, scenario.agreement.negotiated(), [], &settings);
        let peer = Peer::new(role.peer(), &scenario.agreement, remote);
        Self { app: App::new(conn), peer, log: Log::default() }
    }
}

/// Runs every task that can make progress, without moving the clock.
async fn turn() {
    for _ in 0..4 {
        tokio::task::yield_now().await;
    }
}

const MOST_OPS: usize = 100;
