//! Two hubs on one memory: two nodes.

use silverback_hub::{Engine, Hub, Memory, Position, Recovery, Start, Topic};
use silverback_testkit::wire::close;

use crate::{
    faulty::Faulty,
    support::{Client, builder, number, poll_once, publish, settle, with_history, within},
};

async fn two(topic: Topic) -> (Hub, Hub) {
    let memory = Memory::new();
    let one = builder().engine(memory.clone()).topics("*", topic.clone()).start().await.unwrap();
    let two = builder().engine(memory).topics("*", topic).start().await.unwrap();
    (one, two)
}

#[tokio::test(start_paused = true)]
async fn a_publication_reaches_the_members_of_all_nodes() {
    let (one, two) = two(Topic::new()).await;
    let (here, there) = (Client::on(&one, "1", "t").await, Client::on(&two, "2", "t").await);
    let published = one.publish("t", "1").await.unwrap();
    assert_eq!(published.local_receivers, 1);
    there.member.publish("t", "2").except(&there.member).await.unwrap();
    here.expect_only([1, 2]).await;
    there.expect_only([1]).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_recovers_at_another_node() {
    let (one, two) = two(with_history()).await;
    let client = Client::user(&one, "1");
    let position = client.member.subscribe("t", Start::Live).await.unwrap().position.unwrap();
    drop((client, one));
    publish(&two, "t", 1..=5).await;
    let client = Client::user(&two, "1");
    let subscribed = client.member.subscribe("t", Start::After(position)).await.unwrap();
    assert_eq!(subscribed.recovered, Recovery::Complete);
    client.expect_only(1..=5).await;
}

#[tokio::test(start_paused = true)]
async fn queries_see_all_nodes() {
    let (one, two) = two(with_history().presence()).await;
    let _here = Client::on(&one, "1", "t").await;
    let _there = Client::on(&two, "2", "t").await;
    publish(&one, "t", [1]).await;
    for hub in [&one, &two] {
        let present = hub.presence("t").await.unwrap();
        let mut users: Vec<_> = present.iter().map(|present| present.identity.user_id().unwrap()).collect();
        users.sort_unstable();
        assert_eq!(users, ["1", "2"]);
        assert_eq!(hub.history("t", &Position::start()).await.unwrap().publications.len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_is_cleared_on_all_nodes_and_subscribed_members_notice_nothing() {
    let (one, two) = two(with_history()).await;
    let member = Client::on(&two, "1", "t").await;
    publish(&one, "t", 1..=3).await;
    let stands = two.history("t", &Position::start()).await.unwrap().position.unwrap();
    one.clear_history("t").await.unwrap();
    assert!(one.clear_history("").await.is_err(), "a name that is not valid");
    assert!(two.history("t", &Position::start()).await.unwrap().publications.is_empty());
    let older = Position::new(stands.epoch.clone(), 2);
    for (after, recovered) in [(stands, Recovery::Complete), (older, Recovery::Incomplete)] {
        let client = Client::user(&two, "2");
        let subscribed = client.member.subscribe("t", Start::After(after)).await.unwrap();
        assert_eq!(subscribed.recovered, recovered);
    }
    publish(&one, "t", [4]).await;
    member.expect_only(1..=4).await;
    assert_eq!((two.counters().gaps, two.counters().incomplete), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_user_is_disconnected_on_all_nodes_and_nobody_else() {
    let (one, two) = two(Topic::new()).await;
    let (here, there) = (Client::on(&one, "42", "t").await, Client::on(&two, "42", "t").await);
    let other = Client::on(&two, "43", "t").await;
    assert!(one.disconnect("42", 1005, "").await.is_err(), "a code that must not be sent");
    one.disconnect("42", 4501, "banned").await.unwrap();
    here.expect(close(4501, "banned")).await;
    there.expect(close(4501, "banned")).await;
    publish(&one, "t", [1]).await;
    other.expect_only([1]).await;
    assert_eq!((one.counters().members, two.counters().members), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_has_one_subscription_for_all_members_of_a_topic() {
    let (engine, faults) = Faulty::new(Memory::new());
    let hub = builder().engine(engine).start().await.unwrap();
    let mut clients = Vec::new();
    for user in 0..20 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    assert_eq!(faults.take_log(), ["subscribe t", "subscribed t"]);
    let last = clients.pop();
    clients.clear();
    settle().await;
    assert!(faults.take_log().is_empty());
    drop(last);
    settle().await;
    assert_eq!(faults.take_log(), ["unsubscribe t", "unsubscribed t"]);
}

#[tokio::test(start_paused = true)]
async fn unsubscribe_and_subscribe_do_not_race_when_a_member_reconnects() {
    let (engine, faults) = Faulty::new(Memory::new());
    let hub = builder().engine(engine).topics("*", with_history()).start().await.unwrap();
    let first = Client::on(&hub, "1", "t").await;
    faults.subscriptions.forget_permits(usize::MAX);
    drop(first);
    settle().await;
    // The engine unsubscribes slowly, and the member is back.
    let second = Client::user(&hub, "1");
    let mut subscribing = Box::pin(second.member.subscribe("t", Start::Live).into_future());
    assert!(poll_once(&mut subscribing).await.is_pending());
    faults.subscriptions.add_permits(1);
    settle().await;
    publish(&hub, "t", [1]).await;
    faults.subscriptions.add_permits(100);
    let subscribed = within(subscribing).await.unwrap();
    assert_eq!(subscribed.position.unwrap().offset, 1, "what came between is not promised as live");
    let log = faults.take_log();
    assert_eq!(log[2..], ["unsubscribe t", "unsubscribed t", "subscribe t", "subscribed t"], "one at a time");
    publish(&hub, "t", [2]).await;
    second.expect(number(2)).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_returns_before_the_engine_has_unsubscribed_keeps_the_subscription() {
    let (engine, faults) = Faulty::new(Memory::new());
    let hub = builder().engine(engine).start().await.unwrap();
    let first = Client::on(&hub, "1", "t").await;
    let second = Client::user(&hub, "2");
    first.member.unsubscribe("t").await.unwrap();
    second.member.subscribe("t", Start::Live).await.unwrap();
    settle().await;
    publish(&hub, "t", [1]).await;
    second.expect(number(1)).await;
    let log = faults.take_log();
    assert!(log.last().unwrap() == "subscribed t", "{log:?}");
}

#[tokio::test(start_paused = true)]
async fn a_node_goes_with_its_hub_and_the_others_stay() {
    let (one, two) = two(Topic::new()).await;
    drop(one);
    let client = Client::on(&two, "1", "t").await;
    publish(&two, "t", [1]).await;
    client.expect(number(1)).await;
}

#[tokio::test(start_paused = true)]
async fn an_engine_can_be_chosen_while_the_program_runs() {
    let engine: Box<dyn Engine> = Box::new(Memory::new());
    let hub = builder().engine(engine).topics("*", with_history().presence()).start().await.unwrap();
    let client = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", [1]).await;
    client.expect(number(1)).await;
    assert_eq!(hub.presence("t").await.unwrap().len(), 1);
    hub.disconnect("1", 4000, "").await.unwrap();
    client.expect(close(4000, "")).await;
}
