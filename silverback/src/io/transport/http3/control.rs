//! The unidirectional streams of a connection (RFC 9114, 6.2): our control stream, and those of the peer.

use std::{
    io,
    sync::{Arc, Mutex, PoisonError, Weak},
};

use quinn::{RecvStream, SendStream};
use silverback_proto::h3::{Error, ErrorCode, Peer, Settings, UniStream};
use tokio::{sync::watch, task::coop::consume_budget};

use super::{
    codes::varint,
    link::{Link, to_io},
};

/// What the peer has said on its control stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Told {
    pub(crate) settings: Option<Settings>,
    /// The identifier of the newest GOAWAY.
    pub(crate) goaway: Option<u64>,
}

impl Told {
    /// Waits for a GOAWAY that says that the request on this stream of ours was not processed (RFC 9114, 5.2).
    pub(crate) async fn left_out(told: &mut watch::Receiver<Self>, stream: u64) {
        if told.wait_for(|told| told.goaway.is_some_and(|first| stream >= first)).await.is_err() {
            // The connection is over, which its streams notice.
            std::future::pending().await
        }
    }
}

/// Opens our control stream. It must stay open as long as the connection. QPACK needs no streams of ours, because we use
/// no dynamic table (RFC 9204, 4.2).
pub(crate) async fn open(connection: &quinn::Connection, settings: &Settings) -> io::Result<SendStream> {
    let mut control = connection.open_uni().await.map_err(to_io)?;
    control.write_all(&settings.control_stream()).await?;
    Ok(control)
}

/// Reads the peer's streams in the background until the connection ends. A fault of the peer ends it.
pub(crate) fn read_in_background(link: &Arc<Link>, peer: Peer) -> watch::Receiver<Told> {
    let (tell, told) = watch::channel(Told::default());
    let connection = link.connection().clone();
    // A share in the link would keep the connection open.
    let reading = Arc::new(Reading { link: Arc::downgrade(link), peer: Mutex::new(peer), tell });
    tokio::spawn(async move {
        // The transport parameters limit how many streams the peer may have open.
        while let Ok(stream) = connection.accept_uni().await {
            tokio::spawn(read(reading.clone(), stream));
        }
    });
    told
}

struct Reading {
    link: Weak<Link>,
    peer: Mutex<Peer>,
    tell: watch::Sender<Told>,
}

async fn read(reading: Arc<Reading>, stream: RecvStream) {
    if let Err(fault) = read_stream(&reading, stream).await {
        if let Some(link) = reading.link.upgrade() {
            link.fail(&fault);
        }
    }
}

async fn read_stream(reading: &Reading, mut stream: RecvStream) -> Result<(), Error> {
    let mut contents = UniStream::new();
    loop {
        match stream.read_chunk(MAX_CHUNK, true).await {
            Ok(Some(chunk)) => reading.handle_input(&mut contents, &chunk.bytes)?,
            Ok(None) | Err(quinn::ReadError::Reset(_)) => return contents.handle_end(),
            // The connection is over.
            Err(_) => return Ok(()),
        }
        if contents.unknown_type().is_some() {
            // The peer need not send what nobody reads.
            let _ = stream.stop(varint(ErrorCode::STREAM_CREATION_ERROR));
            return Ok(());
        }
        consume_budget().await;
    }
}

impl Reading {
    fn handle_input(&self, contents: &mut UniStream, input: &[u8]) -> Result<(), Error> {
        let mut peer = self.peer.lock().unwrap_or_else(PoisonError::into_inner);
        contents.handle_input(input, &mut peer)?;
        let (settings, goaway) = (peer.settings().copied(), peer.goaway());
        drop(peer);
        self.tell.send_if_modified(|told| {
            let is_new = told.settings.is_some() != settings.is_some() || told.goaway != goaway;
            *told = Told { settings, goaway };
            is_new
        });
        Ok(())
    }
}

/// The most bytes to take from a stream at a time. The window of the stream limits what the peer may send before.
const MAX_CHUNK: usize = 16 * 1024;
