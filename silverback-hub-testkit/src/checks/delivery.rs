//! Publications on their way from node to node.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use silverback::Message;
use silverback_hub::{Engine, EngineEvent, Identity, Label, MemberId, Present, Publication, Topic};
use tokio::{task::JoinSet, time::sleep};

use crate::node::{Node, Nodes, failed, text_of, topic_name, with_history};

/// Order per topic, and each publication once, at the node that publishes and at another one.
pub async fn publications_reach_every_subscribed_node_once_and_in_order(nodes: &impl Nodes) {
    for (name, topic) in [("live", Topic::new()), ("kept", with_history())] {
        let (mut one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
        one.subscribe(name, &topic).await;
        two.subscribe(name, &topic).await;
        for number in 0..50 {
            one.publish(name, &topic, number).await;
        }
        two.publish(name, &topic, "end").await;
        for node in [&mut one, &mut two] {
            node.expect(0..50).await;
            node.expect(["end"]).await;
            node.expect_nothing().await;
        }
    }
}

/// A node hears of the topics that it is subscribed to, and of no others.
pub async fn only_subscribed_topics_arrive(nodes: &impl Nodes) {
    let (one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let topic = Topic::new();
    two.subscribe("b", &topic).await;
    for name in ["a", "b", "bb", "B"] {
        one.publish(name, &topic, name).await;
    }
    two.expect(["b"]).await;
    two.expect_nothing().await;
}

/// A call that was given up may have taken effect, so the hub repeats it.
pub async fn a_repeated_subscription_delivers_once(nodes: &impl Nodes) {
    let mut node = Node::start(nodes).await;
    for (name, topic) in [("live", Topic::new()), ("kept", with_history())] {
        for _ in 0..3 {
            node.subscribe(name, &topic).await;
        }
        node.publish(name, &topic, 1).await;
        node.publish(name, &topic, 2).await;
        node.expect([1, 2]).await;
        node.expect_nothing().await;
        // One call ends it, however many began it.
        node.engine.unsubscribe(&topic_name(name)).await.unwrap_or_else(failed("unsubscribe"));
        expect_silence(&mut node, name, &topic).await;
    }
}

/// After an unsubscription nothing arrives, once the broker knows of it; and the topic can be subscribed again.
pub async fn an_unsubscribed_topic_stops(nodes: &impl Nodes) {
    let mut node = Node::start(nodes).await;
    let topic = with_history();
    node.subscribe("t", &topic).await;
    node.publish("t", &topic, 1).await;
    node.expect([1]).await;
    for _ in 0..2 {
        node.engine.unsubscribe(&topic_name("t")).await.unwrap_or_else(failed("unsubscribe"));
    }
    expect_silence(&mut node, "t", &topic).await;
    for round in ["again", "and again"] {
        let position = node.subscribe("t", &topic).await;
        let accepted = node.publish("t", &topic, round).await;
        let mut publication = node.delivered().await;
        while text_of(&publication) == TOO_LATE {
            publication = node.delivered().await;
        }
        assert_eq!((text_of(&publication).as_str(), &publication.position), (round, &accepted.position));
        assert!(accepted.position.map(|at| at.offset) > position.map(|at| at.offset));
        node.engine.unsubscribe(&topic_name("t")).await.unwrap_or_else(failed("unsubscribe"));
        expect_silence(&mut node, "t", &topic).await;
    }
    node.engine.unsubscribe(&topic_name("never subscribed")).await.unwrap_or_else(failed("unsubscribe"));
}

/// The broker may learn a little late that nobody is there, so some publications may still arrive.
async fn expect_silence<E: Engine>(node: &mut Node<E>, name: &str, topic: &Topic) {
    for _ in 0..100 {
        node.publish(name, topic, TOO_LATE).await;
        if tokio::time::timeout(Duration::from_millis(200), node.delivered()).await.is_err() {
            return;
        }
        sleep(Duration::from_millis(20)).await;
    }
    panic!("publications of {name} still arrive");
}

/// A topic without history is live only.
pub async fn a_topic_without_history_has_no_position(nodes: &impl Nodes) {
    let mut node = Node::start(nodes).await;
    let (topic, name) = (Topic::new(), topic_name("live"));
    assert_eq!(node.subscribe("live", &topic).await, None);
    assert_eq!(node.publish("live", &topic, 1).await.position, None);
    let (publication, prev) = node.delivered_after().await;
    assert_eq!((publication.position, prev), (None, None));
    assert_eq!(node.engine.position(&name, &topic).await.unwrap_or_else(failed("position")), None);
    let replay = node.since("live", &topic, &silverback_hub::Position::start()).await;
    assert!(!replay.complete && replay.publications.is_empty() && replay.position.is_none(), "{replay:?}");
}

/// Text stays text, bytes stay bytes, and every size up to the hub's default limit of 64 KiB arrives.
pub async fn texts_and_bytes_arrive_as_they_were(nodes: &impl Nodes) {
    let (one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let all_bytes: Vec<u8> = (0..=255).cycle().take(64 * 1024).collect();
    let messages = [
        Message::from(""),
        Message::from("x"),
        Message::from("a\r\nb\0c \u{1f980} {}*>.$-1\r\n"),
        Message::from("\u{1f980}".repeat(16 * 1024)),
        Message::from(Vec::new()),
        Message::from(b"\r\n".to_vec()),
        Message::from(vec![0xff]),
        Message::from(all_bytes),
    ];
    for (name, topic) in [("live", Topic::new()), ("kept", with_history())] {
        let before = two.subscribe(name, &topic).await;
        for message in &messages {
            one.publish_this(&topic, Publication::new(topic_name(name), message.clone())).await;
        }
        for message in &messages {
            let publication = two.delivered().await;
            assert!(publication.message == *message, "{} bytes became others", message.len());
        }
        if let Some(before) = before {
            let replay = two.since(name, &topic, &before).await;
            assert!(replay.complete);
            let replayed: Vec<_> = replay.publications.into_iter().map(|publication| publication.message).collect();
            assert!(replayed == messages, "a replay changed payloads");
        }
    }
}

/// Ids, keys, exceptions and users travel with the payload.
pub async fn everything_beside_the_payload_arrives(nodes: &impl Nodes) {
    let (one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    for (name, topic) in [("live", Topic::new()), ("kept", with_history())] {
        two.subscribe(name, &topic).await;
        let mut publication = Publication::new(topic_name(name), "x");
        publication.id = Label::new("order 17 \u{1f980}").ok();
        publication.key = Label::new("BTC").ok();
        publication.except = Some(MemberId::new(u64::MAX, 7));
        let publisher = Identity::user("ann \"*").info(vec![0xff, 0]);
        publication.publisher = Some(Present::new(MemberId::new(7, 8), publisher).into());
        let accepted = one.publish_this(&topic, publication.clone()).await;
        assert_eq!(two.delivered().await, publication.at(accepted.position));
    }
}

/// Many topics at once, from two publishers: each keeps its order, which is the same at all nodes.
pub async fn many_topics_keep_their_order(nodes: &impl Nodes) {
    let topic = with_history();
    let (mut one, mut two) = (Node::start(nodes).await, Node::start(nodes).await);
    let names: Vec<_> = (0..TOPICS).map(|number| format!("many:{number}")).collect();
    for name in &names {
        one.subscribe(name, &topic).await;
        two.subscribe(name, &topic).await;
    }
    let mut publishing = JoinSet::new();
    for name in &names {
        for (publisher, engine) in [("one", one.engine.clone()), ("two", two.engine.clone())] {
            let (name, topic) = (topic_name(name), topic.clone());
            publishing.spawn(async move {
                for number in 0..EACH {
                    let publication = Publication::new(name.clone(), format!("{publisher} {number}"));
                    engine.publish(&topic, publication).await.unwrap_or_else(failed("publish"));
                }
            });
        }
    }
    publishing.join_all().await;
    let mut orders = Vec::new();
    for node in [&mut one, &mut two] {
        let mut order: HashMap<String, Vec<(u64, String)>> = HashMap::new();
        for _ in 0..TOPICS * EACH * 2 {
            let publication = node.delivered().await;
            let offset = publication.position.as_ref().map_or(0, |position| position.offset);
            order.entry(publication.topic.to_string()).or_default().push((offset, text_of(&publication)));
        }
        node.expect_nothing().await;
        for (name, publications) in &order {
            assert!(publications.is_sorted_by(|one, next| one.0 < next.0), "{name}: {publications:?}");
            for publisher in ["one", "two"] {
                let of_it: Vec<_> =
                    publications.iter().map(|(_, text)| text).filter(|text| text.starts_with(publisher)).collect();
                let expected: Vec<_> = (0..EACH).map(|number| format!("{publisher} {number}")).collect();
                assert_eq!(of_it, expected.iter().collect::<Vec<_>>(), "{name}");
            }
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
}

/// Control messages reach all nodes, the sender included.
pub async fn control_messages_reach_all_nodes(nodes: &impl Nodes) {
    let mut three = [Node::start(nodes).await, Node::start(nodes).await, Node::start(nodes).await];
    let messages = [Bytes::from_static(b"\0\xff\r\n"), Bytes::from(vec![7; 4096]), Bytes::from_static(b"end")];
    for message in &messages {
        three[1].engine.control(message.clone()).await.unwrap_or_else(failed("control"));
    }
    for node in &mut three {
        for message in &messages {
            let event = node.wait_for("a control message", |event| matches!(event, EngineEvent::Control(_))).await;
            assert!(matches!(&event, EngineEvent::Control(arrived) if arrived == message), "{event:?}");
        }
    }
}

const TOO_LATE: &str = "too late";
const TOPICS: usize = 200;
const EACH: usize = 5;
