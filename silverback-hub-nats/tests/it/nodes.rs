//! Two hubs on one broker: two nodes.

use std::time::Duration;

use silverback_hub::{Hub, Position, Publication, Recovery, Start, Topic};

use crate::support::{
    Client, broker, brokers, eventually, file, hub, memory, position, publish, two, with_history, within,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_share_one_stream_on_old_and_new_servers() {
    for broker in brokers() {
        for round in 0..10 {
            let prefix = format!("round-{round}");
            let nats = || file(&broker).prefix(&prefix);
            let (one, other) = tokio::join!(hub(nats(), with_history()), hub(nats(), with_history()));
            let (first, second) = tokio::join!(Client::on(&one, "1", "t"), Client::on(&other, "2", "t"));
            publish(&one, "t", 1..=5).await;
            publish(&other, "t", 6..=10).await;
            first.expect(1..=10).await;
            second.expect(1..=10).await;
            assert_eq!(position(&one, "t").await, position(&other, "t").await);
        }
    }
}

#[tokio::test]
async fn a_publication_reaches_the_members_of_all_nodes() {
    let Some(broker) = broker() else { return };
    for topic in [Topic::new(), with_history()] {
        let (one, other) = two(|| memory(&broker), topic).await;
        let (here, there) = (Client::on(&one, "1", "t").await, Client::on(&other, "2", "t").await);
        publish(&one, "t", [1]).await;
        within(there.member.publish("t", "2").except(&there.member)).await.expect("a publication");
        publish(&other, "t", [3]).await;
        here.expect([1, 2, 3]).await;
        there.expect([1, 3]).await;
    }
}

#[tokio::test]
async fn a_member_recovers_at_another_node_on_old_and_new_servers() {
    for broker in brokers() {
        let (one, other) = two(|| file(&broker), with_history()).await;
        let client = Client::on(&one, "1", "t").await;
        publish(&other, "t", 1..=3).await;
        client.expect(1..=3).await;
        let seen = position(&one, "t").await;
        drop((client, one));
        publish(&other, "t", 4..=50).await;
        let client = Client::user(&other, "1");
        let subscribed = within(client.member.subscribe("t", Start::After(seen))).await.expect("a subscription");
        assert_eq!(subscribed.recovered, Recovery::Complete);
        publish(&other, "t", [51]).await;
        client.expect(4..=51).await;
    }
}

#[tokio::test]
async fn a_topic_without_publications_has_a_position_that_can_be_recovered_from() {
    let Some(broker) = broker() else { return };
    let hub = hub(memory(&broker), with_history()).await;
    publish(&hub, "other", 1..=5).await;
    let empty = position(&hub, "t").await;
    publish(&hub, "other", 6..=9).await;
    for (count, from) in [(0, empty.clone()), (3, empty), (3, Position::start())] {
        if count > 0 {
            publish(&hub, "t", position_count(&hub).await + 1..=count).await;
        }
        let client = Client::user(&hub, "1");
        let subscribed = within(client.member.subscribe("t", Start::After(from))).await.expect("a subscription");
        assert_eq!(subscribed.recovered, Recovery::Complete);
        client.expect(1..=count).await;
    }
}

async fn position_count(hub: &Hub) -> u64 {
    let replay = within(hub.history("t", &Position::start())).await.expect("a history");
    replay.publications.len() as u64
}

#[tokio::test]
async fn a_recovery_is_all_or_nothing() {
    let Some(broker) = broker() else { return };
    let hub = hub(memory(&broker), Topic::new().history(5, Duration::from_secs(300))).await;
    publish(&hub, "t", [1]).await;
    let first = position(&hub, "t").await;
    publish(&hub, "t", 2..=6).await;
    let client = Client::user(&hub, "1");
    let subscribed = within(client.member.subscribe("t", Start::After(first.clone()))).await.expect("a subscription");
    assert_eq!(subscribed.recovered, Recovery::Complete, "five were missed, and the history has five");
    client.expect(2..=6).await;
    publish(&hub, "t", [7]).await;
    let client = Client::user(&hub, "2");
    let subscribed = within(client.member.subscribe("t", Start::After(first))).await.expect("a subscription");
    assert_eq!(subscribed.recovered, Recovery::Incomplete, "six were missed");
    publish(&hub, "t", [8]).await;
    client.expect([8]).await;
}

#[tokio::test]
async fn the_age_of_the_history_counts_when_it_is_read_and_quiet_topics_stay_provable() {
    let Some(broker) = broker() else { return };
    let hub = hub(memory(&broker), Topic::new().history(100, Duration::from_millis(300))).await;
    publish(&hub, "t", 1..=2).await;
    let newest = position(&hub, "t").await;
    let before = Position::new(newest.epoch.clone(), newest.offset - 1);
    tokio::time::sleep(Duration::from_millis(400)).await;
    let replay = within(hub.history("t", &Position::start())).await.expect("a history");
    assert!(replay.publications.is_empty(), "all are too old");
    for (after, recovered) in [(newest, Recovery::Complete), (before, Recovery::Incomplete)] {
        let client = Client::user(&hub, "1");
        let subscribed = within(client.member.subscribe("t", Start::After(after))).await.expect("a subscription");
        assert_eq!(subscribed.recovered, recovered);
    }
}

#[tokio::test]
async fn a_quiet_topic_whose_newest_publication_has_expired_keeps_its_position_while_a_member_is_there() {
    let Some(broker) = broker() else { return };
    let nats = memory(&broker).position_age(Duration::from_secs(2));
    let engine = nats.connect().await.expect("valid settings");
    let topic = Topic::new().history(10, Duration::from_secs(1));
    let hub = crate::support::builder(topic).engine(engine).check_positions(Duration::from_millis(100));
    let hub = hub.start().await.expect("the engine starts");
    crate::support::ready(&hub).await;
    let member = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", [1]).await;
    let published = position(&hub, "t").await;
    for number in 0..40 {
        publish(&hub, "other", [number]).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(position(&hub, "t").await, published);
    assert_eq!((hub.counters().gaps, hub.counters().incomplete), (0, 0));
    publish(&hub, "t", [2]).await;
    member.expect([1, 2]).await;
    assert_eq!(hub.counters().incomplete, 0);
}

#[tokio::test]
async fn a_history_is_cleared_on_all_nodes_and_subscribed_members_notice_nothing() {
    let Some(broker) = broker() else { return };
    let (one, other) = two(|| file(&broker), with_history()).await;
    within(one.clear_history("t")).await.expect("nothing to clear");
    let member = Client::on(&other, "1", "t").await;
    publish(&one, "t", 1..=3).await;
    member.expect(1..=3).await;
    let stands = position(&other, "t").await;
    for _ in 0..2 {
        within(one.clear_history("t")).await.expect("a history is cleared");
    }
    let replay = within(other.history("t", &Position::start())).await.expect("a history");
    assert_eq!((replay.publications.len(), replay.position), (0, Some(stands.clone())));
    let older = Position::new(stands.epoch.clone(), stands.offset - 1);
    for (after, recovered) in [(stands, Recovery::Complete), (older, Recovery::Incomplete)] {
        let client = Client::user(&other, "2");
        let subscribed = within(client.member.subscribe("t", Start::After(after))).await.expect("a subscription");
        assert_eq!(subscribed.recovered, recovered);
    }
    publish(&one, "t", [4]).await;
    member.expect(1..=4).await;
    assert_eq!((other.counters().gaps, other.counters().incomplete), (0, 0));
}

#[tokio::test]
async fn an_id_is_accepted_once_with_history_and_without() {
    let Some(broker) = broker() else { return };
    for topic in [Topic::new(), with_history()] {
        let has_history = topic.history_limits().is_some();
        let prefix = if has_history { "with" } else { "without" };
        let (one, other) = two(|| memory(&broker).prefix(prefix), topic).await;
        let member = Client::on(&other, "1", "t").await;
        let first = within(one.publish("t", "1").id("a b.*>ü")).await.expect("a publication");
        let again = within(other.publish("t", "1").id("a b.*>ü")).await.expect("a publication");
        assert_eq!((first.is_duplicate, again.is_duplicate), (false, true));
        assert_eq!((&first.position, first.position.is_some()), (&again.position, has_history));
        let elsewhere = within(one.publish("u", "1").id("a b.*>ü")).await.expect("a publication");
        assert!(!elsewhere.is_duplicate, "another topic has ids of its own");
        publish(&one, "t", [2]).await;
        member.expect([1, 2]).await;
    }
}

#[tokio::test]
async fn topic_names_with_a_space_a_dot_a_star_or_an_arrow_do_not_mix() {
    let Some(broker) = broker() else { return };
    let (one, other) = two(|| memory(&broker), with_history().presence()).await;
    let long = "ü".repeat(127);
    let names = ["a b", "a.b", "*", ">", "a.>", "%20", "a%20b", "ü", "$SYS.>", "a\\b/c", long.as_str()];
    let mut clients = Vec::new();
    for name in names {
        clients.push(Client::on(&other, name, name).await);
    }
    for name in names {
        within(one.publish(name, name)).await.expect("a publication");
    }
    for (client, name) in clients.iter().zip(names) {
        client.expect([name]).await;
        let present = within(one.presence(name)).await.expect("a list");
        let users: Vec<_> = present.iter().filter_map(|present| present.identity.user_id()).collect();
        assert_eq!(users, [name]);
    }
}

#[tokio::test]
async fn presence_is_seen_by_all_nodes_and_a_node_that_dies_leaves_no_ghosts_on_old_and_new_servers() {
    for broker in brokers() {
        let topic = Topic::new().presence();
        let start = async || {
            let engine = memory(&broker).connect().await.expect("valid settings");
            let hub = crate::support::builder(topic.clone()).engine(engine).lease(Duration::from_secs(2));
            let hub = hub.start().await.expect("the engine starts");
            crate::support::ready(&hub).await;
            hub
        };
        let one = start().await;
        let here = Client::on(&one, "1", "t").await;
        // The other node has a runtime of its own, which ends at once.
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let other = {
            let url = broker.url();
            let topic = topic.clone();
            let node = async move {
                let engine = silverback_hub_nats::Nats::connect(&url).await.expect("valid settings");
                let hub = crate::support::builder(topic).engine(engine).lease(Duration::from_secs(2));
                let hub = hub.start().await.expect("the engine starts");
                crate::support::ready(&hub).await;
                let mut clients = Vec::new();
                for number in 2..200 {
                    clients.push(Client::on(&hub, &number.to_string(), "t").await);
                }
                (hub, clients)
            };
            runtime.spawn(node).await.expect("the node runs")
        };
        assert_eq!(within(one.presence("t")).await.expect("a list").len(), 199);
        tokio::time::sleep(Duration::from_secs(3)).await;
        assert_eq!(within(one.presence("t")).await.expect("a list").len(), 199, "leases are renewed");
        runtime.shutdown_background();
        let users = async || {
            let present = within(one.presence("t")).await.expect("a list");
            present.iter().filter_map(|present| present.identity.user_id().map(str::to_owned)).collect::<Vec<_>>()
        };
        within(async {
            while users().await != ["1"] {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        drop(here);
        within(async {
            while !users().await.is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        drop(other);
    }
}

#[tokio::test]
async fn a_user_is_disconnected_on_all_nodes() {
    let Some(broker) = broker() else { return };
    let (one, other) = two(|| memory(&broker), Topic::new()).await;
    let (_here, _there) = (Client::on(&one, "42", "t").await, Client::on(&other, "42", "t").await);
    let _other = Client::on(&other, "43", "t").await;
    within(one.disconnect("42", 4501, "banned")).await.expect("a message to all");
    eventually("both are gone", || (one.counters().members, other.counters().members) == (0, 1)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_at_two_nodes_of_one_topic_have_one_order_at_all_members_on_old_and_new_servers() {
    for broker in brokers() {
        let (one, other) = two(|| memory(&broker), Topic::new().history(1000, Duration::from_secs(300))).await;
        let (here, there) = (Client::on(&one, "1", "t").await, Client::on(&other, "2", "t").await);
        tokio::join!(publish(&one, "t", 0..200), publish(&other, "t", 1000..1200));
        let replay = within(one.history("t", &Position::start())).await.expect("a history");
        let text = |publication: &Publication| String::from_utf8_lossy(publication.message.as_bytes()).into_owned();
        let order: Vec<_> = replay.publications.iter().map(text).collect();
        assert_eq!(order.len(), 400);
        here.expect(&order).await;
        there.expect(&order).await;
    }
}
