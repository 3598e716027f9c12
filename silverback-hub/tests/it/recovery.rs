//! Members and nodes that have missed something.

use std::{sync::atomic::Ordering, time::Duration};

use silverback::Message;
use silverback_hub::{
    EngineEvent, Hub, HubError, HubEvent, Memory, Position, Publication, Recovery, Start, Subscribed, Topic, TopicName,
};
use silverback_testkit::wire::text;
use tokio::time::sleep;

use crate::{
    faulty::{Faults, Faulty},
    support::{Client, builder, hub, number, poll_once, publish, settle, with_history, within},
};

async fn faulty(topic: Topic) -> (Hub, std::sync::Arc<Faults>) {
    let (engine, faults) = Faulty::new(Memory::new());
    (builder().engine(engine).topics("*", topic).start().await.unwrap(), faults)
}

#[tokio::test(start_paused = true)]
async fn a_member_that_comes_back_gets_what_it_has_missed_before_anything_live() {
    let hub = hub(with_history()).await;
    let client = Client::user(&hub, "1");
    let position = client.member.subscribe("t", Start::Live).await.unwrap().position.unwrap();
    drop(client);
    publish(&hub, "t", 1..=5).await;
    let client = Client::user(&hub, "1");
    let subscribed = client.member.subscribe("t", Start::After(position)).await.unwrap();
    assert_eq!(subscribed.recovered, Recovery::Complete);
    assert_eq!((subscribed.publications.len(), subscribed.position.unwrap().offset), (5, 5));
    publish(&hub, "t", [6]).await;
    client.expect_only(1..=6).await;
}

#[tokio::test(start_paused = true)]
async fn members_that_return_at_once_share_the_calls_of_the_engine() {
    let (hub, faults) = faulty(Topic::new().history(50, Duration::from_secs(300))).await;
    let first = Client::user(&hub, "first");
    let epoch = first.member.subscribe("t", Start::Live).await.unwrap().position.unwrap().epoch;
    publish(&hub, "t", 1..=100).await;
    let back = |offset: u64| {
        let (hub, after) = (hub.clone(), Position::new(epoch.clone(), offset));
        async move {
            let client = Client::user(&hub, "back");
            let subscribed = client.member.subscribe("t", Start::After(after)).await.unwrap();
            (subscribed.recovered, subscribed.publications.len())
        }
    };
    let everyone: Vec<_> = (0..1000).map(|number| tokio::spawn(back(50 + number % 51))).collect();
    for (number, one) in everyone.into_iter().enumerate() {
        assert_eq!(within(one).await.unwrap(), (Recovery::Complete, 50 - number % 51));
    }
    assert!(faults.replayed.swap(0, Ordering::SeqCst) <= 2, "one call, and one for those that came during it");
    // Some were away for too long, and they do not spoil it for the others.
    let everyone: Vec<_> = (0..=100).map(|offset| tokio::spawn(back(offset))).collect();
    for (offset, one) in everyone.into_iter().enumerate() {
        let expected = if offset < 50 { (Recovery::Incomplete, 0) } else { (Recovery::Complete, 100 - offset) };
        assert_eq!(within(one).await.unwrap(), expected, "after {offset}");
    }
    let calls = faults.replayed.load(Ordering::SeqCst);
    assert!(calls <= 20, "{calls} calls");
}

#[tokio::test(start_paused = true)]
async fn a_member_that_wants_all_or_nothing_gets_no_live_publication_after_a_refusal() {
    let hub = hub(Topic::new().history(2, Duration::from_secs(60))).await;
    let witness = Client::user(&hub, "w");
    let epoch = witness.member.subscribe("t", Start::Live).await.unwrap().position.unwrap().epoch;
    publish(&hub, "t", 1..=4).await;
    let client = Client::user(&hub, "1");
    let after = |offset| Start::AllAfter(Position::new(epoch.clone(), offset));
    for _ in 0..3 {
        let publishing = publish(&hub, "t", 5..=8);
        let subscribing =
            client.member.subscribe("t", after(1)).reply(|_| unreachable!("there is no reply")).into_future();
        let (error, ()) = tokio::join!(subscribing, publishing);
        assert!(matches!(error, Err(HubError::Incomplete)));
        publish(&hub, "t", [9]).await;
    }
    client.expect_only([0; 0]).await;
    assert_eq!(hub.counters().subscriptions, 1);
    let newest = hub.position("t").await.unwrap().unwrap().offset;
    let subscribed = client.member.subscribe("t", after(newest - 2)).await.unwrap();
    assert_eq!((subscribed.recovered, subscribed.publications.len()), (Recovery::Complete, 2));
}

#[tokio::test(start_paused = true)]
async fn positions_of_other_epochs_are_incomplete_and_do_not_spoil_those_of_this_one() {
    let hub = hub(with_history()).await;
    let first = Client::user(&hub, "first");
    let epoch = first.member.subscribe("t", Start::Live).await.unwrap().position.unwrap().epoch;
    publish(&hub, "t", 1..=3).await;
    let other = silverback_hub::Epoch::new("other");
    let positions =
        [Position::new(other.clone(), 0), Position::new(epoch, 2), Position::new(other, 3), Position::start()];
    let back = positions.map(|after| {
        let hub = hub.clone();
        tokio::spawn(async move {
            let client = Client::user(&hub, "back");
            let subscribed = client.member.subscribe("t", Start::After(after)).await.unwrap();
            (subscribed.recovered, subscribed.publications.len())
        })
    });
    let (no, yes) = (Recovery::Incomplete, Recovery::Complete);
    for (one, expected) in back.into_iter().zip([(no, 0), (yes, 1), (no, 0), (yes, 3)]) {
        assert_eq!(within(one).await.unwrap(), expected);
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_published_during_the_replay_is_neither_lost_nor_doubled() {
    let (hub, faults) = faulty(with_history()).await;
    let witness = Client::on(&hub, "w", "t").await;
    publish(&hub, "t", 1..=3).await;
    faults.replays.forget_permits(usize::MAX);
    let client = Client::user(&hub, "1");
    let mut subscribing = Box::pin(client.member.subscribe("t", Start::After(Position::start())).into_future());
    assert!(poll_once(&mut subscribing).await.is_pending());
    // The replay was read, and its answer is on the way.
    publish(&hub, "t", 4..=6).await;
    settle().await;
    client.expect_only([0; 0]).await;
    faults.replays.add_permits(1);
    let subscribed = within(subscribing).await.unwrap();
    assert_eq!((subscribed.recovered, subscribed.publications.len()), (Recovery::Complete, 6));
    publish(&hub, "t", [7]).await;
    client.expect_only(1..=7).await;
    witness.expect_only(1..=7).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_recovers_before_its_node_does_gets_nothing_twice() {
    let (hub, faults) = faulty(with_history()).await;
    let witness = Client::on(&hub, "w", "t").await;
    faults.lose(1);
    publish(&hub, "t", 1..=2).await;
    // The node has noticed the gap, and its first question to the engine fails.
    faults.is_down.store(true, Ordering::SeqCst);
    settle().await;
    faults.is_down.store(false, Ordering::SeqCst);
    let client = Client::user(&hub, "1");
    let subscribed = client.member.subscribe("t", Start::After(Position::start())).await.unwrap();
    assert_eq!((subscribed.recovered, subscribed.publications.len()), (Recovery::Complete, 2));
    publish(&hub, "t", [3]).await;
    client.expect_only(1..=2).await;
    witness.expect_only([0; 0]).await;
    sleep(Duration::from_secs(2)).await;
    client.expect_only([3]).await;
    witness.expect_only(1..=3).await;
    publish(&hub, "t", [4]).await;
    client.expect_only([4]).await;
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_shows_during_a_replay_makes_it_incomplete() {
    let (hub, faults) = faulty(Topic::new().history(2, Duration::from_secs(300))).await;
    let _witness = Client::on(&hub, "w", "t").await;
    publish(&hub, "t", [1]).await;
    settle().await;
    faults.replays.forget_permits(usize::MAX);
    faults.lose(4);
    publish(&hub, "t", 2..=6).await;
    settle().await;
    // The node waits for its replay, which will not have 2 to 4. The client knows those, and its replay would be whole.
    let position = hub.publish("t", "7").await.unwrap().position.unwrap();
    let client = Client::user(&hub, "1");
    let known = Position::new(position.epoch, 5);
    let mut subscribing = client.member.subscribe("t", Start::After(known)).into_future();
    assert!(poll_once(&mut subscribing).await.is_pending());
    settle().await;
    faults.replays.add_permits(1);
    settle().await;
    assert_eq!(hub.counters().incomplete, 1);
    assert!(poll_once(&mut subscribing).await.is_pending());
    faults.replays.add_permits(1);
    let subscribed = within(subscribing).await.unwrap();
    assert_eq!((subscribed.recovered, subscribed.publications.len()), (Recovery::Incomplete, 0));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_comes_while_its_node_loses_publications_is_told_a_position_after_them() {
    for recovers in [true, false] {
        let (hub, faults) = faulty(Topic::new().history(2, Duration::from_secs(300)).presence()).await;
        let _witness = Client::on(&hub, "w", "t").await;
        let first = hub.publish("t", "1").await.unwrap().position.unwrap();
        settle().await;
        faults.replays.forget_permits(usize::MAX);
        faults.lose(4);
        publish(&hub, "t", 2..=6).await;
        settle().await;
        // The node waits for its replay. Its answer will have a hole, so the node will not hand on what arrives now.
        faults.leases.forget_permits(usize::MAX);
        let client = Client::user(&hub, "1");
        let known = Position::new(first.epoch, 5);
        let start = if recovers { Start::After(known) } else { Start::Live };
        let mut subscribing = client.member.subscribe("t", start).into_future();
        assert!(poll_once(&mut subscribing).await.is_pending());
        settle().await;
        let newest = hub.publish("t", "7").await.unwrap().position;
        settle().await;
        faults.replays.add_permits(1);
        settle().await;
        assert_eq!(hub.counters().incomplete, 1);
        faults.replays.add_permits(1);
        faults.leases.add_permits(1);
        let subscribed = within(subscribing).await.unwrap();
        let expected = if recovers { Recovery::Incomplete } else { Recovery::NotAsked };
        assert_eq!((subscribed.recovered, subscribed.position), (expected, newest));
        publish(&hub, "t", [8]).await;
        client.expect_only([8]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_reply_to_a_subscription_comes_before_its_first_push() {
    let hub = hub(with_history()).await;
    publish(&hub, "t", 1..=2).await;
    let client = Client::user(&hub, "1");
    let reply = |subscribed: &Subscribed| Message::from(format!("subscribed {}", subscribed.publications.len()));
    let subscribing = client.member.subscribe("t", Start::After(Position::start())).reply(reply).into_future();
    let publishing = publish(&hub, "t", 3..=9);
    let (subscribed, ()) = tokio::join!(subscribing, publishing);
    settle().await;
    let count = subscribed.unwrap().publications.len() as u64;
    let expected: Vec<_> =
        [format!("subscribed {count}")].into_iter().chain((count + 1..=9).map(|n| n.to_string())).collect();
    assert_eq!(client.texts(), expected);
    // The same live.
    let client = Client::user(&hub, "2");
    let reply = |subscribed: &Subscribed| Message::from(format!("at {}", subscribed.position.as_ref().unwrap().offset));
    let (subscribed, ()) =
        tokio::join!(client.member.subscribe("t", Start::Live).reply(reply).into_future(), publish(&hub, "t", 10..=12));
    settle().await;
    let at = subscribed.unwrap().position.unwrap().offset;
    let expected: Vec<_> = [format!("at {at}")].into_iter().chain((at + 1..=12).map(|n| n.to_string())).collect();
    assert_eq!(client.texts(), expected);
}

#[tokio::test(start_paused = true)]
async fn a_recovery_with_a_hole_gives_nothing_and_says_so() {
    let hub = hub(Topic::new().history(3, Duration::from_secs(300))).await;
    publish(&hub, "t", 1..=5).await;
    let client = Client::user(&hub, "1");
    let subscribed = client.member.subscribe("t", Start::After(Position::start())).await.unwrap();
    assert_eq!((subscribed.recovered, subscribed.publications.len()), (Recovery::Incomplete, 0));
    assert_eq!(subscribed.position.unwrap().offset, 5);
    publish(&hub, "t", [6]).await;
    client.expect_only([6]).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_new_gets_the_newest_publications_without_a_claim() {
    let hub = hub(Topic::new().history(5, Duration::from_secs(300))).await;
    publish(&hub, "t", 1..=9).await;
    for (count, expected) in [(2, 8..=9), (100, 5..=9)] {
        let client = Client::user(&hub, "1");
        let subscribed = client.member.subscribe("t", Start::Recent(count)).await.unwrap();
        assert_eq!((subscribed.recovered, subscribed.position.unwrap().offset), (Recovery::NotAsked, 9));
        client.expect_only(expected).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_topic_without_history_never_claims_to_be_complete() {
    let hub = hub(Topic::new()).await;
    let client = Client::user(&hub, "1");
    let subscribed = client.member.subscribe("t", Start::After(Position::start())).await.unwrap();
    assert_eq!((subscribed.recovered, subscribed.position), (Recovery::Incomplete, None));
    publish(&hub, "t", [1]).await;
    client.expect_only([1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_on_the_way_to_the_node_is_filled_from_the_history() {
    let (hub, faults) = faulty(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", 1..=2).await;
    faults.lose(3);
    publish(&hub, "t", 3..=7).await;
    client.expect_only(1..=7).await;
    let counters = hub.counters();
    assert_eq!((counters.gaps, counters.incomplete), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn publications_that_arrive_twice_are_sent_once() {
    let (hub, faults) = faulty(with_history()).await;
    faults.doubles.store(true, Ordering::SeqCst);
    let client = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", 1..=5).await;
    client.expect_only(1..=5).await;
    assert_eq!(hub.counters().duplicates, 5);
}

#[tokio::test(start_paused = true)]
async fn a_loss_at_the_tail_is_found_after_a_reconnect() {
    let (hub, faults) = faulty(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    faults.lose(2);
    publish(&hub, "t", 1..=2).await;
    client.expect_only([0; 0]).await;
    faults.go_down().await;
    assert!(!hub.is_ready());
    faults.come_up().await;
    assert!(hub.is_ready());
    client.expect_only(1..=2).await;
}

#[tokio::test(start_paused = true)]
async fn a_loss_at_the_tail_is_found_by_the_check_without_a_reconnect() {
    let (hub, faults) = faulty(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    faults.lose(1);
    publish(&hub, "t", [1]).await;
    client.expect_only([0; 0]).await;
    sleep(Duration::from_secs(31)).await;
    client.expect_only([1]).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_reports_a_gap_is_asked_what_was_missing() {
    let (hub, faults) = faulty(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    for gap in [Some(TopicName::new("t").unwrap()), None] {
        faults.lose(1);
        publish(&hub, "t", [1]).await;
        client.expect_only([0; 0]).await;
        faults.report(EngineEvent::Gap(gap)).await;
        client.expect_only([1]).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_hole_that_the_history_cannot_fill_is_told_and_the_member_is_asked_to_reconnect() {
    let (hub, faults) = faulty(Topic::new().history(2, Duration::from_secs(300))).await;
    let mut events = hub.events();
    let client = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", [1]).await;
    faults.lose(4);
    publish(&hub, "t", 2..=6).await;
    client.expect(number(1)).await;
    let frame = within(client.remote.read_frame()).await.unwrap();
    assert_eq!(frame.unmasked().payload[..2], 3010_u16.to_be_bytes());
    assert_eq!(within(events.next()).await, Some(HubEvent::Incomplete { topic: TopicName::new("t").unwrap() }));
    assert_eq!(hub.counters().incomplete, 1);
}

#[derive(Debug)]
struct Telling;

impl silverback_hub::Encoding for Telling {
    fn encode(&self, batch: &[Publication]) -> silverback::PreparedMessage {
        silverback::PreparedMessage::new(batch[0].message.clone())
    }

    fn incomplete(&self, topic: &TopicName) -> Option<Message> {
        Some(format!("{topic} is incomplete").into())
    }
}

#[tokio::test(start_paused = true)]
async fn an_encoding_can_tell_about_a_hole_and_the_member_stays() {
    let (engine, faults) = Faulty::new(Memory::new());
    let topic = Topic::new().history(2, Duration::from_secs(300));
    let hub = builder().engine(engine).topics("*", topic).encoding(Telling).start().await.unwrap();
    let client = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", [1]).await;
    faults.lose(4);
    publish(&hub, "t", 2..=6).await;
    client.expect(number(1)).await;
    client.expect(text("t is incomplete")).await;
    settle().await;
    publish(&hub, "t", [7]).await;
    client.expect(number(7)).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_down_refuses_and_recovers_what_came_meanwhile() {
    let memory = Memory::new();
    let (engine, faults) = Faulty::new(memory.clone());
    let here = builder().engine(engine).topics("*", with_history()).start().await.unwrap();
    let there = builder().engine(memory).topics("*", with_history()).start().await.unwrap();
    let mut events = here.events();
    let client = Client::on(&here, "1", "t").await;
    publish(&there, "t", [1]).await;
    faults.go_down().await;
    assert!(here.publish("t", "x").await.is_err());
    assert!(client.member.subscribe("u", Start::Live).await.is_err());
    publish(&there, "t", 2..=4).await;
    client.expect_only([1]).await;
    faults.come_up().await;
    client.expect_only(2..=4).await;
    assert_eq!(within(events.next()).await, Some(HubEvent::EngineDown));
    assert_eq!(within(events.next()).await, Some(HubEvent::EngineUp));
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_fetched_again_until_the_engine_answers() {
    let (hub, faults) = faulty(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    faults.lose(1);
    publish(&hub, "t", 1..=2).await;
    // The gap was noticed, and the engine does not answer.
    faults.is_down.store(true, Ordering::SeqCst);
    settle().await;
    sleep(Duration::from_secs(3)).await;
    let seen = client.texts();
    assert!(seen.is_empty() || seen == ["1", "2"], "{seen:?}");
    faults.is_down.store(false, Ordering::SeqCst);
    sleep(Duration::from_secs(3)).await;
    assert_eq!([seen, client.texts()].concat(), ["1", "2"]);
}

#[tokio::test(start_paused = true)]
async fn an_engine_that_is_up_and_does_not_replay_is_not_waited_for_for_ever() {
    let (hub, faults) = faulty(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    faults.fails_replays.store(true, Ordering::SeqCst);
    faults.lose(1);
    publish(&hub, "t", 1..=2).await;
    sleep(Duration::from_secs(10)).await;
    assert_eq!(hub.counters().incomplete, 1);
    let frame = within(client.remote.read_frame()).await.unwrap();
    assert_eq!(frame.unmasked().payload[..2], 3010_u16.to_be_bytes());
    let next = Client::on(&hub, "2", "t").await;
    publish(&hub, "t", [3]).await;
    next.expect_only([3]).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_recovers_many_topics_over_a_slow_line_is_told_and_not_disconnected() {
    let limits = silverback_hub::Limits::default().window(100).recovery(4000);
    let hub = builder().topics("*", with_history()).limits(limits).start().await.unwrap();
    let client = Client::user(&hub, "1");
    client.remote.limit_capacity(0);
    let mut recovered = Vec::new();
    for topic in ["a", "b", "c", "d"] {
        for _ in 0..5 {
            hub.publish(topic, "x".repeat(400)).await.unwrap();
        }
        let subscribed = client.member.subscribe(topic, Start::After(Position::start())).await.unwrap();
        recovered.push(subscribed.recovered);
    }
    use Recovery::{Complete, Incomplete};
    assert_eq!(recovered, [Complete, Complete, Incomplete, Incomplete]);
    client.remote.limit_capacity(usize::MAX);
    settle().await;
    assert_eq!(client.texts().len(), 10);
    publish(&hub, "d", [1]).await;
    client.expect_only([1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_thousand_members_that_reconnect_at_once_all_recover() {
    let hub = builder().shards(4).topics("*", with_history()).start().await.unwrap();
    publish(&hub, "t", 1..=20).await;
    let clients: Vec<_> = (0..1000).map(|user| Client::user(&hub, &user.to_string())).collect();
    let subscribing =
        clients.iter().map(|client| client.member.subscribe("t", Start::After(Position::start())).into_future());
    let (subscribed, ()) = tokio::join!(futures_util::future::join_all(subscribing), publish(&hub, "t", 21..=30));
    assert!(subscribed.into_iter().all(|subscribed| subscribed.unwrap().recovered == Recovery::Complete));
    settle().await;
    let expected: Vec<_> = (1..=30).map(|number| number.to_string()).collect();
    assert!(clients.iter().all(|client| client.texts() == expected));
}
