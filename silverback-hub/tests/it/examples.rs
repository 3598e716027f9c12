//! The examples over real sockets, with one node and with two. The line that differs is the one with `.engine(..)`.

use std::net::SocketAddr;

use silverback::{Conn, Dialer};
use silverback_hub::Memory;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::support::within;

#[expect(dead_code, reason = "`main` is for people")]
#[path = "../../examples/hub_chat.rs"]
mod hub_chat;
#[expect(dead_code, reason = "`main` is for people")]
#[path = "../../examples/hub_notifications.rs"]
mod hub_notifications;
#[expect(dead_code, reason = "`main` is for people")]
#[path = "../../examples/hub_prices.rs"]
mod hub_prices;

async fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    (listener, address)
}

async fn dial(address: SocketAddr, path: &str) -> Conn {
    within(Dialer::new().dial(&format!("ws://{address}{path}"))).await.unwrap()
}

async fn text(conn: &mut Conn) -> String {
    within(conn.read_message()).await.unwrap().unwrap().as_text().unwrap().to_owned()
}

/// Two nodes, and one of them twice.
async fn addresses(start: impl AsyncFn(TcpListener, Memory)) -> [[SocketAddr; 2]; 2] {
    let memory = Memory::new();
    let (first, one) = listen().await;
    let (second, two) = listen().await;
    start(first, memory.clone()).await;
    start(second, memory).await;
    [[one, one], [one, two]]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_chat_shows_a_newcomer_what_was_said_on_one_node_and_on_two() {
    let all = addresses(async |listener, memory| _ = tokio::spawn(hub_chat::serve(listener, memory))).await;
    for (room, [here, there]) in all.into_iter().enumerate() {
        let path = format!("/rooms/{room}");
        let mut first = dial(here, &path).await;
        first.write_message("hello").await.unwrap();
        first.write_message("is anybody here?").await.unwrap();
        let mut second = dial(there, &path).await;
        // The second may have come between the two messages. It gets both all the same.
        assert_eq!(text(&mut second).await, "hello");
        assert_eq!(text(&mut second).await, "is anybody here?");
        second.write_message("yes").await.unwrap();
        assert_eq!(text(&mut first).await, "yes");
        within(first.close(1000, "")).await.unwrap();
        within(second.close(1000, "")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn prices_reach_viewers_of_one_node_and_of_two() {
    let memory = Memory::new();
    let mut addresses = Vec::new();
    for node in 0..2 {
        let hub = hub_prices::hub(memory.clone()).await.unwrap();
        // One node publishes.
        if node == 0 {
            tokio::spawn(hub_prices::quote(hub.clone()));
        }
        let (listener, address) = listen().await;
        tokio::spawn(hub_prices::serve(hub, listener));
        addresses.push(address);
    }
    for address in addresses {
        let mut viewer = dial(address, "/").await;
        let seen = [text(&mut viewer).await, text(&mut viewer).await, text(&mut viewer).await];
        assert!(seen.iter().any(|price| price.contains("BTC")) && seen.iter().any(|price| price.contains("ETH")));
        within(viewer.close(1000, "")).await.unwrap();
    }
}

/// Sends an order, and returns the status line.
async fn order(address: SocketAddr, user: u32, order: u32) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let head = format!("POST /users/{user}/orders/{order} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut response = String::new();
    within(stream.read_to_string(&mut response)).await.unwrap();
    response.lines().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notification_reaches_each_device_once_on_one_node_and_on_two() {
    let all = addresses(async |listener, memory| {
        tokio::spawn(
            async move { hub_notifications::serve(listener, memory).await.map_err(|error| error.to_string()) },
        );
    })
    .await;
    for (user, [here, there]) in (42..).zip(all) {
        let path = format!("/notifications/{user}");
        let (mut phone, mut laptop) = (dial(here, &path).await, dial(there, &path).await);
        // A device is subscribed a little after its handshake. Orders until both hear one.
        let mut number = 0;
        for device in [&mut phone, &mut laptop] {
            loop {
                number += 1;
                assert_eq!(order(here, user, number).await, "HTTP/1.1 202 Accepted");
                let wait = std::time::Duration::from_millis(100);
                if tokio::time::timeout(wait, device.read_message()).await.is_ok() {
                    break;
                }
            }
        }
        for _ in 0..3 {
            order(there, user, 1_000).await;
        }
        order(there, user, 1_001).await;
        for device in [&mut phone, &mut laptop] {
            while text(device).await != "order 1000 has been sent" {}
            assert_eq!(text(device).await, "order 1001 has been sent", "the same order notifies once");
        }
    }
}
