#![allow(clippy::unwrap_used)]

use std::{cell::RefCell, collections::HashMap};

use tokio::time::sleep;

use super::*;

/// Addresses that respond or fail after a time. Also records when each attempt began.
#[derive(Default)]
struct Network {
    plans: HashMap<SocketAddr, (u64, bool)>,
    begun: RefCell<Vec<(u64, SocketAddr)>>,
    given_up: RefCell<Vec<SocketAddr>>,
}

struct GivenUp<'a>(&'a Network, SocketAddr, bool);

impl GivenUp<'_> {
    fn is_done(&mut self) {
        self.2 = true;
    }
}

impl Drop for GivenUp<'_> {
    fn drop(&mut self) {
        if !self.2 {
            self.0.given_up.borrow_mut().push(self.1);
        }
    }
}

impl Network {
    fn new(plans: &[(&str, u64, bool)]) -> (Self, Vec<SocketAddr>) {
        let plan = |(address, after, works): &(&str, u64, bool)| (address.parse().unwrap(), (*after, *works));
        let network = Self { plans: plans.iter().map(plan).collect(), ..Self::default() };
        (network, plans.iter().map(|(address, ..)| address.parse().unwrap()).collect())
    }

    async fn race(&self, addresses: &[SocketAddr]) -> (io::Result<SocketAddr>, u64) {
        let start = Instant::now();
        let connect = |address| {
            self.begun.borrow_mut().push((start.elapsed().as_millis() as u64, address));
            let mut attempt = GivenUp(self, address, false);
            let (after, works) = self.plans[&address];
            async move {
                sleep(Duration::from_millis(after)).await;
                attempt.is_done();
                if works { Ok(()) } else { Err(io::Error::from(io::ErrorKind::ConnectionRefused)) }
            }
        };
        let outcome = race(addresses, connect, |_, _| {}).await;
        (outcome.map(|((), address)| address), start.elapsed().as_millis() as u64)
    }

    fn begun_after(&self) -> Vec<u64> {
        self.begun.borrow().iter().map(|(after, _)| *after).collect()
    }
}

const NEVER: u64 = 1_000_000;

#[tokio::test(start_paused = true)]
async fn the_first_address_wins_alone_when_it_answers_at_once() {
    let (network, addresses) = Network::new(&[("[::1]:1", 249, true), ("1.1.1.1:1", 0, true)]);
    let (winner, took) = network.race(&addresses).await;
    assert_eq!((winner.unwrap(), took), (addresses[0], 249));
    assert_eq!(network.begun_after(), [0]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_does_not_answer_costs_a_quarter_of_a_second() {
    let (network, addresses) = Network::new(&[("[::1]:1", NEVER, true), ("1.1.1.1:1", 10, true)]);
    let (winner, took) = network.race(&addresses).await;
    assert_eq!((winner.unwrap(), took), (addresses[1], 260));
    assert_eq!(*network.given_up.borrow(), [addresses[0]]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_address_may_still_win() {
    let (network, addresses) = Network::new(&[("[::1]:1", 300, true), ("1.1.1.1:1", NEVER, true)]);
    let (winner, took) = network.race(&addresses).await;
    assert_eq!((winner.unwrap(), took), (addresses[0], 300));
    assert_eq!(network.begun_after(), [0, 250]);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_fails_lets_the_next_begin_at_once() {
    let (network, addresses) =
        Network::new(&[("[::1]:1", 20, false), ("1.1.1.1:1", NEVER, true), ("[::2]:1", 5, true)]);
    let (winner, took) = network.race(&addresses).await;
    // The third attempt starts 250 ms after the second, which began at 20 ms.
    assert_eq!((winner.unwrap(), took), (addresses[2], 275));
    assert_eq!(network.begun_after(), [0, 20, 270]);
}

#[tokio::test(start_paused = true)]
async fn one_of_several_under_way_that_fails_lets_the_next_begin_at_once() {
    let (network, addresses) = Network::new(&[
        ("[::1]:1", 400, false),
        ("1.1.1.1:1", NEVER, true),
        ("[::2]:1", NEVER, true),
        ("2.2.2.2:1", 1, true),
    ]);
    let (winner, took) = network.race(&addresses).await;
    // The first two attempts begin at 0 and 250 ms. The failure at 400 ms starts the third, and the delay of 250 ms
    // after it the fourth.
    assert_eq!((winner.unwrap(), took), (addresses[3], 651));
    assert_eq!(network.begun_after(), [0, 250, 400, 650]);
}

#[tokio::test(start_paused = true)]
async fn when_all_fail_each_is_told() {
    let (network, addresses) = Network::new(&[("[::1]:1", 5, false), ("1.1.1.1:1", 5, false)]);
    let (outcome, took) = network.race(&addresses).await;
    let error = outcome.unwrap_err();
    assert_eq!((error.kind(), took), (io::ErrorKind::ConnectionRefused, 10));
    let told: Vec<SocketAddr> = Attempts::within(&error).iter().map(|attempt| attempt.address).collect();
    assert_eq!(told, addresses);
    assert!(error.to_string().contains("[::1]:1: ") && error.to_string().contains("1.1.1.1:1: "), "{error}");
}

#[tokio::test(start_paused = true)]
async fn no_address_at_all_is_an_error_and_no_wait() {
    let (network, _) = Network::new(&[]);
    assert_eq!(network.race(&[]).await.0.unwrap_err().kind(), io::ErrorKind::NotFound);
}
