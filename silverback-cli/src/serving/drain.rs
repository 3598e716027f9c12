//! The end in order: WebSockets are closed one after the other, so that their clients do not all reconnect at once.

use std::{sync::Arc, time::Duration};

use tokio::time::{Instant, sleep_until};

use super::open_connections::{OpenConnections, Places};

/// How to close the connections of a server.
#[derive(Debug)]
pub(super) struct Drain {
    /// The longest time that it takes. Zero closes all at once.
    pub(super) window: Duration,
    pub(super) places: Arc<Places>,
}

impl Drain {
    /// Refuses new WebSockets and closes those that are open, spread over the window. Does not wait for the clients'
    /// answers. Returns early when no WebSocket is left.
    pub(super) async fn run(&self, all: &[Arc<OpenConnections>]) {
        // Who has connected by now is let in and told to go, and so comes back sooner than after 503.
        if self.window.is_zero() {
            return;
        }
        self.places.begin_drain();
        // A WebSocket that opens now is closed at once.
        let mut goodbyes: Vec<_> = all.iter().flat_map(|open| open.begin_drain()).collect();
        shuffle(&mut goodbyes);
        let begin = Instant::now();
        for (goodbye, after) in goodbyes.iter().zip(moments(goodbyes.len(), self.window, random)) {
            tokio::select! {
                () = sleep_until(begin + after) => goodbye.close(),
                () = self.places.emptied() => return,
            }
        }
    }
}

/// Returns a moment for each of `count` connections: one in each of as many parts of the window, at a random place in it.
/// With few connections the whole takes less than the window, because a server stands a few reconnects each second.
fn moments(count: usize, window: Duration, mut random: impl FnMut() -> f64) -> impl Iterator<Item = Duration> {
    let part = (window / u32::try_from(count.max(1)).unwrap_or(u32::MAX)).min(MOST_BETWEEN);
    (0..count).map(move |number| part.mul_f64(number as f64 + random()))
}

/// Puts the connections in a random order: those that came together must not reconnect together.
fn shuffle<T>(items: &mut [T]) {
    for last in (1..items.len()).rev() {
        items.swap(last, ((random() * (last + 1) as f64) as usize).min(last));
    }
}

/// Returns a number from 0 to 1.
fn random() -> f64 {
    // Without randomness the connections are closed at regular intervals.
    getrandom::u32().map_or(0.5, |number| f64::from(number) / f64::from(u32::MAX))
}

/// The longest time between two closes: a server bears 20 reconnects each second.
const MOST_BETWEEN: Duration = Duration::from_millis(50);

#[cfg(test)]
mod tests {
    //! When each connection is closed.
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn many_connections_are_spread_over_the_whole_window() {
        let window = Duration::from_secs(25);
        let moments: Vec<_> = moments(5000, window, || 0.5).collect();
        assert!(moments.is_sorted());
        assert!(moments[0] < Duration::from_millis(5) && *moments.last().unwrap() > Duration::from_millis(24_990));
        for (second, most) in [(0..1, 200), (10..11, 200), (24..25, 200)] {
            let within = |moment: &&Duration| second.contains(&moment.as_secs());
            assert_eq!(moments.iter().filter(within).count(), most);
        }
        assert!(moments.iter().all(|moment| *moment <= window));
    }

    #[test]
    fn a_few_connections_do_not_take_the_whole_window() {
        let last = moments(10, Duration::from_secs(25), || 1.0).last().unwrap();
        assert_eq!(last, Duration::from_millis(500));
        assert_eq!(moments(0, Duration::from_secs(25), || 1.0).count(), 0);
    }

    #[test]
    fn the_order_is_random_and_nobody_is_left_out() {
        let mut order: Vec<_> = (0..1000).collect();
        shuffle(&mut order);
        assert!(!order.is_sorted());
        order.sort_unstable();
        assert_eq!(order, (0..1000).collect::<Vec<_>>());
    }
}
