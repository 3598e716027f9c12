//! Idempotency ids.

use silverback_hub::{Engine as _, Label, Publication, Topic};
use tokio::task::JoinSet;

use crate::node::{Node, Nodes, failed, topic_name, with_history};

/// Published again with the same id, from the same node or another, a publication is not sent again.
pub async fn an_id_is_accepted_once(nodes: &impl Nodes) {
    let (mut one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    for (name, other, topic) in [("live", "other", Topic::new()), ("kept", "other kept", with_history())] {
        one.subscribe(name, &topic).await;
        one.subscribe(other, &topic).await;
        for id in ["order-17", "*", &"x".repeat(Label::MAX_LEN)] {
            let first = one.publish_this(&topic, with_id(name, id)).await;
            assert!(!first.is_duplicate);
            for node in [&one, &two] {
                let again = node.publish_this(&topic, with_id(name, id)).await;
                assert!(again.is_duplicate);
                assert_eq!(again.position, first.position, "the position of the first time");
            }
            one.expect([id]).await;
            // Each topic has ids of its own.
            assert!(!two.publish_this(&topic, with_id(other, id)).await.is_duplicate);
            one.expect([id]).await;
        }
        one.publish(name, &topic, "end").await;
        one.expect(["end"]).await;
        one.expect_nothing().await;
    }
}

/// Of many publications with one id at the same time one is accepted.
pub async fn one_of_many_publishers_of_an_id_wins(nodes: &impl Nodes) {
    let (mut one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let topic = with_history();
    one.subscribe("t", &topic).await;
    let mut publishing = JoinSet::new();
    for engine in [&one.engine, &two.engine].into_iter().cycle().take(16) {
        let (engine, topic) = (engine.clone(), topic.clone());
        publishing
            .spawn(async move { engine.publish(&topic, with_id("t", "1")).await.unwrap_or_else(failed("publish")) });
    }
    let accepted = publishing.join_all().await;
    assert_eq!(accepted.iter().filter(|accepted| !accepted.is_duplicate).count(), 1);
    assert!(accepted.iter().all(|one| one.position == accepted[0].position), "{accepted:?}");
    one.expect(["1"]).await;
    one.publish("t", &topic, "end").await;
    one.expect(["end"]).await;
}

fn with_id(name: &str, id: &str) -> Publication {
    let mut publication = Publication::new(topic_name(name), id.to_owned());
    publication.id = Label::new(id).ok();
    publication
}
