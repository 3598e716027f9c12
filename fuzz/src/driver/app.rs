//! The application. It holds a connection, whole or in halves, and records its expectations of the connection.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    task::Poll,
};

use silverback::{Conn, Error, Event, Message, MessageWriter, Reader, TryWriteError, Writer};
use silverback_testkit::poll::poll_once;
use tokio::io::{AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{
    Log, Peer,
    inbox::Inbox,
    op::{ReadWay, WriteWay},
    turn,
};

pub(super) struct App {
    handle: Handle,
    /// The message that is being streamed, and its accepted bytes.
    stream: Option<(MessageWriter, bool, Vec<u8>)>,
    /// Messages accepted for sending.
    pub(super) accepted: Vec<Message>,
    pub(super) inbox: Inbox,
}

enum Handle {
    Whole(Box<Conn>),
    Halves(Option<Writer>, Option<Reader>),
}

impl App {
    pub(super) fn new(conn: Conn) -> Self {
        let handle = Handle::Whole(Box::new(conn));
        Self { handle, stream: None, accepted: Vec::new(), inbox: Inbox::default() }
    }

    pub(super) fn writer(&mut self) -> Option<&Writer> {
        match &mut self.handle {
            Handle::Whole(conn) => Some(conn.halves().0),
            Handle::Halves(writer, _) => writer.as_ref(),
        }
    }

    fn reader(&mut self) -> Option<&mut Reader> {
        match &mut self.handle {
            Handle::Whole(conn) => Some(conn.halves().1),
            Handle::Halves(_, reader) => reader.as_mut(),
        }
    }

    /// Reads one message, or cancels after some polls. The peer acts between the polls.
    pub(super) async fn read(&mut self, way: ReadWay, polls: u8, peer: &mut Peer, log: &Log) {
        let Self { handle, inbox, accepted, .. } = self;
        let reader = match handle {
            Handle::Whole(conn) => conn.halves().1,
            Handle::Halves(_, Some(reader)) => reader,
            Handle::Halves(_, None) => return,
        };
        let message = match way {
            ReadWay::Owned => poll_some(polls, reader.read_message(), peer, accepted).await,
            ReadWay::Borrowed => poll_some(polls, reader.read_borrowed(), peer, accepted)
                .await
                .map(|read| read.map(|message| message.map(|message| message.into_message()))),
            ReadWay::Event => match poll_some(polls, reader.read_event(), peer, accepted).await {
                Some(Ok(Some(Event::Message(message)))) => Some(Ok(Some(message.into_message()))),
                Some(Ok(Some(_))) | None => None,
                Some(Ok(None)) => Some(Ok(None)),
                Some(Err(error)) => Some(Err(error)),
            },
            ReadWay::Streamed { most } => return read_part(reader, inbox, polls, most, peer, accepted, log).await,
        };
        match message {
            Some(Ok(Some(message))) => inbox.note_message(&message, peer),
            Some(Ok(None)) => inbox.note_end(None, log),
            Some(Err(error)) => inbox.note_end(Some(&error), log),
            None => {}
        }
    }

    /// Reads until the connection has ended.
    pub(super) async fn read_to_end(&mut self, mut look: impl FnMut(Message)) -> Result<(), Error> {
        let Some(reader) = self.reader() else { return Ok(()) };
        while let Some(message) = reader.read_message().await? {
            look(message);
        }
        Ok(())
    }
}

async fn read_part(
    reader: &mut Reader,
    inbox: &mut Inbox,
    polls: u8,
    most: u16,
    peer: &mut Peer,
    accepted: &[Message],
    log: &Log,
) {
    let mut reader = match poll_some(polls, reader.next_reader(), peer, accepted).await {
        Some(Ok(Some(reader))) => reader,
        Some(Ok(None)) => return inbox.note_end(None, log),
        Some(Err(error)) => return inbox.note_end(Some(&error), log),
        None => return,
    };
    let is_text = reader.kind() == silverback::MessageKind::Text;
    let mut part = Vec::new();
    let mut buffer = [0; 1000];
    let mut is_all = false;
    while part.len() < most.into() {
        let room = buffer.len().min(usize::from(most) - part.len());
        match poll_some(polls, reader.read(&mut buffer[..room]), peer, accepted).await {
            Some(Ok(0)) => {
                is_all = true;
                break;
            }
            Some(Ok(count)) => part.extend_from_slice(&buffer[..count]),
            Some(Err(error)) => {
                assert!(!log.is_untroubled(), "{error}");
                break;
            }
            None => break,
        }
    }
    inbox.note_part(is_text, &part, is_all, peer);
}

/// The writing side.
impl App {
    pub(super) async fn write(&mut self, message: Message, way: WriteWay, polls: u8, peer: &mut Peer, log: &Log) {
        let accepted = &self.accepted;
        let writer = match &mut self.handle {
            Handle::Whole(conn) => {
                if way == WriteWay::Sink {
                    let outcome = sink(conn, &message).await;
                    return self.note_accepted(outcome, message, log);
                }
                conn.halves().0
            }
            Handle::Halves(Some(writer), _) => &*writer,
            Handle::Halves(None, _) => return,
        };
        let outcome = match way {
            WriteWay::Owned | WriteWay::Sink => {
                poll_some(polls, writer.write_message(message.clone()), peer, accepted).await
            }
            WriteWay::Borrowed => poll_some(polls, writer.write_borrowed(&message), peer, accepted).await,
            WriteWay::Uncompressed => {
                let mut writer = writer.clone();
                writer.set_write_compression(false);
                poll_some(polls, writer.write_message(message.clone()), peer, accepted).await
            }
            WriteWay::Prepared => {
                let prepared = silverback::PreparedMessage::new(message.clone());
                poll_some(polls, writer.write_prepared(&prepared), peer, accepted).await
            }
            WriteWay::Now => match writer.try_write_message(message.clone()) {
                Ok(()) => Some(Ok(())),
                Err(TryWriteError::Failed(error)) => Some(Err(error)),
                Err(TryWriteError::Full(back)) => {
                    assert_eq!(back, message);
                    None
                }
            },
        };
        self.note_accepted(outcome, message, log);
    }

    fn note_accepted(&mut self, outcome: Option<Result<(), Error>>, message: Message, log: &Log) {
        match outcome {
            Some(Ok(())) => self.accepted.push(message),
            Some(Err(error)) => assert!(!log.is_untroubled(), "{error}"),
            None => {}
        }
    }

    pub(super) async fn flush(&mut self, polls: u8, peer: &mut Peer, log: &Log) {
        let accepted = std::mem::take(&mut self.accepted);
        if let Some(writer) = self.writer() {
            let outcome = poll_some(polls, writer.flush(), peer, &accepted).await;
            assert!(!log.is_untroubled() || !matches!(outcome, Some(Err(_))), "{outcome:?}");
        }
        self.accepted = accepted;
    }

    pub(super) fn ping(&mut self, payload: &[u8], is_pong: bool, log: &Log) {
        let Some(writer) = self.writer() else { return };
        let outcome = if is_pong { writer.pong(payload) } else { writer.ping(payload) };
        assert!(outcome.is_ok() || payload.len() > 125 || !log.is_untroubled(), "{outcome:?}");
    }

    /// Starts the closing handshake and polls it some times. Messages that arrive meanwhile are discarded.
    pub(super) async fn close(&mut self, code: u16, reason: &str, polls: u8, peer: &mut Peer, log: &mut Log) {
        let accepted = std::mem::take(&mut self.accepted);
        match &mut self.handle {
            Handle::Whole(conn) => match poll_some(polls, conn.close(code, reason), peer, &accepted).await {
                Some(Err(Error::UnsendableCode(_))) => {}
                outcome => {
                    log.is_closing = true;
                    self.inbox.skips = true;
                    self.inbox.has_ended |= outcome.is_some();
                }
            },
            Handle::Halves(Some(writer), _) => log.is_closing |= writer.start_close(code, reason).is_ok(),
            Handle::Halves(None, _) => {}
        }
        self.accepted = accepted;
    }

    pub(super) fn split(&mut self) {
        let handle = std::mem::replace(&mut self.handle, Handle::Halves(None, None));
        self.handle = match handle {
            Handle::Whole(conn) => {
                let (writer, reader) = conn.split();
                Handle::Halves(Some(writer), Some(reader))
            }
            halves => halves,
        };
    }

    pub(super) fn drop_writer(&mut self) {
        self.split();
        if let Handle::Halves(writer, _) = &mut self.handle {
            *writer = None;
        }
    }

    pub(super) fn drop_reader(&mut self) {
        self.split();
        if let Handle::Halves(_, reader) = &mut self.handle {
            *reader = None;
        }
    }

    pub(super) fn has_reader(&self) -> bool {
        !matches!(self.handle, Handle::Halves(_, None))
    }

    /// Drops the connection.
    pub(super) fn drop_all(&mut self, log: &mut Log) {
        self.drop_stream(log);
        self.handle = Handle::Halves(None, None);
    }
}

/// A streamed message.
impl App {
    pub(super) async fn open_stream(&mut self, is_text: bool, polls: u8, peer: &mut Peer, log: &Log) {
        if self.stream.is_some() {
            return;
        }
        let kind = if is_text { silverback::MessageKind::Text } else { silverback::MessageKind::Binary };
        let accepted = std::mem::take(&mut self.accepted);
        let outcome = match self.writer() {
            Some(writer) => poll_some(polls, writer.next_writer(kind), peer, &accepted).await,
            None => None,
        };
        self.accepted = accepted;
        match outcome {
            Some(Ok(stream)) => self.stream = Some((stream, is_text, Vec::new())),
            Some(Err(error)) => assert!(!log.is_untroubled(), "{error}"),
            None => {}
        }
    }

    /// Writes a part of it. Text is ASCII, so it may be cut anywhere.
    pub(super) async fn write_stream(&mut self, mut bytes: Vec<u8>, polls: u8, peer: &mut Peer, log: &Log) {
        let Some((stream, is_text, written)) = &mut self.stream else { return };
        if *is_text {
            bytes.iter_mut().for_each(|byte| *byte &= 0x7F);
        }
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            match poll_some(polls, stream.write(rest), peer, &self.accepted).await {
                Some(Ok(count)) => {
                    assert!(count > 0);
                    written.extend_from_slice(&rest[..count]);
                    rest = &rest[count..];
                }
                Some(Err(error)) => return assert!(!log.is_untroubled(), "{error}"),
                None => return,
            }
        }
    }

    pub(super) async fn flush_stream(&mut self, polls: u8, peer: &mut Peer, log: &Log) {
        let Some((stream, ..)) = &mut self.stream else { return };
        let outcome = poll_some(polls, stream.flush(), peer, &self.accepted).await;
        assert!(!log.is_untroubled() || !matches!(outcome, Some(Err(_))), "{outcome:?}");
    }

    pub(super) async fn finish_stream(&mut self, polls: u8, shuts_down: bool, peer: &mut Peer, log: &Log) {
        let Some((stream, is_text, written)) = &mut self.stream else { return };
        let outcome: Option<io::Result<()>> = if shuts_down {
            poll_some(polls, poll_fn(|cx| Pin::new(&mut *stream).poll_shutdown(cx)), peer, &self.accepted).await
        } else {
            poll_some(polls, stream.finish(), peer, &self.accepted).await.map(|done| done.map_err(io::Error::from))
        };
        match outcome {
            Some(Ok(())) => {
                let bytes = std::mem::take(written);
                let message = match is_text {
                    true => Message::from(String::from_utf8(bytes).expect("it was written as text")),
                    false => Message::from(bytes),
                };
                self.accepted.push(message);
                self.stream = None;
            }
            Some(Err(error)) => assert!(!log.is_untroubled(), "{error}"),
            None => {}
        }
    }

    /// Dropping an unfinished message closes the connection.
    pub(super) fn drop_stream(&mut self, log: &mut Log) {
        log.is_closing |= self.stream.take().is_some();
    }
}

/// Sends one message through `Sink`, if there is room.
async fn sink(conn: &mut Conn, message: &Message) -> Option<Result<(), Error>> {
    let sink: &mut (dyn futures_sink::Sink<Message, Error = Error> + Unpin) = conn;
    match poll_once(poll_fn(|cx| Pin::new(&mut *sink).poll_ready(cx))) {
        Poll::Ready(Ok(())) => Some(Pin::new(sink).start_send(message.clone())),
        Poll::Ready(Err(error)) => Some(Err(error)),
        Poll::Pending => None,
    }
}

/// Polls up to four times and then drops the future. Between two polls the peer makes some progress.
async fn poll_some<F: Future>(polls: u8, future: F, peer: &mut Peer, accepted: &[Message]) -> Option<F::Output> {
    let mut future = pin!(future);
    let left = polls % 4;
    let moved = usize::from(polls >> 2);
    for at in 0..=left {
        if let Poll::Ready(output) = poll_once(future.as_mut()) {
            return Some(output);
        }
        if at < left {
            turn().await;
            peer.write(moved * moved);
            peer.read(accepted);
        }
    }
    None
}
