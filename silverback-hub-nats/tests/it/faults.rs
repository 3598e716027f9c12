//! Faults of the broker, with members at two nodes.

use std::time::{Duration, Instant};

use silverback_hub::{EngineError, Hub, HubError, HubEvent, Position, Recovery, Start, Topic};
use silverback_hub_nats::Nats;
use silverback_testkit::broker::{Broker, nats};

use crate::support::{
    Client, broker, brokers, builder, eventually, file, memory, not_ready, position, publish, publish_until_accepted,
    ready, two, with_history, within,
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_killed_and_keeps_its_data_costs_no_publication_on_old_and_new_servers() {
    for mut broker in brokers() {
        let (one, other) = two(|| file(&broker), with_history()).await;
        let (here, there) = (Client::on(&one, "1", "t").await, Client::on(&other, "2", "t").await);
        publish(&one, "t", 1..=5).await;
        let killer = tokio::task::spawn_blocking(move || {
            broker.kill();
            std::thread::sleep(Duration::from_millis(500));
            broker.restart();
            broker
        });
        for number in 6..=60 {
            publish_until_accepted(&one, "t", number).await;
        }
        let broker = killer.await.expect("the broker is back");
        here.expect(1..=60).await;
        there.expect(1..=60).await;
        assert_eq!((one.counters().incomplete, other.counters().incomplete), (0, 0));
        drop(broker);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_at_the_tail_is_found_after_a_reconnect() {
    let Some(mut broker) = broker() else { return };
    let (one, other) = two(|| file(&broker), with_history()).await;
    let client = Client::on(&one, "1", "t").await;
    publish(&one, "t", [1]).await;
    client.expect([1]).await;
    let seen = position(&one, "t").await;
    let mut events = one.events();
    broker.kill();
    not_ready(&one).await;
    not_ready(&other).await;
    broker.restart();
    // Nobody publishes through these two hubs, so no later publication shows what is missing.
    let third = crate::support::hub(file(&broker), with_history()).await;
    publish(&third, "t", [2]).await;
    client.expect([1, 2]).await;
    ready(&one).await;
    assert!(matches!(events.next().await, Some(HubEvent::EngineDown)));
    let late = Client::user(&other, "2");
    let subscribed = within(async {
        loop {
            match late.member.subscribe("t", Start::After(seen.clone())).await {
                Ok(subscribed) => return subscribed,
                Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
            }
        }
    });
    assert_eq!(subscribed.await.recovered, Recovery::Complete);
    late.expect([2]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_comes_back_empty_begins_new_epochs_and_everybody_is_told() {
    let Some(mut broker) = broker() else { return };
    for in_memory in [true, false] {
        let nats = || if in_memory { memory(&broker).prefix("m") } else { file(&broker).prefix("f") };
        let (one, other) = two(nats, with_history().presence()).await;
        let client = Client::on(&one, "1", "t").await;
        publish(&other, "t", 1..=10).await;
        client.expect(1..=10).await;
        let before = position(&one, "t").await;
        broker.kill();
        not_ready(&one).await;
        not_ready(&other).await;
        if in_memory {
            broker.restart()
        } else {
            broker.restart_empty()
        }
        ready(&one).await;
        ready(&other).await;
        // The encoding of this hub has no message for a loss, so it closes the connection with 3010.
        eventually("the member was told", || one.counters().incomplete == 1).await;
        let after = position(&one, "t").await;
        assert_ne!(before.epoch, after.epoch);
        let late = Client::user(&other, "2");
        let subscribed = within(late.member.subscribe("t", Start::After(before))).await.expect("a subscription");
        assert_eq!(subscribed.recovered, Recovery::Incomplete);
        publish(&one, "t", 11..=12).await;
        late.expect(11..=12).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_has_lost_its_memory_is_told_who_is_present() {
    let Some(mut broker) = broker() else { return };
    let (one, other) = two(|| memory(&broker), Topic::new().presence()).await;
    let _client = Client::on(&one, "1", "t").await;
    broker.restart_empty();
    ready(&one).await;
    ready(&other).await;
    within(async {
        while other.presence("t").await.map_or(true, |present| present.len() != 1) {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_memory_stream_that_is_gone_is_made_again_by_a_publication() {
    let Some(broker) = broker() else { return };
    let (one, other) = two(|| memory(&broker), with_history()).await;
    publish(&one, "t", 1..=3).await;
    let before = position(&one, "t").await;
    let member = Client::on(&other, "1", "t").await;
    delete_streams(&broker).await;
    publish(&one, "t", [4]).await;
    let after = position(&other, "t").await;
    assert_ne!(before.epoch, after.epoch);
    // The first publication of the new epoch is smaller than the last one of the old epoch, and arrives all the same.
    eventually("the member was told", || other.counters().incomplete == 1).await;
    drop(member);
}

/// Deletes all streams, as an operator may.
async fn delete_streams(broker: &Broker) {
    let client = async_nats::connect(broker.url()).await.expect("a connection");
    let ask = async |subject: String| {
        let reply = client.request(subject, "{}".into()).await.expect("an answer");
        serde_json::from_slice::<serde_json::Value>(&reply.payload).expect("JSON")
    };
    let names = ask("$JS.API.STREAM.NAMES".to_owned()).await;
    let names: Vec<_> = names["streams"].as_array().into_iter().flatten().filter_map(|name| name.as_str()).collect();
    assert!(!names.is_empty(), "there are streams");
    for name in names {
        assert_eq!(ask(format!("$JS.API.STREAM.DELETE.{name}")).await["success"], true);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_frozen_broker_is_noticed_and_costs_no_publication() {
    let Some(broker) = broker() else { return };
    let (one, other) = two(|| file(&broker), with_history()).await;
    let there = Client::on(&other, "2", "t").await;
    publish(&one, "t", 1..=3).await;
    broker.freeze();
    let from = Instant::now();
    not_ready(&one).await;
    // The client's default would be minutes.
    assert!(from.elapsed() < Duration::from_secs(30));
    for call in [one.publish("t", "x").await.map(drop), one.presence("t").await.map(drop)] {
        assert!(matches!(call, Err(HubError::Engine(EngineError::Down))), "{call:?}");
    }
    broker.thaw();
    for number in 4..=8 {
        publish_until_accepted(&one, "t", number).await;
    }
    there.expect(1..=8).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_acknowledgement_that_is_late_doubles_nothing() {
    let Some(broker) = broker() else { return };
    let (one, other) = two(|| file(&broker), with_history()).await;
    let there = Client::on(&other, "2", "t").await;
    publish(&one, "t", [1]).await;
    broker.freeze();
    // Both are sent while the hub does not know that the broker is frozen.
    let with_id = one.publish("t", "2").id("2").into_future();
    let without_id = one.publish("t", "3").into_future();
    let thaw = async {
        not_ready(&one).await;
        broker.thaw();
    };
    let (with_id, without_id, ()) = within(async { tokio::join!(with_id, without_id, thaw) }).await;
    let error = without_id.expect_err("nobody knows");
    assert!(matches!(error, HubError::Engine(EngineError::TimedOut)), "{error}");
    // The first may have been accepted before its acknowledgement was late, or by the second attempt.
    if with_id.is_err() {
        publish_until_accepted(&one, "t", 2).await;
    }
    publish_until_accepted(&one, "t", 4).await;
    eventually("the last one arrived", || there.texts().iter().any(|text| text == "4")).await;
    let texts = there.texts();
    let count = |text: &str| texts.iter().filter(|one| *one == text).count();
    assert_eq!((count("1"), count("2"), count("4")), (1, 1, 1), "{texts:?}");
    assert!(count("3") <= 1, "{texts:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_is_down_at_start_comes_later() {
    let Some(nats) = nats::Nats::installed() else { return };
    let mut broker = Broker::stopped(nats);
    let engine = file(&broker).connect().await.expect("valid settings");
    let hub = builder(with_history()).engine(engine).start().await.expect("the hub starts without its broker");
    assert!(!hub.is_ready());
    let from = Instant::now();
    let error = hub.publish("t", "1").await.expect_err("the engine is down");
    assert!(matches!(error, HubError::Engine(EngineError::Down)), "{error}");
    // At once, and not after the time of a call.
    assert!(from.elapsed() < Duration::from_secs(5));
    broker.restart();
    ready(&hub).await;
    let client = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", [1]).await;
    client.expect([1]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_that_come_and_go_while_the_broker_restarts_all_end_right() {
    let Some(mut broker) = broker() else { return };
    let (one, other) = two(|| file(&broker), with_history()).await;
    let mut clients = Vec::new();
    for number in 0..20 {
        clients.push(Client::on(&other, "1", &format!("t{number}")).await);
    }
    let gone: Vec<_> = clients.drain(..10).collect();
    broker.kill();
    drop(gone);
    not_ready(&other).await;
    broker.restart();
    ready(&one).await;
    ready(&other).await;
    for number in 0..10 {
        clients.push(Client::on(&other, "1", &format!("t{number}")).await);
    }
    for number in 0..20 {
        publish(&one, &format!("t{number}"), [7]).await;
    }
    for client in &clients {
        client.expect([7]).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_has_lost_its_newest_messages_begins_a_new_epoch() {
    let Some(mut broker) = broker() else { return };
    let (one, other) = two(|| file(&broker), with_history()).await;
    let client = Client::on(&one, "1", "t").await;
    publish(&one, "t", 1..=3).await;
    broker.kill();
    broker.save();
    broker.restart();
    not_ready_and_ready(&[&one, &other]).await;
    publish(&one, "t", 4..=9).await;
    client.expect(1..=9).await;
    let newest = position(&one, "t").await;
    broker.restart_saved();
    not_ready_and_ready(&[&one, &other]).await;
    // The broker would give the offsets of the lost ones to these, and the member would not get them.
    publish(&other, "t", 10..=20).await;
    let after = position(&one, "t").await;
    assert_ne!(newest.epoch, after.epoch);
    eventually("the member was told", || one.counters().incomplete == 1).await;
    let late = Client::user(&other, "2");
    let subscribed = within(late.member.subscribe("t", Start::After(newest))).await.expect("a subscription");
    assert_eq!(subscribed.recovered, Recovery::Incomplete);
}

/// Waits until hubs have noticed that their broker was away, and are ready again.
async fn not_ready_and_ready(hubs: &[&Hub]) {
    for hub in hubs {
        // It may have come and gone already; a call that works shows that the hub is on the new connection.
        within(async {
            while !hub.is_ready() || hub.history("other", &Position::start()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_that_loses_a_server_loses_no_publication() {
    let Some(nats) = nats::Nats::new_enough_for_lifetimes() else { return };
    let routes: Vec<_> = (0..3).map(|_| free_port()).collect();
    let urls: Vec<_> = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
    let server = |port: &u16| {
        let config = format!(
            "server_name: server-{port}\ncluster {{ name: c, listen: \"127.0.0.1:{port}\", routes: {urls:?} }}"
        );
        Broker::start(nats.clone().config(&config))
    };
    let mut servers: Vec<_> = routes.iter().map(server).collect();
    let url = servers.iter().map(Broker::url).collect::<Vec<_>>().join(",");
    let nats = || Nats::builder(&url).replicas(3);
    let (one, other) = two(nats, with_history()).await;
    let client = subscribed(&other, "1").await;
    let mut number = 0;
    // The server with the stream's leader is one of them.
    for index in 0..3 {
        for _ in 0..10 {
            number += 1;
            publish_until_accepted(&one, "t", number).await;
        }
        servers[index].kill();
        for _ in 0..10 {
            number += 1;
            publish_until_accepted(&one, "t", number).await;
        }
        let mut killed = servers.remove(index);
        let back = tokio::task::spawn_blocking(move || {
            killed.restart();
            killed
        });
        servers.insert(index, back.await.expect("the server is back"));
    }
    client.expect(1..=number).await;
    assert_eq!((one.counters().incomplete, other.counters().incomplete), (0, 0));
}

/// Joins and subscribes, as soon as the cluster can make a stream.
async fn subscribed(hub: &Hub, user: &str) -> Client {
    let client = Client::user(hub, user);
    within(async {
        while client.member.subscribe("t", Start::Live).await.is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    })
    .await;
    client
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound address").port()
}
