//! The test's end of a pipe.

use super::plan::Plan;
use super::state::{Counters, Shared, State};
use crate::peer::Side;
use crate::wire::{Frame, decode, decode_all, to_hex};
use std::future::poll_fn;
use std::panic::Location;
use std::sync::Arc;
use std::task::Poll;

/// The test's end. All methods take `&self`, so several tasks of a test can share it in an `Arc`. Dropping it closes
/// it.
#[derive(Debug)]
pub struct Remote {
    shared: Arc<Shared>,
    side: Option<Side>,
}

/// The role of the test, and the behaviour of the transport.
impl Remote {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, side: None }
    }

    /// Plays a client: [`Remote::send_frame`] masks, [`Remote::expect`] expects unmasked frames.
    #[must_use]
    pub fn as_client(mut self) -> Self {
        self.side = Some(Side::Client);
        self
    }

    /// Plays a server: [`Remote::expect`] expects masked frames.
    #[must_use]
    pub fn as_server(mut self) -> Self {
        self.side = Some(Side::Server);
        self
    }

    /// Sets the plan for the next reads of the code under test. It replaces the rest of the previous plan.
    pub fn plan_reads(&self, plan: Plan) {
        self.shared.change(|state| state.inbound.plan = plan);
    }

    /// Sets the plan for its next writes. It replaces the rest of the previous plan.
    pub fn plan_writes(&self, plan: Plan) {
        self.shared.change(|state| state.outbound.plan = plan);
    }

    /// Limits the written bytes that the test has not taken yet, which causes backpressure.
    pub fn limit_capacity(&self, bytes: usize) {
        self.shared.change(|state| state.outbound.capacity = Some(bytes));
    }

    /// Makes written bytes visible only after a flush, as TLS does. A flush then waits at a stall, too.
    pub fn hold_until_flush(&self) {
        self.shared.change(|state| state.outbound.hold_until_flush = true);
    }

    /// Disables vectored writes, like some transports: only the first slice is taken.
    pub fn refuse_vectored_writes(&self) {
        self.shared.change(|state| state.outbound.plain_writes_only = true);
    }

    /// Releases the next stall of each direction, reached or not.
    ///
    /// # Panics
    /// If neither plan has a stall left.
    #[track_caller]
    pub fn release(&self) {
        let (reads, writes) = self.shared.change(|state| (state.inbound.plan.release(), state.outbound.plan.release()));
        assert!(reads || writes, "no plan has a stall to release");
    }

    /// Like [`Remote::release`], for reads only.
    #[track_caller]
    pub fn release_reads(&self) {
        let released = self.shared.change(|state| state.inbound.plan.release());
        assert!(released, "the plan for reads has no stall to release");
    }

    /// Like [`Remote::release`], for writes only.
    #[track_caller]
    pub fn release_writes(&self) {
        let released = self.shared.change(|state| state.outbound.plan.release());
        assert!(released, "the plan for writes has no stall to release");
    }

    /// Wakes reader and writer of the code under test without a reason.
    pub fn wake_for_nothing(&self) {
        let waiting = self.shared.change(|state| {
            let waiting = [state.inbound.waiting.take(), state.outbound.waiting.take()];
            state.counters.wake_ups += waiting.iter().flatten().count();
            waiting
        });
        waiting.into_iter().flatten().for_each(|waker| waker.wake());
    }

    /// Returns the calls counted so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.change(|state| state.counters)
    }
}

/// Actions of the test that do not wait.
impl Remote {
    /// Sends any number of bytes.
    pub fn send(&self, bytes: impl AsRef<[u8]>) {
        self.shared.change(|state| state.inbound.bytes.extend(bytes.as_ref()));
    }

    /// Sends a frame. If the test plays a client, it is masked unless it has a key already.
    #[track_caller]
    pub fn send_frame(&self, frame: Frame) {
        let frame = self.side.map_or(frame.clone(), |side| side.dress(frame));
        self.send(frame.encode());
    }

    /// Takes the bytes written since the last call.
    #[must_use]
    pub fn received(&self) -> Vec<u8> {
        self.shared.change(|state| {
            let count = state.outbound.look().len();
            state.outbound.take(count)
        })
    }

    /// Takes the complete frames from the written bytes. The start of another frame stays.
    #[must_use]
    pub fn received_frames(&self) -> Vec<Frame> {
        self.shared.change(|state| {
            let bytes = state.outbound.look();
            let (frames, rest) = decode_all(bytes);
            let count = bytes.len() - rest.len();
            state.outbound.take(count);
            frames
        })
    }

    /// Ends the test's output: reads return the remaining bytes and then the end. The test still receives.
    pub fn half_close(&self) {
        self.shared.change(|state| state.inbound.ended = true);
    }

    /// Ends both directions cleanly: like [`Remote::half_close`], and writes fail with `BrokenPipe`.
    pub fn close(&self) {
        self.shared.change(|state| {
            state.inbound.ended = true;
            state.outbound.refused = true;
        });
    }

    /// Breaks the connection: every later call fails with `ConnectionReset`, and unread bytes are lost.
    pub fn reset(&self) {
        self.shared.change(|state| state.reset = true);
    }

    /// Whether the code under test has shut down its write side.
    #[must_use]
    pub fn is_shut_down(&self) -> bool {
        self.shared.change(|state| state.outbound.shut_down)
    }

    /// Whether the code under test has dropped its end.
    #[must_use]
    pub fn is_dropped(&self) -> bool {
        self.shared.change(|state| state.outbound.dropped)
    }
}

/// Actions of the test that wait. Dropping one of these futures loses nothing.
impl Remote {
    /// Returns the next frame, or `None` if the write side was shut down or dropped between two frames.
    ///
    /// # Panics
    /// If it ended inside a frame.
    pub async fn read_frame(&self) -> Option<Frame> {
        self.wait_for(|state| {
            let outbound = &mut state.outbound;
            if let Some((frame, used)) = decode(outbound.look()) {
                outbound.take(used);
                return Some(Ok(Some(frame)));
            }
            let rest = &outbound.taken;
            let end = if rest.is_empty() { Ok(None) } else { Err(to_hex(rest)) };
            outbound.is_over().then_some(end)
        })
        .await
        .unwrap_or_else(|rest| panic!("the writer ended inside a frame, after {rest}"))
    }

    /// Returns the next bytes up to and including `end`, such as an HTTP head with `"\r\n\r\n"`.
    ///
    /// # Panics
    /// If the write side was shut down or dropped before that.
    pub async fn read_until(&self, end: &str) -> Vec<u8> {
        self.wait_for(|state| {
            let outbound = &mut state.outbound;
            let mut windows = outbound.look().windows(end.len());
            if let Some(place) = windows.position(|window| window == end.as_bytes()) {
                return Some(Ok(outbound.take(place + end.len())));
            }
            let rest = || String::from_utf8_lossy(&outbound.taken).into_owned();
            outbound.is_over().then(|| Err(rest()))
        })
        .await
        .unwrap_or_else(|rest| panic!("the writer ended before {end:?}, after {rest:?}"))
    }

    /// Waits until the counted calls satisfy `condition`. For example, `until(|counters| counters.blocked_writes > 0)`
    /// waits until the code under test waits at a stall.
    pub async fn until(&self, condition: impl Fn(&Counters) -> bool) {
        self.wait_for(|state| condition(&state.counters).then_some(())).await;
    }

    /// Waits until the code under test has shut down its write side or dropped its end.
    pub async fn ended(&self) {
        self.wait_for(|state| state.outbound.is_over().then_some(())).await;
    }

    /// Waits for the next frame and compares it with `expected`, ignoring mask keys.
    ///
    /// # Panics
    /// At the caller's line, if another frame or none arrives.
    #[track_caller]
    pub fn expect(&self, expected: Frame) -> impl Future<Output = ()> + Send {
        let caller = Location::caller();
        async move {
            let seen = self.read_frame().await;
            if let Err(difference) = Side::compare(self.side, &expected, seen.as_ref()) {
                panic!("{difference}\n asked at {caller}");
            }
        }
    }

    async fn wait_for<T>(&self, mut look: impl FnMut(&mut State) -> Option<T>) -> T {
        poll_fn(|cx| {
            self.shared.change(|state| {
                if let Some(seen) = look(state) {
                    return Poll::Ready(seen);
                }
                if !state.watchers.iter().any(|waker| waker.will_wake(cx.waker())) {
                    state.watchers.push(cx.waker().clone());
                }
                Poll::Pending
            })
        })
        .await
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        self.close();
    }
}
