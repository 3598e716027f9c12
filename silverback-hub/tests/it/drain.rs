use std::{sync::atomic::Ordering, time::Duration};

use silverback_hub::{Memory, Topic};
use silverback_testkit::wire::close;
use tokio::time::{Instant, sleep};

use crate::{
    faulty::Faulty,
    support::{Client, builder, hub, settle},
};

#[tokio::test(start_paused = true)]
async fn a_drain_closes_everybody_within_the_window_but_not_at_once() {
    let hub = builder().shards(3).start().await.unwrap();
    let mut clients = Vec::new();
    for user in 0..100 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    let begin = Instant::now();
    let draining = tokio::spawn({
        let hub = hub.clone();
        async move { hub.drain(Duration::from_secs(25)).await }
    });
    sleep(Duration::from_millis(12_600)).await;
    assert!(!hub.is_ready());
    let left = hub.counters().members;
    assert!((45..=55).contains(&left), "{left} are left after half of the time");
    let late = Client::user(&hub, "late");
    late.expect(close(1012, "draining")).await;
    assert_eq!(draining.await.unwrap(), 100);
    assert!(begin.elapsed() <= Duration::from_secs(25));
    settle().await;
    assert_eq!(hub.counters().members, 0);
    for client in &clients {
        client.expect(close(1012, "draining")).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_without_members_is_done_at_once() {
    let hub = hub(Topic::new()).await;
    let begin = Instant::now();
    assert_eq!(hub.drain(Duration::from_secs(25)).await, 0);
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn members_of_a_drained_node_are_present_nowhere() {
    let memory = Memory::new();
    let topic = Topic::new().presence();
    let (engine, faults) = Faulty::new(memory.clone());
    let one = builder().shards(2).engine(engine).topics("*", topic.clone()).start().await.unwrap();
    faults.releases_slowly.store(true, Ordering::SeqCst);
    let two = builder().engine(memory).topics("*", topic).start().await.unwrap();
    let mut clients = Vec::new();
    for user in 0..200 {
        clients.push(Client::on(&one, &user.to_string(), "t").await);
    }
    let stays = Client::on(&two, "stays", "t").await;
    assert_eq!(two.presence("t").await.unwrap().len(), 201);
    assert_eq!(one.drain(Duration::from_secs(1)).await, 200);
    let present = two.presence("t").await.unwrap();
    assert_eq!(present.iter().map(|present| present.member).collect::<Vec<_>>(), [stays.member.id()]);
}
