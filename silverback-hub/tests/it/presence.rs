use std::{sync::atomic::Ordering, time::Duration};

use silverback_hub::{Identity, Memory, Topic};
use tokio::time::sleep;

use crate::{
    faulty::Faulty,
    support::{Client, builder, hub, poll_once, settle, within},
};

#[tokio::test(start_paused = true)]
async fn presence_lists_who_is_subscribed_with_their_info() {
    let hub = hub(Topic::new().presence()).await;
    let identity = Identity::user("42").info("Ann");
    let client = Client::join(&hub, identity.clone());
    assert!(hub.presence("t").await.unwrap().is_empty());
    client.member.subscribe("t", silverback_hub::Start::Live).await.unwrap();
    let present = hub.presence("t").await.unwrap();
    assert_eq!((present.len(), present[0].member, &present[0].identity), (1, client.member.id(), &identity));
    client.member.unsubscribe("t").await.unwrap();
    settle().await;
    assert!(hub.presence("t").await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_member_stays_present_for_as_long_as_it_is_subscribed() {
    let hub = hub(Topic::new().presence()).await;
    let _client = Client::on(&hub, "1", "t").await;
    for _ in 0..50 {
        sleep(Duration::from_secs(7)).await;
        assert_eq!(hub.presence("t").await.unwrap().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_node_that_dies_leaves_no_ghosts_after_the_lease() {
    let memory = Memory::new();
    let (engine, faults) = Faulty::new(memory.clone());
    let dying = builder().engine(engine).topics("*", Topic::new().presence()).start().await.unwrap();
    let living = builder().engine(memory).topics("*", Topic::new().presence()).start().await.unwrap();
    let _gone = Client::on(&dying, "gone", "t").await;
    let _stays = Client::on(&living, "stays", "t").await;
    sleep(Duration::from_secs(100)).await;
    faults.is_dead.store(true, Ordering::SeqCst);
    assert_eq!(living.presence("t").await.unwrap().len(), 2);
    sleep(Duration::from_secs(31)).await;
    let present = living.presence("t").await.unwrap();
    assert_eq!((present.len(), present[0].identity.user_id()), (1, Some("stays")));
}

#[tokio::test(start_paused = true)]
async fn a_member_that_goes_before_the_engine_knows_that_it_came_leaves_no_ghost() {
    let (engine, faults) = Faulty::new(Memory::new());
    let hub = builder().engine(engine).topics("*", Topic::new().presence()).start().await.unwrap();
    let _stays = Client::on(&hub, "stays", "t").await;
    faults.leases.forget_permits(usize::MAX);
    let gone = Client::user(&hub, "gone");
    let mut subscribing = gone.member.subscribe("t", silverback_hub::Start::Live).into_future();
    while hub.counters().subscriptions < 2 {
        assert!(poll_once(&mut subscribing).await.is_pending());
        settle().await;
    }
    assert!(poll_once(&mut subscribing).await.is_pending(), "the engine does not answer yet");
    hub.disconnect("gone", 4000, "").await.unwrap();
    settle().await;
    assert_eq!(hub.counters().members, 1);
    faults.leases.add_permits(1_000_000);
    let _ = within(subscribing).await;
    for _ in 0..10 {
        settle().await;
        assert_eq!(hub.presence("t").await.unwrap().len(), 1);
        sleep(Duration::from_secs(10)).await;
    }
}
