//! Replays of many and of large publications, and the limits of replies.

use std::time::Duration;

use silverback_hub::{Engine as _, EngineError, Identity, Lease, LimitError, MemberId, Position, Publication, Topic};
use silverback_hub_redis::Redis;
use silverback_hub_testkit::Node;

use crate::support::{Server, is_up, name, with_history};

#[tokio::test]
async fn a_replay_of_many_publications_is_complete_and_in_order() {
    let Some(server) = Server::start() else { return };
    let (node, topic) = (server.node().await, with_history());
    for number in 0..1000 {
        node.publish("t", &topic, number).await;
    }
    let replay = node.since("t", &topic, &Position::start()).await;
    assert!(replay.complete);
    let texts = replay.publications.iter().map(|publication| publication.message.as_bytes().to_vec());
    assert!(texts.eq((0..1000).map(|number| number.to_string().into_bytes())));
    assert_eq!(replay.position.unwrap().offset, 1000);
}

#[tokio::test]
async fn a_replay_beyond_its_limit_is_incomplete_and_one_of_large_publications_is_not() {
    let Some(server) = Server::start() else { return };
    let topic = with_history();
    let engine = Redis::builder(&server.broker.url()).replay(300_000).connect().await.unwrap();
    let mut limited = Node::of(engine).await;
    limited.wait_for("Up", is_up).await;
    let node = server.node().await;
    for _ in 0..10 {
        node.publish("t", &topic, "x".repeat(500_000)).await;
    }
    let replay = node.since("t", &topic, &Position::start()).await;
    assert!(replay.complete && replay.publications.len() == 10);
    let replay = limited.since("t", &topic, &Position::start()).await;
    assert!(!replay.complete && replay.publications.is_empty());
    assert_eq!(replay.position.unwrap().offset, 10);
}

#[tokio::test]
async fn a_publication_that_no_reply_could_hold_is_refused() {
    let Some(server) = Server::start() else { return };
    let node = server.node().await;
    for topic in [Topic::new(), with_history()] {
        let large = Publication::new(name("t"), vec![0; 40 * 1024 * 1024]);
        let refused = node.engine.publish(&topic, large).await;
        assert!(matches!(refused, Err(EngineError::Limit(LimitError::Payload { .. }))), "{refused:?}");
    }
}

#[tokio::test]
async fn a_list_of_members_that_no_reply_could_hold_is_an_error_and_the_connection_stays() {
    let Some(server) = Server::start() else { return };
    let mut node = server.node().await;
    let lease =
        |number| Lease::new(name("t"), MemberId::new(1, number), Identity::user("ann").info(vec![7; 1024 * 1024]));
    for number in 0..40 {
        node.engine.lease(vec![lease(number)], Duration::from_secs(600)).await.unwrap();
    }
    let refused = node.engine.present(&name("t")).await;
    assert!(matches!(&refused, Err(EngineError::Other(error)) if error.to_string().contains("too many")));
    node.subscribe("t", &Topic::new()).await;
    node.publish("t", &Topic::new(), 1).await;
    node.expect([1]).await;
}
