//! Members that do not read.

use silverback_hub::{Hub, HubEvent, HubEvents, LagAction, Limits, Slow, Topic};
use silverback_testkit::wire::{ping, pong};

use crate::support::{Client, builder, number, publish, settle, within};

const BACKLOG: usize = 4000;

/// A hub whose members hold little, so that few messages make one slow.
async fn hub(slow: Slow) -> Hub {
    let limits = Limits::default().window(100).backlog(BACKLOG);
    builder().topics("*", Topic::new().when_slow(slow)).limits(limits).start().await.unwrap()
}

/// A member whose peer takes nothing from now on, and one that reads.
async fn slow_and_quick(hub: &Hub) -> (Client, Client) {
    let slow = Client::on(hub, "slow", "t").await;
    slow.remote.limit_capacity(0);
    (slow, Client::on(hub, "quick", "t").await)
}

async fn lagged(events: &mut HubEvents) -> (u64, LagAction) {
    match within(events.next()).await {
        Some(HubEvent::Lagged { missed, action, .. }) => (missed, action),
        other => panic!("{other:?}"),
    }
}

fn until_read(client: &Client) {
    client.remote.limit_capacity(usize::MAX);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_stops_reading_delays_nobody_and_is_disconnected_with_the_code() {
    let hub = hub(Slow::Disconnect(3008)).await;
    let mut events = hub.events();
    let (slow, quick) = slow_and_quick(&hub).await;
    for first in (1..=200).step_by(20) {
        publish(&hub, "t", first..first + 20).await;
        quick.expect_only(first..first + 20).await;
        assert!(hub.counters().backlog_bytes as usize <= BACKLOG);
    }
    assert_eq!(lagged(&mut events).await, (1, LagAction::Disconnected(3008)));
    let info = slow.member.writer().close_info().unwrap();
    assert_eq!(info.sent.unwrap().code, 3008);
    let counters = hub.counters();
    assert_eq!((counters.disconnected, counters.members, counters.backlog_bytes), (1, 1, 0));
    assert_eq!(counters.topics, 1);
}

#[tokio::test(start_paused = true)]
async fn drop_newest_keeps_what_came_first_and_lag_is_not_an_end() {
    let hub = hub(Slow::DropNewest).await;
    let mut events = hub.events();
    let (slow, quick) = slow_and_quick(&hub).await;
    publish(&hub, "t", 1..=200).await;
    quick.expect_only(1..=200).await;
    let dropped = hub.counters().dropped_newest;
    assert!(dropped > 0);
    for _ in 0..dropped {
        assert_eq!(lagged(&mut events).await, (1, LagAction::DroppedNewest));
    }
    until_read(&slow);
    slow.expect_only(1..=200 - dropped).await;
    publish(&hub, "t", [201]).await;
    slow.expect(number(201)).await;
}

#[tokio::test(start_paused = true)]
async fn drop_oldest_keeps_what_came_last() {
    let hub = hub(Slow::DropOldest).await;
    let (slow, _quick) = slow_and_quick(&hub).await;
    publish(&hub, "t", 1..=200).await;
    settle().await;
    let dropped = hub.counters().dropped_oldest;
    until_read(&slow);
    settle().await;
    let seen: Vec<u64> = slow.texts().iter().map(|text| text.parse().unwrap()).collect();
    assert!(seen.is_sorted() && seen.ends_with(&[198, 199, 200]), "{seen:?}");
    assert_eq!(seen.len() as u64 + dropped, 200);
}

#[tokio::test(start_paused = true)]
async fn conflation_gives_a_slow_member_the_newest_value_of_each_key_and_a_quick_one_all() {
    let hub = hub(Slow::Conflate).await;
    let (slow, quick) = slow_and_quick(&hub).await;
    for value in 0..100 {
        for key in ["BTC", "ETH"] {
            hub.publish("t", format!("{key} {value}")).key(key).await.unwrap();
        }
    }
    settle().await;
    assert_eq!(quick.texts().len(), 200);
    let conflated = hub.counters().conflated;
    assert!(conflated > 100, "{conflated}");
    until_read(&slow);
    settle().await;
    let seen = slow.texts();
    assert!(seen.ends_with(&["BTC 99".to_owned(), "ETH 99".to_owned()]), "{seen:?}");
    assert_eq!(seen.len() as u64 + conflated, 200);
}

#[tokio::test(start_paused = true)]
async fn pings_are_answered_and_not_dropped_while_a_backlog_is_full() {
    let hub = hub(Slow::DropOldest).await;
    let (slow, _quick) = slow_and_quick(&hub).await;
    publish(&hub, "t", 1..=200).await;
    settle().await;
    slow.remote.send_frame(ping("alive?"));
    settle().await;
    until_read(&slow);
    settle().await;
    assert!(slow.remote.received_frames().contains(&pong("alive?")));
}

#[tokio::test(start_paused = true)]
async fn a_message_larger_than_the_backlog_still_arrives() {
    let hub = hub(Slow::Disconnect(3008)).await;
    let client = Client::on(&hub, "1", "t").await;
    let large = "x".repeat(10 * BACKLOG);
    hub.publish("t", large.clone()).await.unwrap();
    hub.publish("t", large.clone()).await.unwrap();
    client.expect_only([large.clone(), large]).await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_larger_than_the_backlog_costs_a_member_that_reads_nothing() {
    let hub = hub(Slow::Disconnect(3008)).await;
    let client = Client::on(&hub, "1", "t").await;
    // No yield between them, so the shard finds all of them at once.
    let publications = (1..=60).map(|number| hub.publish("t", format!("{number:0200}")).into_future());
    futures_util::future::join_all(publications).await.into_iter().for_each(|published| _ = published.unwrap());
    client.expect_only((1..=60).map(|number| format!("{number:0200}"))).await;
    assert_eq!(hub.counters().disconnected, 0);
}

#[tokio::test(start_paused = true)]
async fn all_backlogs_together_are_bounded() {
    let limits = Limits::default().window(100).backlog(BACKLOG).backlogs(2 * BACKLOG);
    let topic = Topic::new().when_slow(Slow::DropNewest);
    let hub = builder().topics("*", topic).limits(limits).start().await.unwrap();
    let mut stopped = Vec::new();
    for user in 0..10 {
        let client = Client::on(&hub, &user.to_string(), "t").await;
        client.remote.limit_capacity(0);
        stopped.push(client);
    }
    let quick = Client::on(&hub, "quick", "t").await;
    publish(&hub, "t", 1..=200).await;
    quick.expect_only(1..=200).await;
    let bytes = hub.counters().backlog_bytes as usize;
    // Each may have one publication more.
    assert!((BACKLOG..=2 * BACKLOG + 10 * 100).contains(&bytes), "{bytes}");
    stopped.clear();
    settle().await;
    assert_eq!(hub.counters().backlog_bytes, 0);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_the_application_streams_holds_publications_back_and_loses_none() {
    let hub = hub(Slow::Disconnect(3008)).await;
    let client = Client::on(&hub, "1", "t").await;
    let mut streamed = client.member.writer().next_writer(silverback::MessageKind::Text).await.unwrap();
    publish(&hub, "t", [1, 2]).await;
    client.expect_only([0; 0]).await;
    streamed.finish().await.unwrap();
    settle().await;
    assert_eq!(client.texts().into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(), ["1", "2"]);
}
