//! The server acts on members of any node, and asks all nodes.

use std::{sync::atomic::Ordering, time::Duration};

use silverback_hub::{Hub, HubError, Identity, Limits, Memory, Start, Target, Topic};
use silverback_testkit::wire::close;
use tokio::time::{Instant, sleep};

use crate::{
    faulty::Faulty,
    support::{Client, builder, number, poll_once, publish, settle, within},
};

async fn two(topic: Topic) -> (Hub, Hub) {
    let memory = Memory::new();
    let one = builder().name("one").engine(memory.clone()).topics("*", topic.clone()).start().await.unwrap();
    let two = builder().name("two").engine(memory).topics("*", topic).start().await.unwrap();
    settle().await;
    (one, two)
}

#[tokio::test(start_paused = true)]
async fn one_member_or_all_but_some_are_disconnected_on_all_nodes() {
    let (one, two) = two(Topic::new()).await;
    let clients = [Client::user(&one, "42"), Client::user(&two, "42"), Client::user(&two, "42")];
    let other = Client::user(&two, "43");
    one.disconnect(clients[1].member.id(), 4001, "you").await.unwrap();
    clients[1].expect(close(4001, "you")).await;
    one.disconnect(Target::user("43").only(clients[0].member.id()), 4002, "").await.unwrap();
    one.disconnect(Target::user("42").except([clients[0].member.id()]), 4003, "the others").await.unwrap();
    clients[2].expect(close(4003, "the others")).await;
    settle().await;
    assert_eq!((one.counters().members, two.counters().members), (1, 1));
    assert!(clients[0].texts().is_empty() && other.texts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_server_subscribes_and_unsubscribes_a_user_wherever_it_is() {
    let (one, two) = two(Topic::new().presence()).await;
    let (here, there) = (Client::user(&one, "42"), Client::on(&two, "42", "t").await);
    let other = Client::user(&two, "43");
    assert!(one.subscribe("42", "").await.is_err());
    for _ in 0..2 {
        one.subscribe("42", "t").await.unwrap();
        settle().await;
    }
    assert_eq!(two.presence("t").await.unwrap().len(), 2);
    publish(&two, "t", [1]).await;
    here.expect(number(1)).await;
    there.expect(number(1)).await;
    let error = here.member.subscribe("t", Start::Live).await.unwrap_err();
    assert!(matches!(error, HubError::AlreadySubscribed), "{error}");

    two.unsubscribe(Target::user("42").except([there.member.id()]), "t").await.unwrap();
    settle().await;
    publish(&one, "t", [2]).await;
    there.expect(number(2)).await;
    here.expect_only([0; 0]).await;
    other.expect_only([0; 0]).await;
    // It may subscribe again.
    here.member.subscribe("t", Start::Live).await.unwrap();
    publish(&one, "t", [3]).await;
    here.expect(number(3)).await;
}

#[tokio::test(start_paused = true)]
async fn a_notice_reaches_the_applications_that_take_them_and_nobody_else() {
    let (one, two) = two(Topic::new()).await;
    let (here, there) = (Client::user(&one, "42"), Client::user(&two, "42"));
    // This one is lost, because the application has not asked for notices yet.
    one.notify("42", "early").await.unwrap();
    settle().await;
    let mut waiting = Box::pin(there.member.notice());
    assert!(poll_once(&mut waiting).await.is_pending());
    let too_large = one.notify("42", vec![0; 64 * 1024 + 1]).await;
    assert!(matches!(too_large, Err(HubError::Limit(_))));
    for notice in ["first", "second"] {
        one.notify(Target::user("42"), notice).await.unwrap();
    }
    assert_eq!(within(waiting).await, "first");
    settle().await;
    // A future that is dropped loses nothing.
    drop(there.member.notice());
    assert_eq!(within(there.member.notice()).await, "second");
    here.expect_only([0; 0]).await;
}

#[tokio::test(start_paused = true)]
async fn a_member_that_does_not_take_its_notices_is_closed() {
    let (hub, _other) = two(Topic::new()).await;
    let client = Client::user(&hub, "42");
    drop(client.member.notice());
    for number in 0..=64 {
        hub.notify("42", number.to_string()).await.unwrap();
        settle().await;
        assert_eq!(hub.counters().members, u64::from(number < 64), "after {number}");
    }
    client.expect(close(3008, "slow")).await;
}

#[tokio::test(start_paused = true)]
async fn all_nodes_tell_what_they_are_and_which_topics_they_have() {
    let (one, two) = two(Topic::new()).await;
    let _clients = [
        Client::on(&one, "42", "chat:1").await,
        Client::on(&two, "42", "chat:1").await,
        Client::on(&two, "7", "news").await,
    ];
    let begun = Instant::now();
    let nodes = one.nodes().await.unwrap();
    assert_eq!((nodes.nodes.len(), nodes.silent), (2, 0));
    let mut seen: Vec<_> =
        nodes.nodes.iter().map(|node| (node.name.as_str(), node.users, node.counters.members)).collect();
    seen.sort_unstable();
    assert_eq!(seen, [("one", 1, 1), ("two", 2, 2)]);

    let topics = two.topics("", 10).await.unwrap();
    let counts: Vec<_> = topics.topics.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!((counts, topics.is_cut), (vec![("chat:1", 2), ("news", 1)], false));
    let some = one.topics("chat:*", 10).await.unwrap();
    assert_eq!(some.topics.keys().map(|name| name.as_str()).collect::<Vec<_>>(), ["chat:1"]);
    let cut = one.topics("*", 1).await.unwrap();
    assert_eq!((cut.topics.len(), cut.is_cut), (1, true));
    assert!(begun.elapsed() < Duration::from_secs(1), "both nodes have answered");
}

#[tokio::test(start_paused = true)]
async fn many_topics_come_in_several_parts() {
    let hub = builder().limits(Limits::default().topics_per_member(5000)).start().await.unwrap();
    let client = Client::user(&hub, "1");
    for topic in 0..1500 {
        client.member.subscribe(&format!("t{topic}"), Start::Live).await.unwrap();
    }
    let topics = hub.topics("t*", 10_000).await.unwrap();
    assert_eq!((topics.topics.len(), topics.is_cut, topics.silent), (1500, false, 0));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_has_died_is_reported_as_silent_and_then_forgotten() {
    let memory = Memory::new();
    let (engine, faults) = Faulty::new(memory.clone());
    let dead = builder().engine(engine).start().await.unwrap();
    let hub = builder().engine(memory).start().await.unwrap();
    sleep(Duration::from_secs(11)).await;
    faults.is_down.store(true, Ordering::SeqCst);
    let begun = Instant::now();
    let nodes = hub.nodes().await.unwrap();
    assert_eq!((nodes.nodes.len(), nodes.silent), (1, 1));
    assert!(begun.elapsed() <= Duration::from_secs(3));
    sleep(Duration::from_secs(31)).await;
    let nodes = hub.nodes().await.unwrap();
    assert_eq!((nodes.nodes.len(), nodes.silent), (1, 0));
    drop(dead);
}

#[tokio::test(start_paused = true)]
async fn the_connections_of_a_user_are_limited() {
    let hub = builder().limits(Limits::default().members_per_user(2)).start().await.unwrap();
    let mut clients = vec![Client::user(&hub, "42"), Client::user(&hub, "42")];
    let third = Client::user(&hub, "42");
    third.expect(close(3504, "connection limit")).await;
    let others = [
        Client::user(&hub, "43"),
        Client::join(&hub, Identity::anonymous()),
        Client::join(&hub, Identity::anonymous()),
    ];
    assert_eq!(hub.counters().members, 5);
    clients.pop();
    settle().await;
    clients.push(Client::on(&hub, "42", "t").await);
    publish(&hub, "t", [1]).await;
    clients[1].expect(number(1)).await;
    assert!(others.iter().all(|client| client.texts().is_empty()));
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_ends_without_a_drain_leaves_no_ghosts() {
    let (one, two) = two(Topic::new().presence()).await;
    let _stays = Client::on(&two, "stays", "t").await;
    let Client { member, remote, reading } = Client::on(&one, "gone", "t").await;
    assert_eq!(two.presence("t").await.unwrap().len(), 2);
    drop((one, member));
    settle().await;
    let present = two.presence("t").await.unwrap();
    assert_eq!(present.len(), 1, "long before the lease ends");
    let nodes = two.nodes().await.unwrap();
    assert_eq!((nodes.nodes.len(), nodes.silent), (1, 0), "it has said goodbye");
    drop((remote, reading));
}

#[tokio::test(start_paused = true)]
async fn a_publication_tells_who_published_it() {
    let (one, two) = two(Topic::new().history(10, Duration::from_secs(60))).await;
    let client = Client::join(&one, Identity::user("42").info("Ann"));
    client.member.publish("t", "x").await.unwrap();
    one.publish("t", "y").await.unwrap();
    let history = two.history("t", &silverback_hub::Position::start()).await.unwrap().publications;
    let publisher = history[0].publisher.as_ref().unwrap();
    assert_eq!((publisher.member, &publisher.identity), (client.member.id(), client.member.identity()));
    assert!(history[1].publisher.is_none());
    let position = two.position("t").await.unwrap().unwrap();
    assert_eq!(position.offset, 2);
}
