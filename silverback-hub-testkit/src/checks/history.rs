//! Positions and replays.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use silverback_hub::{Engine as _, Epoch, Identity, Label, MemberId, Position, Present, Publication, Topic};

use crate::node::{Node, Nodes, failed, later, text_of, texts_of, topic_name, until, with_history};

/// The positions that publishers get rise, stay in one epoch, and are those that arrive.
pub async fn positions_rise_and_are_those_that_arrive(nodes: &impl Nodes) {
    let (one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let (topic, name) = (with_history(), topic_name("t"));
    let mut before = two.subscribe("t", &topic).await.expect("a topic with history has a position");
    for number in 0..20 {
        let at = one.publish("t", &topic, number).await.position.expect("a topic with history has positions");
        assert!(at.epoch == before.epoch && at.offset > before.offset, "{at:?} after {before:?}");
        assert!(at.offset >= 1 && at.offset <= Position::MAX_OFFSET);
        let (publication, prev) = two.delivered_after().await;
        assert_eq!((text_of(&publication), publication.position.as_ref()), (number.to_string(), Some(&at)));
        if number > 0 {
            assert!(prev.is_none_or(|prev| prev == before.offset), "{prev:?} is not {before:?}");
        }
        let newest = two.engine.position(&name, &topic).await.unwrap_or_else(failed("position"));
        assert_eq!(newest, Some(at.clone()));
        before = at;
    }
}

/// A subscription begins while others publish, and has no hole.
pub async fn everything_after_the_position_of_a_subscription_arrives(nodes: &impl Nodes) {
    let (one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let (topic, name) = (Topic::new().history(10_000, Duration::from_secs(300)), topic_name("t"));
    let is_done = Arc::new(AtomicBool::new(false));
    let publishing = {
        let (is_done, engine, topic, name) = (is_done.clone(), one.engine.clone(), topic.clone(), name.clone());
        tokio::spawn(async move {
            let mut number = 0;
            while !is_done.load(Ordering::SeqCst) {
                number += 1;
                let publication = Publication::new(name.clone(), number.to_string());
                engine.publish(&topic, publication).await.unwrap_or_else(failed("publish"));
                tokio::task::yield_now().await;
            }
        })
    };
    for _ in 0..10 {
        let position = two.subscribe("t", &topic).await.expect("a topic with history has a position");
        // Offsets need not be contiguous, so the history says which publication comes first.
        let mut first = None;
        for _ in 0..5 {
            let at = two.delivered().await.position.expect("a publication of a topic with history has a position");
            if at.offset > position.offset && first.is_none() {
                first = Some(at);
            }
        }
        while first.is_none() {
            first = two.delivered().await.position.filter(|at| at.offset > position.offset);
        }
        let replay = two.since("t", &topic, &position).await;
        assert!(replay.complete);
        assert_eq!(replay.publications[0].position, first, "after {position:?}");
        two.engine.unsubscribe(&name).await.unwrap_or_else(failed("unsubscribe"));
        // What is on its way must not be taken for a part of the next round.
        while tokio::time::timeout(Duration::from_millis(100), two.delivered()).await.is_ok() {}
    }
    is_done.store(true, Ordering::SeqCst);
    publishing.await.expect("the publisher failed");
}

/// A replay from a known position holds everything after it, also at another node.
pub async fn a_replay_is_complete_if_nothing_is_missing(nodes: &impl Nodes) {
    let (one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let (topic, name) = (with_history(), topic_name("t"));
    let empty = one.engine.position(&name, &topic).await.unwrap_or_else(failed("position"));
    let empty = empty.expect("a topic with history has a position before its first publication");
    let replay = two.since("t", &topic, &empty).await;
    assert!(replay.complete && replay.publications.is_empty(), "{replay:?}");
    assert_eq!(replay.position.as_ref(), Some(&empty));
    let mut positions = vec![empty];
    for number in 1..=10 {
        positions.extend(one.publish("t", &topic, number).await.position);
    }
    for node in [&one, &two] {
        for (known, position) in positions.iter().enumerate() {
            let replay = node.since("t", &topic, position).await;
            assert!(replay.complete, "after {known} of 10");
            let expected: Vec<_> = (known + 1..=10).map(|number| number.to_string()).collect();
            assert_eq!(texts_of(&replay), expected);
            assert_eq!(replay.position, positions.last().cloned());
            let offsets = replay.publications.iter().map(|publication| publication.position.clone());
            assert!(offsets.eq(positions[known + 1..].iter().cloned().map(Some)));
        }
        let replay = node.since("t", &topic, &Position::start()).await;
        assert!(replay.complete && replay.publications.len() == 10, "from the start: {replay:?}");
    }
}

/// If the history no longer has everything, the replay is not complete.
pub async fn a_replay_with_a_hole_says_so(nodes: &impl Nodes) {
    let (one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let topic = Topic::new().history(3, Duration::from_secs(300));
    let empty = two.subscribe("t", &topic).await.expect("a topic with history has a position");
    let mut positions = vec![empty];
    for number in 1..=10 {
        positions.extend(one.publish("t", &topic, number).await.position);
    }
    for (known, position) in positions.iter().enumerate() {
        let replay = two.since("t", &topic, position).await;
        if replay.complete {
            let expected: Vec<_> = (known + 1..=10).map(|number| number.to_string()).collect();
            assert_eq!(texts_of(&replay), expected, "a complete replay has a hole");
        }
        // An engine may keep more than was asked for, and must keep this much.
        assert!(replay.complete || known < 7, "{} of 10 are known, and 3 are kept", known);
        assert!(texts_of(&replay).ends_with(&["10".to_owned()]) || known == 10, "{replay:?}");
    }
    assert!(!two.since("t", &topic, &Position::start()).await.complete || texts(&two, &topic).await.len() == 10);
}

async fn texts<E: silverback_hub::Engine>(node: &Node<E>, topic: &Topic) -> Vec<String> {
    texts_of(&node.since("t", topic, &Position::start()).await)
}

/// Nothing is claimed about positions that the history does not know.
pub async fn a_position_of_another_epoch_or_of_the_future_is_not_complete(nodes: &impl Nodes) {
    let node = Node::start(nodes).await;
    let topic = with_history();
    node.publish("t", &topic, 1).await;
    let newest = node.publish("t", &topic, 2).await.position.expect("a topic with history has positions");
    for epoch in ["another", "", "0", "\u{1f980}", "* > . {} '", &"x".repeat(300)] {
        for offset in [1, newest.offset, newest.offset + 1, u64::MAX] {
            let replay = node.since("t", &topic, &Position::new(Epoch::new(epoch), offset)).await;
            assert!(!replay.complete, "offset {offset} of the epoch {epoch:?}");
            assert_eq!(replay.position.as_ref(), Some(&newest));
        }
    }
    for by in [1, 1000, Position::MAX_OFFSET, u64::MAX - newest.offset] {
        let replay = node.since("t", &topic, &later(&newest, by)).await;
        assert!(!replay.complete && replay.publications.is_empty(), "{by} after the newest: {replay:?}");
        assert_eq!(replay.position.as_ref(), Some(&newest));
    }
    assert!(node.since("t", &topic, &newest).await.complete);
}

/// A replay is as good as the live publications.
pub async fn a_replay_holds_everything_beside_the_payload(nodes: &impl Nodes) {
    let (one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let topic = with_history();
    let before = two.subscribe("t", &topic).await.expect("a topic with history has a position");
    let mut publication = Publication::new(topic_name("t"), vec![0xff, 0, 13, 10]);
    publication.id = Label::new("order-17").ok();
    publication.key = Label::new("BTC").ok();
    publication.except = Some(MemberId::new(1, u64::MAX));
    publication.publisher = Some(Present::new(MemberId::new(7, 8), Identity::user("ann")).into());
    let accepted = one.publish_this(&topic, publication.clone()).await;
    let replay = two.since("t", &topic, &before).await;
    assert_eq!(replay.publications, [publication.at(accepted.position)]);
}

/// The age limits a replay, and the topic keeps its position.
pub async fn publications_that_are_too_old_are_not_replayed(nodes: &impl Nodes) {
    let node = Node::start(nodes).await;
    let topic = Topic::new().history(100, Duration::from_secs(1));
    let before = node.subscribe("t", &topic).await.expect("a topic with history has a position");
    let old = node.publish("t", &topic, "old").await.position.expect("a topic with history has positions");
    until("the old publication is gone", async || {
        let replay = node.since("t", &topic, &before).await;
        assert_eq!(replay.complete, !replay.publications.is_empty(), "the whole, or a replay that is not complete");
        !replay.complete
    })
    .await;
    let replay = node.since("t", &topic, &old).await;
    assert!(replay.complete && replay.publications.is_empty(), "nothing was missed: {replay:?}");
    assert_eq!(replay.position.as_ref(), Some(&old));
    let new = node.publish("t", &topic, "new").await.position.expect("a topic with history has positions");
    assert!(new.epoch == old.epoch && new.offset > old.offset);
    assert!(!node.since("t", &topic, &before).await.complete);
}

/// A cleared history forgets publications, and neither positions nor ids.
pub async fn a_cleared_history_keeps_its_position_and_its_ids(nodes: &impl Nodes) {
    let (mut one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let (topic, name) = (with_history(), topic_name("t"));
    let clear = async || two.engine.clear_history(&name, &topic).await.unwrap_or_else(failed("clear"));
    clear().await;
    let before = one.subscribe("t", &topic).await.expect("a topic with history has a position");
    let mut publication = Publication::new(name.clone(), "1");
    publication.id = Label::new("order-17").ok();
    let first = one.publish_this(&topic, publication.clone()).await;
    let newest = one.publish("t", &topic, 2).await.position.expect("a topic with history has positions");
    one.expect([1, 2]).await;
    for _ in 0..2 {
        clear().await;
        for node in [&one, &two] {
            let position = node.engine.position(&name, &topic).await.unwrap_or_else(failed("position"));
            assert_eq!(position.as_ref(), Some(&newest));
            for position in [Some(&before), first.position.as_ref(), Some(&Position::start())].into_iter().flatten() {
                let replay = node.since("t", &topic, position).await;
                assert!(!replay.complete && replay.publications.is_empty(), "after {position:?}: {replay:?}");
            }
            let replay = node.since("t", &topic, &newest).await;
            assert!(replay.complete && replay.publications.is_empty(), "nothing was missed: {replay:?}");
        }
    }
    let again = two.publish_this(&topic, publication).await;
    assert!(again.is_duplicate && again.position == first.position, "{again:?}");
    let next = two.publish("t", &topic, 3).await.position.expect("a topic with history has positions");
    assert!(next.epoch == newest.epoch && next.offset > newest.offset);
    one.expect([3]).await;
    let replay = one.since("t", &topic, &newest).await;
    assert!(replay.complete && texts_of(&replay) == ["3"], "{replay:?}");
    assert!(!one.since("t", &topic, &before).await.complete);
    let without = Topic::new();
    one.engine.clear_history(&topic_name("live"), &without).await.unwrap_or_else(failed("clear"));
}
