use silverback_hub::{HubError, LimitError, Limits, NameError, Start, Topic};
use silverback_testkit::wire::binary;

use crate::support::{Client, builder, hub, number, publish, with_history};

#[tokio::test(start_paused = true)]
async fn a_publication_reaches_every_subscriber_of_its_topic_in_order() {
    let hub = hub(Topic::new()).await;
    let (one, two) = (Client::on(&hub, "1", "chat:7").await, Client::on(&hub, "2", "chat:7").await);
    let other = Client::on(&hub, "3", "chat:8").await;
    publish(&hub, "chat:7", 1..=50).await;
    one.expect_only(1..=50).await;
    two.expect_only(1..=50).await;
    other.expect_only([0; 0]).await;
}

#[tokio::test(start_paused = true)]
async fn the_publisher_can_be_left_out() {
    let hub = hub(Topic::new()).await;
    let (one, two) = (Client::on(&hub, "1", "chat:7").await, Client::on(&hub, "2", "chat:7").await);
    let published = one.member.publish("chat:7", "hello").except(&one.member).await.unwrap();
    assert_eq!((published.position, published.local_receivers), (None, 2));
    hub.publish("chat:7", "all").await.unwrap();
    two.expect_only(["hello", "all"]).await;
    one.expect_only(["all"]).await;
}

#[tokio::test(start_paused = true)]
async fn binary_payloads_stay_binary() {
    let hub = hub(Topic::new()).await;
    let client = Client::on(&hub, "1", "t").await;
    hub.publish("t", vec![0, 255]).await.unwrap();
    client.expect(binary([0, 255])).await;
}

#[tokio::test(start_paused = true)]
async fn a_publication_sent_again_with_its_id_arrives_once() {
    let hub = hub(with_history()).await;
    let client = Client::on(&hub, "1", "user:42").await;
    let first = hub.publish("user:42", "order").id("order-17").await.unwrap();
    let again = hub.publish("user:42", "order").id("order-17").await.unwrap();
    assert!(again.is_duplicate && !first.is_duplicate);
    assert_eq!(again.position, first.position);
    client.expect_only(["order"]).await;
    assert_eq!(hub.counters().published, 1);
}

#[tokio::test(start_paused = true)]
async fn publications_to_nobody_are_kept_in_the_history_only() {
    let hub = hub(with_history()).await;
    let published = hub.publish("t", "1").await.unwrap();
    assert_eq!(published.local_receivers, 0);
    assert_eq!(published.position.as_ref().unwrap().offset, 1);
    let replay = hub.history("t", &silverback_hub::Position::start()).await.unwrap();
    assert_eq!((replay.complete, replay.publications.len(), replay.position), (true, 1, published.position));
}

#[tokio::test(start_paused = true)]
async fn names_and_payloads_beyond_their_limits_are_errors() {
    let hub = builder().limits(Limits::default().payload(10).topics(1).topics_per_member(1)).start().await.unwrap();
    let too_large = hub.publish("t", "12345678901").await.unwrap_err();
    assert!(matches!(too_large, HubError::Limit(LimitError::Payload { size: 11, limit: 10 })), "{too_large}");
    assert!(matches!(hub.publish("", "x").await.unwrap_err(), HubError::Name(NameError::Empty)));
    let id = hub.publish("t", "x").id("i".repeat(129)).await.unwrap_err();
    assert!(matches!(id, HubError::Name(NameError::TooLong { len: 129, limit: 128 })));
    let client = Client::on(&hub, "1", "t").await;
    let topics = client.member.subscribe("u", Start::Live).await.unwrap_err();
    assert!(matches!(topics, HubError::Limit(LimitError::TopicsPerMember(1))));
    let next = Client::user(&hub, "2");
    let topics = next.member.subscribe("u", Start::Live).await.unwrap_err();
    assert!(matches!(topics, HubError::Limit(LimitError::Topics(1))));
    // Both refusals have left nothing behind.
    assert!(client.member.unsubscribe("t").await.unwrap());
    crate::support::settle().await;
    next.member.subscribe("u", Start::Live).await.unwrap();
    publish(&hub, "u", [1]).await;
    next.expect(number(1)).await;
}
