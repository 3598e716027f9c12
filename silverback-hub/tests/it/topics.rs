use silverback_hub::{HubError, Recovery, Start, Topic};
use silverback_testkit::wire::text;

use crate::support::{Client, builder, hub, poll_once, publish, settle, with_history};

#[tokio::test(start_paused = true)]
async fn a_subscription_begins_after_its_position_and_ends_with_unsubscribe() {
    let hub = hub(with_history()).await;
    publish(&hub, "t", 1..=3).await;
    let client = Client::user(&hub, "1");
    let subscribed = client.member.subscribe("t", Start::Live).await.unwrap();
    assert_eq!(subscribed.position.unwrap().offset, 3);
    assert_eq!((subscribed.recovered, subscribed.publications.len()), (Recovery::NotAsked, 0));
    publish(&hub, "t", [4]).await;
    assert!(client.member.unsubscribe("t").await.unwrap());
    assert!(!client.member.unsubscribe("t").await.unwrap());
    publish(&hub, "t", [5]).await;
    client.expect_only([4]).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_subscription_to_the_same_topic_is_an_error_and_leaves_the_first() {
    let hub = hub(with_history()).await;
    let client = Client::on(&hub, "1", "t").await;
    for start in [Start::Live, Start::After(silverback_hub::Position::start())] {
        let error = client.member.subscribe("t", start).await.unwrap_err();
        assert!(matches!(error, HubError::AlreadySubscribed), "{error}");
    }
    // Not even a call that is given up disturbs it.
    for start in [Start::Live, Start::After(silverback_hub::Position::start())] {
        let _ = poll_once(&mut client.member.subscribe("t", start).into_future()).await;
    }
    publish(&hub, "t", [1]).await;
    client.expect_only([1]).await;
    assert_eq!(hub.counters().subscriptions, 1);
}

#[tokio::test(start_paused = true)]
async fn a_member_that_is_dropped_leaves_its_topics_and_its_connection_stays_open() {
    let hub = hub(Topic::new()).await;
    let Client { member, remote, reading } = Client::on(&hub, "1", "t").await;
    let writer = member.writer().clone();
    drop(member);
    settle().await;
    let counters = hub.counters();
    assert_eq!((counters.members, counters.topics, counters.subscriptions), (0, 0, 0));
    publish(&hub, "t", [1]).await;
    writer.write_message("still here").await.unwrap();
    remote.expect(text("still here")).await;
    assert!(!reading.is_finished());
}

#[tokio::test(start_paused = true)]
async fn a_member_whose_connection_has_gone_is_removed_at_the_next_publication() {
    let hub = hub(Topic::new()).await;
    let client = Client::on(&hub, "1", "t").await;
    client.remote.reset();
    settle().await;
    publish(&hub, "t", 1..=2).await;
    settle().await;
    let counters = hub.counters();
    assert_eq!((counters.members, counters.subscriptions), (0, 0));
    let error = client.member.subscribe("u", Start::Live).await.unwrap_err();
    assert!(matches!(error, HubError::Left), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_subscription_whose_future_is_dropped_is_taken_back() {
    let hub = hub(with_history()).await;
    let client = Client::user(&hub, "1");
    for polls in 0..8 {
        let mut subscribing = Box::pin(client.member.subscribe("t", Start::Live).into_future());
        let mut is_done = false;
        for _ in 0..polls {
            is_done = poll_once(&mut subscribing).await.is_ready();
            if is_done {
                break;
            }
            settle().await;
        }
        drop(subscribing);
        if is_done {
            client.member.unsubscribe("t").await.unwrap();
        }
        settle().await;
        let counters = hub.counters();
        assert_eq!((counters.subscriptions, counters.topics), (0, 0), "after {polls} polls");
    }
    publish(&hub, "t", [1]).await;
    client.expect_only([0; 0]).await;
}

#[tokio::test(start_paused = true)]
async fn topics_that_begin_together_have_one_reply_before_anything_live() {
    let hub = hub(with_history()).await;
    publish(&hub, "a", 1..=2).await;
    let client = Client::user(&hub, "1");
    client.member.subscribe("c", Start::Live).await.unwrap();
    let topics = [
        ("a".to_owned(), Start::After(silverback_hub::Position::start())),
        ("b".to_owned(), Start::Live),
        ("c".to_owned(), Start::Live),
    ];
    let subscribing = client.member.subscribe_all(topics).reply(|results| {
        let told: Vec<_> = results
            .iter()
            .map(|one| match one {
                Ok(one) => format!("{} {:?}", one.position.as_ref().unwrap().offset, one.recovered),
                Err(error) => error.to_string(),
            })
            .collect();
        told.join(", ").into()
    });
    let mut subscribing = subscribing.into_future();
    while hub.counters().subscriptions < 3 {
        assert!(poll_once(&mut subscribing).await.is_pending());
    }
    // Published before the reply, so it is a part of what the reply says.
    publish(&hub, "a", [3]).await;
    publish(&hub, "b", [1]).await;
    let results = crate::support::within(subscribing).await;
    assert_eq!(results.iter().map(Result::is_ok).collect::<Vec<_>>(), [true, true, false]);
    publish(&hub, "b", [4]).await;
    client.expect_only(["3 Complete, 1 NotAsked, the member is subscribed to this topic already", "4"]).await;

    let results = client.member.subscribe_all([(String::new(), Start::Live)]).await;
    assert!(matches!(results[..], [Err(HubError::Name(_))]), "{results:?}");
    drop(client.member.subscribe_all([("d".to_owned(), Start::Live)]).into_future());
    settle().await;
    assert_eq!(hub.counters().subscriptions, 3);
}

#[tokio::test(start_paused = true)]
async fn hub_tasks_end_with_the_last_handle() {
    let before = tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let hub = builder().shards(4).start().await.unwrap();
    let client = Client::on(&hub, "1", "t").await;
    drop(hub);
    publish_nothing(&client).await;
    drop(client.member);
    client.remote.close();
    crate::support::within(client.reading).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_secs(5)).await;
    assert!(
        tokio::runtime::Handle::current().metrics().num_alive_tasks() <= before + 1,
        "only the flusher may be left"
    );
}

async fn publish_nothing(client: &Client) {
    client.member.publish("u", "x").await.unwrap();
}
