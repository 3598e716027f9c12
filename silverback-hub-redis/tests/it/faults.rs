//! A server that is killed, frozen, cut off, empty, out of date or not there.

use std::time::Duration;

use silverback_hub::{Engine as _, EngineError, EngineEvent, Events, HubEvent, Position, Publication, Topic};
use silverback_hub_redis::Redis;
use silverback_hub_testkit::Node;
use silverback_testkit::broker::Broker;

use crate::support::{
    Client, Server, assert_down, is_down, is_up, kind, name, publish_at_last, until, with_history, with_id,
};

#[tokio::test]
async fn a_server_that_is_down_at_start_is_found_later() {
    let Some(kind) = kind() else { return };
    let mut server = Server { broker: Broker::stopped(kind) };
    let (topic, t) = (with_history(), name("t"));
    let mut node = server.node_that_need_not_come_up().await;
    assert_down(node.engine.publish(&topic, Publication::new(t.clone(), "1")).await);
    assert_down(node.engine.publish(&Topic::new(), Publication::new(t.clone(), "1")).await);
    assert_down(node.engine.subscribe(&t, &topic).await);
    assert_down(node.engine.subscribe(&t, &Topic::new()).await);
    assert_down(node.engine.position(&t, &topic).await);
    assert_down(node.engine.since(&t, &topic, &Position::start()).await);
    assert_down(node.engine.clear_history(&t, &topic).await);
    assert_down(node.engine.present(&t).await);
    assert_down(node.engine.control("x".into()).await);
    server.broker.restart();
    node.wait_for("Up", is_up).await;
    node.subscribe("t", &topic).await;
    node.publish("t", &topic, 2).await;
    node.expect([2]).await;
}

#[tokio::test]
async fn a_log_keeps_epoch_and_history_when_the_server_is_killed() {
    let Some(mut server) = Server::start() else { return };
    let topic = with_history();
    let mut node = server.node().await;
    let before = node.subscribe("t", &topic).await.unwrap();
    for number in 1..=20 {
        node.publish("t", &topic, number).await;
    }
    node.expect(1..=20).await;
    server.broker.kill();
    node.wait_for("Down", is_down).await;
    assert_down(node.engine.position(&name("t"), &topic).await);
    server.broker.restart();
    node.wait_for("Up", is_up).await;
    let replay = node.since("t", &topic, &before).await;
    assert!(replay.complete && replay.publications.len() == 20, "{replay:?}");
    // Subscribed again, without a call.
    let next = node.publish("t", &topic, 21).await.position.unwrap();
    assert_eq!((next.epoch, next.offset), (before.epoch, before.offset + 21));
    node.expect([21]).await;
}

/// Pitfall 1.
#[tokio::test]
async fn a_server_that_comes_back_empty_begins_a_new_epoch() {
    let Some(kind) = kind() else { return };
    let mut server = Server::of(kind.without_persistence());
    let topic = with_history();
    let mut node = server.node().await;
    node.subscribe("t", &topic).await;
    let old = node.publish("t", &topic, 1).await.position.unwrap();
    node.expect([1]).await;
    server.broker.kill();
    node.wait_for("Down", is_down).await;
    server.broker.restart_empty();
    node.wait_for("Up", is_up).await;
    let new = node.publish("t", &topic, 2).await.position.unwrap();
    assert_ne!(new.epoch, old.epoch, "the new publication must not pass for an old one");
    node.expect([2]).await;
    assert!(!node.since("t", &topic, &old).await.complete);
}

/// Pitfalls 1 and 2.
#[tokio::test]
async fn a_loss_of_one_topic_begins_a_new_epoch_for_this_topic_alone() {
    let Some(server) = Server::start() else { return };
    let topic = with_history();
    let node = server.node().await;
    let gone = node.publish("gone", &topic, 1).await.position.unwrap();
    let kept = node.publish("kept", &topic, 1).await.position.unwrap();
    server.command(&["DEL", "silverback:{gone}:position"]);
    let replay = node.since("gone", &topic, &gone).await;
    assert!(!replay.complete && replay.position.unwrap().epoch != gone.epoch);
    let replay = node.since("kept", &topic, &kept).await;
    assert!(replay.complete && replay.position == Some(kept));
}

/// Pitfall 1: a snapshot is older than what was acknowledged.
#[tokio::test]
async fn a_server_that_restores_a_snapshot_begins_a_new_epoch() {
    let Some(kind) = kind() else { return };
    let mut server = Server::of(kind.without_persistence());
    let topic = with_history();
    let mut node = server.node().await;
    let first = node.publish("t", &topic, 1).await.position.unwrap();
    assert_eq!(server.command(&["SAVE"]), "+OK\r\n");
    let lost = node.publish("t", &topic, 2).await.position.unwrap();
    server.broker.kill();
    node.wait_for("Down", is_down).await;
    server.broker.restart();
    assert!(server.command(&["HGET", "silverback:{t}:position", "epoch"]).contains(first.epoch.as_str()));
    node.wait_for("Up", is_up).await;
    let next = node.publish("t", &topic, 3).await.position.unwrap();
    assert_ne!(next.epoch, lost.epoch, "the offset of the lost publication was used again");
    for position in [&first, &lost] {
        assert!(!node.since("t", &topic, position).await.complete);
    }
}

/// Pitfall 1: a log that was cut short, or a replica that was behind. The server knows nothing of it.
#[tokio::test]
async fn a_server_that_has_less_than_was_seen_begins_a_new_epoch() {
    let Some(server) = Server::start() else { return };
    let topic = with_history();
    let mut node = server.node().await;
    node.subscribe("t", &topic).await;
    let mut last = None;
    for number in 1..=5 {
        last = node.publish("t", &topic, number).await.position;
    }
    node.expect(1..=5).await;
    let last = last.unwrap();
    server.command(&["HSET", "silverback:{t}:position", "offset", "3"]);
    let position = node.engine.position(&name("t"), &topic).await.unwrap().unwrap();
    assert_ne!(position.epoch, last.epoch);
    assert!(!node.since("t", &topic, &last).await.complete);
}

/// Pitfall 1, and the publication comes before anyone compares positions.
#[tokio::test]
async fn an_offset_that_arrives_twice_is_a_gap_and_begins_a_new_epoch() {
    let Some(server) = Server::start() else { return };
    let topic = with_history();
    let (mut node, other) = (server.node().await, server.node().await);
    node.subscribe("t", &topic).await;
    let first = node.publish("t", &topic, 1).await.position.unwrap();
    node.expect([1]).await;
    server.command(&["DEL", "silverback:{t}:history"]);
    server.command(&["HSET", "silverback:{t}:position", "offset", "0"]);
    let again = other.publish("t", &topic, 2).await.position.unwrap();
    assert_eq!(again, first, "the server does not know");
    let gap = node.wait_for("a gap", |event| matches!(event, EngineEvent::Gap(_))).await;
    assert!(matches!(&gap, EngineEvent::Gap(Some(topic)) if *topic == name("t")), "{gap:?}");
    let replay = node.since("t", &topic, &first).await;
    assert!(!replay.complete && replay.position.unwrap().epoch != first.epoch);
}

/// Pitfalls 8 and 12.
#[tokio::test]
async fn a_frozen_server_is_noticed_and_an_id_cures_the_retry() {
    let Some(server) = Server::start() else { return };
    let topic = with_history();
    let (mut one, mut two) = (server.node().await, server.node().await);
    one.subscribe("t", &topic).await;
    two.subscribe("t", &topic).await;
    server.broker.freeze();
    let engine = one.engine.clone();
    let publish = tokio::spawn(async move { engine.publish(&with_history(), with_id("t", "1")).await });
    // No connection has ended, and no test has told the engines.
    one.wait_for("Down", is_down).await;
    two.wait_for("Down", is_down).await;
    let result = publish.await.unwrap();
    assert!(matches!(result, Err(EngineError::TimedOut)), "nobody knows whether it was accepted: {result:?}");
    assert_down(one.engine.publish(&topic, with_id("t", "1")).await);
    server.broker.thaw();
    one.wait_for("Up", is_up).await;
    two.wait_for("Up", is_up).await;
    // The server reads what was sent before it looks at newer connections, or never. Both are right.
    let again = one.publish_this(&topic, with_id("t", "1")).await;
    let replay = two.since("t", &topic, &Position::start()).await;
    assert!(replay.complete && replay.publications.len() == 1, "{replay:?}");
    assert_eq!(replay.publications[0].position, again.position);
    one.publish("t", &topic, 2).await;
    assert!(two.since("t", &topic, &again.position.unwrap()).await.complete);
}

/// Pitfalls 13 and 14.
#[tokio::test]
async fn a_listener_that_the_server_cuts_off_is_down_and_subscribes_again() {
    let Some(kind) = kind() else { return };
    let server = Server::of(kind.option("client-output-buffer-limit", "pubsub 128kb 0 0"));
    let topic = with_history();
    let publisher = server.node().await;
    // A hub without room: the engine stops reading, and the server's buffer grows.
    let engine = Redis::connect(&server.broker.url()).await.unwrap();
    let (events, queue) = Events::queue(64 * 1024);
    engine.start(events).await.unwrap();
    let mut slow = Node { engine: engine.into(), events: queue };
    slow.wait_for("Up", is_up).await;
    let mut last = slow.subscribe("t", &topic).await.unwrap();
    let large = "x".repeat(60_000);
    let cut = async || !server.command(&["CLIENT", "LIST", "TYPE", "pubsub"]).contains("ssub=2");
    while !cut().await {
        publisher.publish("t", &topic, &large).await;
    }
    // Now the hub has room.
    loop {
        match slow.wait_for("publications, or Down", |_| true).await {
            EngineEvent::Delivered { publication, .. } => last = publication.position.unwrap(),
            EngineEvent::Down => break,
            other => panic!("{other:?}"),
        }
    }
    slow.wait_for("Up", is_up).await;
    let replay = slow.since("t", &topic, &last).await;
    assert!(replay.complete && !replay.publications.is_empty(), "the history has what was cut off");
    publisher.publish("t", &topic, "end").await;
    slow.expect(["end"]).await;
}

/// Pitfall 14.
#[tokio::test]
async fn connections_that_are_killed_are_made_again_with_their_subscriptions() {
    let Some(server) = Server::start() else { return };
    let mut node = server.node().await;
    for (round, which) in ["pubsub", "normal"].into_iter().cycle().take(6).enumerate() {
        let topic = if round % 3 == 0 { Topic::new() } else { with_history() };
        let t = format!("t{round}");
        node.subscribe(&t, &topic).await;
        server.command(&["CLIENT", "KILL", "TYPE", which, "SKIPME", "yes"]);
        node.wait_for("Down", is_down).await;
        node.wait_for("Up", is_up).await;
        for old in 0..=round {
            let t = format!("t{old}");
            let topic = if old % 3 == 0 { Topic::new() } else { with_history() };
            node.publish(&t, &topic, &t).await;
            node.expect([&t]).await;
        }
    }
}

/// Pitfalls 16 and 17.
#[tokio::test]
async fn a_topic_has_one_subscription_for_each_node_and_none_that_ended_while_the_server_was_down() {
    let Some(mut server) = Server::start() else { return };
    let topic = with_history();
    let (mut one, two) = (server.node().await, server.node().await);
    for t in ["kept", "left"] {
        for node in [&one, &two, &one] {
            node.subscribe(t, &topic).await;
        }
    }
    let count = |t: &str| server.command(&["PUBSUB", "SHARDNUMSUB", &format!("silverback:{{{t}}}")]);
    assert!(count("kept").ends_with(":2\r\n"), "{}", count("kept"));
    server.broker.kill();
    one.wait_for("Down", is_down).await;
    drop(two);
    one.engine.unsubscribe(&name("left")).await.unwrap();
    server.broker.restart();
    one.wait_for("Up", is_up).await;
    let count = |t: &str| server.command(&["PUBSUB", "SHARDNUMSUB", &format!("silverback:{{{t}}}")]);
    assert!(count("kept").ends_with(":1\r\n"), "{}", count("kept"));
    assert!(count("left").ends_with(":0\r\n"), "{}", count("left"));
}

#[tokio::test]
async fn a_replica_takes_no_publications_until_it_is_promoted() {
    let Some(server) = Server::start() else { return };
    let topic = with_history();
    let mut node = server.node().await;
    node.subscribe("t", &topic).await;
    server.command(&["REPLICAOF", "127.0.0.1", "1"]);
    // The command finds it out, if the connection was not cut.
    assert_down(node.engine.publish(&topic, with_id("t", "1")).await);
    node.wait_for("Down", is_down).await;
    server.command(&["REPLICAOF", "NO", "ONE"]);
    node.wait_for("Up", is_up).await;
    assert!(!node.publish_this(&topic, with_id("t", "1")).await.is_duplicate, "it was not run");
    node.expect(["1"]).await;
}

#[tokio::test]
async fn a_full_server_refuses_and_works_on_when_it_has_room() {
    let Some(kind) = kind() else { return };
    let server = Server::of(kind.option("maxmemory-policy", "noeviction"));
    let topic = with_history();
    let mut node = server.node().await;
    node.subscribe("t", &topic).await;
    let before = node.publish("t", &topic, 1).await.position.unwrap();
    server.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = node.engine.publish(&topic, with_id("t", "2")).await;
    assert!(matches!(&refused, Err(EngineError::Other(error)) if error.to_string().contains("OOM")), "{refused:?}");
    server.command(&["CONFIG", "SET", "maxmemory", "0"]);
    let after = node.publish_this(&topic, with_id("t", "2")).await.position.unwrap();
    assert_eq!((after.epoch, after.offset), (before.epoch, before.offset + 1), "nothing was half done");
    node.expect(["1", "2"]).await;
}

/// Pitfall 20: a node that dies takes its connections with it, and its members' leases end.
#[tokio::test]
async fn an_engine_that_is_dropped_closes_its_connections() {
    let Some(server) = Server::start() else { return };
    let node = server.node().await;
    let clients = || server.command(&["CLIENT", "LIST"]).matches("name=silverback-hub ").count();
    assert_eq!(clients(), 2);
    drop(node);
    until("the connections have ended", async || clients() == 0).await;
}

#[tokio::test]
async fn members_of_two_hubs_miss_nothing_while_the_server_is_killed_and_frozen() {
    let Some(mut server) = Server::start() else { return };
    let topic = with_history();
    let (one, two) = (server.hub(&topic).await, server.hub(&topic).await);
    let clients = [Client::on(&one, "t").await, Client::on(&two, "t").await, Client::on(&two, "t").await];
    let publisher = {
        let one = one.clone();
        tokio::spawn(async move {
            for number in 0..300 {
                publish_at_last(&one, "t", &number.to_string()).await;
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
    };
    for fault in 0..4 {
        let seen = clients[0].texts().len();
        until("some publications have arrived", async || clients[0].texts().len() >= (seen + 10).min(300)).await;
        if fault % 2 == 0 {
            server.broker.kill();
            until("the hubs know", async || !one.is_ready() && !two.is_ready()).await;
            server.broker.restart();
        } else {
            server.broker.freeze();
            until("the hubs know", async || !one.is_ready() && !two.is_ready()).await;
            server.broker.thaw();
        }
        until("the hubs are ready", async || one.is_ready() && two.is_ready()).await;
    }
    publisher.await.unwrap();
    publish_at_last(&one, "t", "end").await;
    let expected: Vec<_> = (0..300).map(|number| number.to_string()).chain(["end".to_owned()]).collect();
    for client in &clients {
        assert_eq!(client.texts_until("end").await, expected);
    }
    assert_eq!(one.counters().incomplete + two.counters().incomplete, 0);
    drop(clients);
}

#[tokio::test]
async fn members_are_told_if_the_server_comes_back_empty() {
    let Some(kind) = kind() else { return };
    let mut server = Server::of(kind.without_persistence());
    let topic = with_history();
    let (one, two) = (server.hub(&topic).await, server.hub(&topic).await);
    let (here, _there) = (Client::on(&one, "t").await, Client::on(&two, "t").await);
    publish_at_last(&two, "t", "1").await;
    here.texts_until("1").await;
    let mut events = one.events();
    server.broker.restart_empty();
    let told = async {
        loop {
            match events.next().await {
                Some(HubEvent::Incomplete { topic }) => return topic,
                Some(_) => {}
                None => panic!("the hub has ended"),
            }
        }
    };
    assert_eq!(tokio::time::timeout(Duration::from_secs(60), told).await.unwrap(), name("t"));
}
