use std::time::Duration;

use silverback_hub::{HubEvent, Limits, LocalTopics, Position, Slow, Start, Topic};

use crate::support::{Client, builder, publish, settle, within};

#[tokio::test(start_paused = true)]
async fn a_listener_that_is_too_slow_is_told_so_and_hears_the_next_events() {
    let limits = Limits::default().window(100).backlog(100).events(4);
    let topic = Topic::new().when_slow(Slow::DropNewest);
    let hub = builder().topics("*", topic).limits(limits).start().await.unwrap();
    let mut events = hub.events();
    let client = Client::on(&hub, "1", "t").await;
    client.remote.limit_capacity(0);
    publish(&hub, "t", 1..=100).await;
    settle().await;
    let dropped = hub.counters().dropped_newest;
    assert_eq!(within(events.next()).await, Some(HubEvent::Missed(dropped - 4)));
    for _ in 0..4 {
        assert!(matches!(within(events.next()).await, Some(HubEvent::Lagged { missed: 1, .. })));
    }
    drop((client, hub));
    assert_eq!(within(events.next()).await, None, "only the end of the hub is the end");
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_what_became_of_publications_and_recoveries() {
    let limits = Limits::default().payload(10);
    let hub =
        builder().topics("*", Topic::new().history(2, Duration::from_secs(60))).limits(limits).start().await.unwrap();
    settle().await;
    let client = Client::on(&hub, "1", "a").await;
    hub.publish("a", "1").id("once").await.unwrap();
    assert!(hub.publish("a", "1").id("once").await.unwrap().is_duplicate);
    hub.publish("a", "longer than ten").await.unwrap_err();
    for text in ["2", "3", "4"] {
        hub.publish("a", text).await.unwrap();
    }
    settle().await;
    let status = hub.status();
    assert_eq!((hub.counters().published, status.repeated, status.refused, status.failed), (4, 1, 1, 0));
    assert!((1..=4).contains(&status.fan_out.count()), "{status:?}");
    assert_eq!(status.fan_out.buckets().last().unwrap().1, status.fan_out.count(), "time stands still");
    assert_eq!((status.engine_is_up, status.engine_losses, status.engine_error, status.nodes), (true, 0, None, 1));

    let newest = hub.position("a").await.unwrap().unwrap();
    let returning = Client::user(&hub, "2");
    for (offset, recovered, unrecovered) in [(3, 1, 0), (0, 1, 1)] {
        let known = Position::new(newest.epoch.clone(), offset);
        returning.member.subscribe("a", Start::After(known)).await.unwrap();
        assert!(returning.member.unsubscribe("a").await.unwrap());
        let status = hub.status();
        assert_eq!((status.recovered, status.unrecovered), (recovered, unrecovered));
    }
    drop(client);
}

#[tokio::test(start_paused = true)]
async fn the_topics_of_a_node_are_listed_with_the_largest_first() {
    let hub = builder().start().await.unwrap();
    let mut clients = Vec::new();
    for topic in ["chat:b", "chat:b", "chat:a", "news", "news", "news"] {
        clients.push(Client::on(&hub, "1", topic).await);
    }
    let list = |pattern: &str, limit| {
        let LocalTopics { topics, total, .. } = hub.local_topics(pattern, limit);
        let rows: Vec<_> = topics.iter().map(|one| format!("{} {}", one.name, one.subscribers)).collect();
        (rows.join(", "), total)
    };
    assert_eq!(list("", 10), ("news 3, chat:b 2, chat:a 1".to_owned(), 3));
    assert_eq!(list("chat:*", 1), ("chat:b 2".to_owned(), 2));
    assert_eq!(list("nothing", 10), (String::new(), 0));
    drop(clients);
    settle().await;
    assert_eq!(list("", 10), (String::new(), 0));
}
