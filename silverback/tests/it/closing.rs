//! The closing handshake (RFC 6455, 5.5.1 and 7): one Close from each side, nothing after it, within the close timeout.

mod a_fault;
mod by_a_sink;
mod started_by_the_peer;
mod started_by_us;
mod the_transport;

use silverback::{Error, Reader, Writer};
use silverback_testkit::pipe::{Plan, Remote};
use tokio::task::JoinHandle;

use crate::support::{server_config, settle};

/// A message that fills the queue behind a transport that takes nothing, and a writer that waits for room.
async fn writer_that_waits_for_room() -> (Writer, Reader, Remote, JoinHandle<Result<(), Error>>) {
    let (conn, remote) = server_config(|config| config.max_queued_output(10));
    remote.plan_writes(Plan::new().stall());
    let (writer, reader) = conn.split();
    writer.write_message("x".repeat(20)).await.unwrap();
    let waiting = tokio::spawn({
        let writer = writer.clone();
        async move { writer.write_message("no room").await }
    });
    settle().await;
    assert!(!waiting.is_finished());
    (writer, reader, remote, waiting)
}
