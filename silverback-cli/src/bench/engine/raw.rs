//! A plain TCP connection to a server that echoes every byte. It measures the cost of the same load without WebSocket.

use std::{
    cell::RefCell,
    future::poll_fn,
    io::{self, IoSlice},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf},
    net::TcpStream,
};

use super::script::Frames;
use super::{
    control::{Place, Stage, WorkerState},
    fault::Cause,
    load::{Pace, Task, Until},
    notifier::Notifier,
    session::Ended,
    stamps::Stamps,
};

/// Sends the bytes of frames, and times their way back.
struct Raw {
    stream: TcpStream,
    frames: Frames,
    state: Arc<WorkerState>,
    notifier: Arc<Notifier>,
    place: Place,
    has_begun: bool,
    stamps: Stamps,
    in_flight: u64,
    owed: u64,
    quota: u64,
    /// Indexes in the ring of frames: the next frame to send, and the next one to receive.
    next_out: usize,
    next_in: usize,
    /// Frames that wait to leave, and how much of the first has left.
    unsent: usize,
    sent_of_first: usize,
    /// The bytes received of an incomplete frame.
    received: usize,
}

/// Runs a connection to its end, and counts how it ended.
pub(super) fn run(stream: TcpStream, frames: Frames, state: Arc<WorkerState>) -> impl Future<Output = ()> {
    let (place, notifier) = state.enlist();
    let mut raw = Raw {
        stream,
        frames,
        state,
        notifier,
        place,
        has_begun: false,
        stamps: Stamps::default(),
        in_flight: 0,
        owed: 0,
        quota: 0,
        next_out: 0,
        next_in: 0,
        unsent: 0,
        sent_of_first: 0,
        received: 0,
    };
    async move {
        let ended = poll_fn(|cx| raw.poll(cx)).await;
        raw.hand_in(&ended);
    }
}

/// Sends as much as a handshake takes, and waits for it to come back.
pub(super) async fn exchange(stream: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<()> {
    let mut bytes = [b'x'; HANDSHAKE];
    stream.write_all(&bytes).await?;
    stream.read_exact(&mut bytes).await.map(|_| ())
}

impl Raw {
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        self.notifier.listen(cx.waker());
        self.begin_when_it_is_time();
        match self.poll_work(cx) {
            Poll::Ready(Err(error)) => Poll::Ready(Ended::failed(Cause::of_io(&error), error)),
            _ => self.judge(),
        }
    }

    fn begin_when_it_is_time(&mut self) {
        let control = &self.state.control;
        let Some(start) = control.start.get().filter(|_| !self.has_begun && control.has_reached(Stage::Running)) else {
            return;
        };
        self.has_begun = true;
        let (quota, pipeline) = match (control.load.task, control.load.until) {
            (Task::Hold { messages }, _) => (start.share(messages, self.place), 1),
            (Task::Echo(Pace::Closed { pipeline }), Until::Done(count)) => (start.share(count, self.place), pipeline),
            (Task::Echo(Pace::Closed { pipeline }), Until::Elapsed(_)) => (u64::MAX, pipeline),
            _ => return,
        };
        (self.quota, self.owed) = (quota, quota.min(pipeline.into()));
    }

    /// Receives, and sends the frames that became due, until both are blocked.
    fn poll_work(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            self.take_owed();
            if self.unsent > 0 && self.poll_send(cx)?.is_pending() {
                // Receiving makes room for sending.
                return self.poll_receive(cx);
            }
            ready!(self.poll_receive(cx))?;
        }
    }

    fn take_owed(&mut self) {
        if self.owed == 0 || self.state.control.has_reached(Stage::Stopping) {
            return;
        }
        let now = self.state.control.clock.now();
        let (owed, mut bytes) = (std::mem::take(&mut self.owed), 0);
        for index in 0..owed as usize {
            self.stamps.push(now, now);
            bytes += self.frames[(self.next_out + self.unsent + index) % self.frames.len()].len() as u64;
        }
        self.unsent += owed as usize;
        self.in_flight += owed;
        self.quota -= owed;
        let mut counts = self.state.counts();
        counts.sent += owed;
        counts.bytes_sent += bytes;
    }

    fn poll_send(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.unsent > 0 {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let count = self.unsent.min(SLICES);
            for (index, slice) in slices[..count].iter_mut().enumerate() {
                let frame = &self.frames[(self.next_out + index) % self.frames.len()];
                *slice = IoSlice::new(if index == 0 { &frame[self.sent_of_first..] } else { frame });
            }
            let mut sent = ready!(Pin::new(&mut self.stream).poll_write_vectored(cx, &slices[..count]))?;
            while sent > 0 {
                let left = self.frames[self.next_out].len() - self.sent_of_first;
                if sent < left {
                    self.sent_of_first += sent;
                    break;
                }
                sent -= left;
                (self.next_out, self.sent_of_first) = ((self.next_out + 1) % self.frames.len(), 0);
                self.unsent -= 1;
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let count = BUFFER.with_borrow_mut(|buffer| {
            buffer.resize(READ, 0);
            let mut into = ReadBuf::new(buffer);
            Pin::new(&mut self.stream).poll_read(cx, &mut into).map_ok(|()| into.filled().len())
        });
        let count = ready!(count)?;
        if count == 0 {
            return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        self.received += count;
        let mut answered = 0;
        while self.in_flight > answered && self.received >= self.frames[self.next_in].len() {
            self.received -= self.frames[self.next_in].len();
            self.next_in = (self.next_in + 1) % self.frames.len();
            answered += 1;
        }
        self.in_flight -= answered;
        self.owed += answered.min(self.quota - self.owed);
        self.count(answered, count);
        Poll::Ready(Ok(()))
    }

    fn count(&mut self, answered: u64, bytes: usize) {
        let now = self.state.control.clock.now();
        let mut counts = self.state.counts();
        self.stamps.take(u32::try_from(answered).unwrap_or(u32::MAX), |run| counts.answered(run, now, false));
        counts.received += answered;
        counts.bytes_received += bytes as u64;
        if answered > 0 {
            counts.last = now;
        }
        drop(counts);
        self.notifier.note_oldest(self.stamps.oldest());
    }

    fn judge(&self) -> Poll<Ended> {
        let control = &self.state.control;
        let is_quiet = self.has_begun && self.in_flight == 0 && self.owed == 0;
        // Held connections leave together with all others.
        let sends_no_more = self.quota == 0 && !matches!(control.load.task, Task::Hold { .. });
        if control.has_reached(Stage::Leaving) || (is_quiet && (sends_no_more || control.has_reached(Stage::Stopping)))
        {
            return Poll::Ready(Ended::Done);
        }
        if self.notifier.is_overdue() {
            return Poll::Ready(Ended::failed(Cause::Timeout, format!("no answer within {:?}", control.load.timeout)));
        }
        Poll::Pending
    }

    fn hand_in(&self, ended: &Ended) {
        self.notifier.note_oldest(None);
        let mut counts = self.state.counts();
        counts.unanswered += self.in_flight;
        if let Ended::Failed(cause, words) = ended {
            counts.lost += 1;
            counts.faults.count(*cause, words);
        }
    }
}

thread_local! {
    /// One buffer for all connections of a thread: received bytes are counted and dropped.
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

const READ: usize = 256 * 1024;
const SLICES: usize = 64;

/// About the size of a browser's request.
const HANDSHAKE: usize = 256;
