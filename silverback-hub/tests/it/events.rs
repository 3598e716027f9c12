use silverback_hub::{HubEvent, Limits, Slow, Topic};

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
