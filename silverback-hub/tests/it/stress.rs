//! Two nodes on several threads, with faults between the engine and one of them, members that come and go, and
//! publishers that send again. Nothing depends on how the threads run.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use silverback_hub::{EngineEvent, Hub, Memory, Position, Recovery, Start};
use tokio::{sync::Semaphore, task::JoinSet, time::sleep};

use crate::{
    faulty::Faulty,
    support::{Client, with_history, within},
};

const TOPICS: u64 = 4;
const PUBLISHERS: u64 = 4;
const EACH: u64 = 240;
const MEMBERS: usize = 12;

async fn node(engine: impl silverback_hub::Engine) -> Hub {
    Hub::builder()
        .engine(engine)
        .shards(3)
        .topics("*", with_history().history(10_000, Duration::from_secs(3600)))
        .start()
        .await
        .unwrap()
}

/// Reads `count` publications of all topics, and checks that each topic is complete, in order, and without doubles.
async fn read_all(client: &Client, expected: &BTreeMap<String, u64>) {
    let mut seen: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    // The last one of each publisher in each topic.
    let mut last: BTreeMap<(String, String), u64> = BTreeMap::new();
    let count: u64 = expected.values().sum();
    for _ in 0..count {
        let frame = within(client.remote.read_frame()).await.unwrap().unmasked();
        let text = String::from_utf8(frame.payload.to_vec()).unwrap();
        let [topic, publisher, number] = text.split(' ').collect::<Vec<_>>().try_into().unwrap();
        let number: u64 = number.parse().unwrap();
        let before = last.insert((topic.to_owned(), publisher.to_owned()), number);
        assert!(before.is_none_or(|before| before < number), "{text} came after {before:?}");
        assert!(seen.entry(topic.to_owned()).or_default().insert(text.clone()), "{text} came twice");
    }
    for (topic, count) in expected {
        assert_eq!(seen[topic].len() as u64, *count);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn every_sequence_is_complete_and_in_order_through_gaps_doubles_and_reconnects() {
    let memory = Memory::new();
    let (engine, faults) = Faulty::new(memory.clone());
    let (one, two) = (node(engine).await, node(memory).await);
    let expected: BTreeMap<_, _> = (0..TOPICS).map(|topic| (format!("t{topic}"), PUBLISHERS * EACH)).collect();

    // How many numbers the publishers may publish. A member comes, a fault is prepared, and more is published.
    let turns = Arc::new(Semaphore::new(0));
    let (mut publishers, mut tasks) = (JoinSet::new(), JoinSet::new());
    for publisher in 0..PUBLISHERS {
        let hub = if publisher % 2 == 0 { two.clone() } else { one.clone() };
        let turns = turns.clone();
        publishers.spawn(async move {
            for number in 0..EACH {
                turns.acquire().await.unwrap().forget();
                for topic in 0..TOPICS {
                    let publication = || {
                        let text = format!("t{topic} p{publisher} {number}");
                        hub.publish(&format!("t{topic}"), text.clone()).id(text)
                    };
                    // Again and again, as a publisher does that got no answer.
                    while publication().await.is_err() {
                        sleep(Duration::from_millis(1)).await;
                    }
                    publication().await.ok();
                }
            }
        });
    }
    let mut readers = Vec::new();
    for (number, hub) in [&one, &two].into_iter().cycle().take(MEMBERS).enumerate() {
        let client = Arc::new(Client::user(hub, &number.to_string()));
        let (reading, expected) = (client.clone(), expected.clone());
        tasks.spawn(async move { read_all(&reading, &expected).await });
        readers.push(client);
    }
    for (number, client) in readers.iter().enumerate() {
        for topic in expected.keys() {
            let subscribed = loop {
                match client.member.subscribe(topic, Start::After(Position::start())).await {
                    Ok(subscribed) => break subscribed,
                    Err(_) => sleep(Duration::from_millis(1)).await,
                }
            };
            assert_eq!(subscribed.recovered, Recovery::Complete);
        }
        faults.lose(3);
        faults.doubles.fetch_xor(true, Ordering::SeqCst);
        turns.add_permits((PUBLISHERS * EACH) as usize / MEMBERS);
        if number % 3 == 2 {
            faults.go_down().await;
            sleep(Duration::from_millis(2)).await;
            faults.come_up().await;
        }
        // Members that come and go.
        drop(Client::on(&two, "guest", "t0").await);
    }
    while let Some(done) = within(publishers.join_next()).await {
        done.unwrap();
    }
    // Nothing follows that would reveal a loss at the end.
    faults.report(EngineEvent::Gap(None)).await;
    while let Some(done) = within(tasks.join_next()).await {
        done.unwrap();
    }
    assert!(one.counters().gaps > 0, "the first losses show with the next publications");
    assert_eq!((one.counters().incomplete, two.counters().incomplete), (0, 0));
}

/// A task that has answered all members of a topic must not take away those that come while it ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn members_that_come_as_a_replay_ends_get_theirs() {
    let hub = node(Memory::new()).await;
    let position = hub.publish("t", "1").await.unwrap().position.unwrap();
    let mut members = JoinSet::new();
    for user in 0..8 {
        let (hub, position) = (hub.clone(), position.clone());
        members.spawn(async move {
            let client = Client::user(&hub, &user.to_string());
            for _ in 0..500 {
                let subscribed =
                    within(client.member.subscribe("t", Start::After(position.clone())).into_future()).await;
                assert_eq!(subscribed.expect("a subscription").recovered, Recovery::Complete);
                within(client.member.unsubscribe("t")).await.expect("the member is there");
            }
        });
    }
    while let Some(member) = members.join_next().await {
        member.expect("a member that got its replays");
    }
}
