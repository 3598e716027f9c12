//! Races several addresses (RFC 8305, *Happy Eyeballs*): an address that does not respond costs 250 ms, and not a whole
//! timeout.

use std::{
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::time::{Instant, Sleep, sleep_until};

use super::attempt::{Attempt, Attempts};

/// Returns the first connection that succeeds, and its address. The other attempts are aborted.
pub(super) async fn race<S, F>(
    addresses: &[SocketAddr],
    connect: impl Fn(SocketAddr) -> F,
    on_failure: impl Fn(SocketAddr, &io::Error),
) -> io::Result<(S, SocketAddr)>
where
    F: Future<Output = io::Result<S>>,
{
    let mut race = Race {
        waiting: addresses.iter().rev().copied().collect(),
        running: Vec::new(),
        failed: Vec::new(),
        next_start: Box::pin(sleep_until(Instant::now())),
    };
    poll_fn(|cx| race.poll(cx, &connect, &on_failure)).await
}

struct Race<F> {
    /// In reverse order: the next address is the last one.
    waiting: Vec<SocketAddr>,
    running: Vec<(SocketAddr, Pin<Box<F>>)>,
    failed: Vec<Attempt>,
    /// When to start the next attempt even if no earlier one has failed.
    next_start: Pin<Box<Sleep>>,
}

impl<S, F: Future<Output = io::Result<S>>> Race<F> {
    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        connect: &impl Fn(SocketAddr) -> F,
        on_failure: &impl Fn(SocketAddr, &io::Error),
    ) -> Poll<io::Result<(S, SocketAddr)>> {
        loop {
            let failed_before = self.failed.len();
            if let Some(winner) = self.poll_running(cx, on_failure) {
                return Poll::Ready(Ok(winner));
            }
            // RFC 8305, 5: if an attempt fails, the next one starts at once.
            let has_turn = self.failed.len() > failed_before || self.running.is_empty();
            if !has_turn && (self.waiting.is_empty() || self.next_start.as_mut().poll(cx).is_pending()) {
                return Poll::Pending;
            }
            match self.waiting.pop() {
                Some(address) => {
                    self.running.push((address, Box::pin(connect(address))));
                    self.next_start.as_mut().reset(Instant::now() + STAGGER);
                }
                None if self.running.is_empty() => {
                    return Poll::Ready(Err(Attempts::into_error(std::mem::take(&mut self.failed))));
                }
                None => return Poll::Pending,
            }
        }
    }

    fn poll_running(
        &mut self,
        cx: &mut Context<'_>,
        on_failure: &impl Fn(SocketAddr, &io::Error),
    ) -> Option<(S, SocketAddr)> {
        let mut index = 0;
        while let Some((address, attempt)) = self.running.get_mut(index) {
            let address = *address;
            match attempt.as_mut().poll(cx) {
                Poll::Pending => index += 1,
                Poll::Ready(Ok(stream)) => return Some((stream, address)),
                Poll::Ready(Err(error)) => {
                    on_failure(address, &error);
                    self.failed.push(Attempt { address, error: Arc::new(error) });
                    drop(self.running.remove(index));
                }
            }
        }
        None
    }
}

/// RFC 8305, 5: the recommended delay between two attempts.
const STAGGER: Duration = Duration::from_millis(250);

#[cfg(test)]
#[path = "race_tests.rs"]
mod tests;
