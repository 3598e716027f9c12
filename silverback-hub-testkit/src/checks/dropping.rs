//! Futures that are dropped before they are ready. The hub may do so with every call.

use std::time::Duration;

use bytes::Bytes;
use silverback_hub::{Engine as _, EngineEvent, Identity, Label, Lease, MemberId, Position, Publication};
use silverback_testkit::poll::drop_after_polls;

use crate::node::{Node, Nodes, failed, text_of, topic_name, with_history};

/// A call that was dropped has taken effect or not. The engine works on, and the call can be repeated.
pub async fn calls_that_are_dropped_at_any_point_harm_nothing(nodes: &impl Nodes) {
    let (mut one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let (topic, member) = (with_history(), MemberId::new(1, 1));
    for polls in 0..8 {
        let name = topic_name(&format!("after {polls} polls"));
        let publication = |id: &str| {
            let mut publication = Publication::new(name.clone(), id.to_owned());
            publication.id = Label::new(id).ok();
            publication
        };
        let leases = || vec![Lease::new(name.clone(), member, Identity::user("ann"))];
        let engine = &one.engine;
        drop_after_polls(polls, engine.subscribe(&name, &topic)).await;
        let before = one.subscribe(name.as_str(), &topic).await.expect("a topic with history has a position");
        two.subscribe(name.as_str(), &topic).await;

        // Repeated with its id, a publication that was dropped is published once.
        for id in ["1", "2", "3"] {
            drop_after_polls(polls, engine.publish(&topic, publication(id))).await;
            one.publish_this(&topic, publication(id)).await;
        }
        drop_after_polls(polls, engine.since(&name, &topic, &Position::start())).await;
        drop_after_polls(polls, engine.position(&name, &topic)).await;
        let replay = two.since(name.as_str(), &topic, &before).await;
        assert!(replay.complete && replay.publications.len() == 3, "{replay:?}");

        drop_after_polls(polls, engine.lease(leases(), Duration::from_secs(600))).await;
        drop_after_polls(polls, engine.present(&name)).await;
        engine.lease(leases(), Duration::from_secs(600)).await.unwrap_or_else(failed("lease"));
        assert_eq!(engine.present(&name).await.unwrap_or_else(failed("present")).len(), 1);
        drop_after_polls(polls, engine.release(&name, member)).await;
        engine.release(&name, member).await.unwrap_or_else(failed("release"));
        assert!(engine.present(&name).await.unwrap_or_else(failed("present")).is_empty());

        drop_after_polls(polls, engine.control(Bytes::from_static(b"dropped"))).await;
        let end = Bytes::from(format!("end {polls}"));
        engine.control(end.clone()).await.unwrap_or_else(failed("control"));

        for node in [&mut one, &mut two] {
            node.expect(["1", "2", "3"]).await;
            let is_end = |event: &EngineEvent| matches!(event, EngineEvent::Control(message) if *message == end);
            node.wait_for("the last control message", is_end).await;
        }

        // A subscription that was dropped while it ended can begin again.
        let engine = &one.engine;
        drop_after_polls(polls, engine.unsubscribe(&name)).await;
        drop_after_polls(polls, engine.subscribe(&name, &topic)).await;
        one.subscribe(name.as_str(), &topic).await;
        two.publish(name.as_str(), &topic, "4").await;
        for node in [&mut one, &mut two] {
            let publication = node.delivered().await;
            assert_eq!((text_of(&publication).as_str(), &publication.topic), ("4", &name));
        }
    }
    one.expect_nothing().await;
    two.expect_nothing().await;
}
