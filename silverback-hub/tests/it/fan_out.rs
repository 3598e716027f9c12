//! How publications reach many members.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use silverback::{Message, PreparedMessage};
use silverback_hub::{Encoding, Hub, Publication, Slow, Topic};
use tokio::runtime::Handle;

use crate::support::{Client, builder, hub, poll_once, settle};

async fn at_once(hub: &Hub, topics: impl IntoIterator<Item = &'static str>) {
    let publications = topics.into_iter().map(|topic| hub.publish(topic, topic).into_future());
    futures_util::future::join_all(publications).await.into_iter().for_each(|published| _ = published.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_burst_of_several_topics_leaves_in_one_write_for_each_member() {
    let hub = hub(Topic::new()).await;
    let client = Client::on(&hub, "1", "a").await;
    client.member.subscribe("b", silverback_hub::Start::Live).await.unwrap();
    let before = client.remote.counters().writes;
    at_once(&hub, ["a", "b"].into_iter().cycle().take(20)).await;
    settle().await;
    assert_eq!(client.remote.counters().writes - before, 1);
    assert_eq!(client.texts().concat(), "ab".repeat(10));
}

/// Joins a batch with spaces, and counts the calls.
#[derive(Debug)]
struct Joined(Arc<AtomicUsize>);

impl Encoding for Joined {
    fn encode(&self, batch: &[Publication]) -> PreparedMessage {
        self.0.fetch_add(1, Ordering::SeqCst);
        let texts: Vec<_> = batch.iter().map(|publication| publication.message.as_text().unwrap()).collect();
        PreparedMessage::new(texts.join(" "))
    }

    fn max_batch(&self) -> usize {
        16
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_encoded_once_for_all_members() {
    let calls = Arc::new(AtomicUsize::new(0));
    let hub = builder().encoding(Joined(calls.clone())).start().await.unwrap();
    let mut clients = Vec::new();
    for user in 0..50 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    at_once(&hub, ["t"; 20]).await;
    settle().await;
    assert_eq!(calls.load(Ordering::SeqCst), 2, "20 publications are 16 and 4");
    for client in &clients {
        assert_eq!(client.texts(), [["t"; 16].join(" "), ["t"; 4].join(" ")]);
    }
}

/// Panics at one payload.
#[derive(Debug)]
struct Panicking;

impl Encoding for Panicking {
    fn encode(&self, batch: &[Publication]) -> PreparedMessage {
        assert_ne!(batch[0].message.as_text(), Some("2"), "a fault of the application");
        PreparedMessage::new(batch[0].message.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn an_encoding_that_panics_does_not_end_the_shard() {
    let hub = builder().encoding(Panicking).start().await.unwrap();
    let client = Client::on(&hub, "1", "t").await;
    for payload in ["1", "2", "3"] {
        hub.publish("t", payload).await.unwrap();
    }
    client.expect_only([1, 3]).await;
}

#[tokio::test(start_paused = true)]
async fn members_and_subscriptions_have_no_task_of_their_own() {
    let hub = hub(Topic::new()).await;
    let first = Client::on(&hub, "0", "t").await;
    settle().await;
    let before = Handle::current().metrics().num_alive_tasks();
    let mut clients = Vec::new();
    for user in 0..300 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    // The tests' own readers, and no more.
    assert_eq!(Handle::current().metrics().num_alive_tasks() - before, 300);
    hub.publish("t", "x").await.unwrap();
    settle().await;
    assert_eq!(Handle::current().metrics().num_alive_tasks() - before, 300);
    assert!(clients.iter().chain([&first]).all(|client| client.texts() == ["x"]));
}

#[tokio::test(start_paused = true)]
async fn a_slow_member_has_no_task_of_its_own() {
    let hub = hub(Topic::new().when_slow(Slow::DropNewest)).await;
    let client = Client::on(&hub, "1", "t").await;
    client.remote.limit_capacity(0);
    settle().await;
    let before = Handle::current().metrics().num_alive_tasks();
    for _ in 0..10 {
        hub.publish("t", "x".repeat(10_000)).await.unwrap();
    }
    settle().await;
    assert!(hub.counters().backlog_bytes > 0);
    assert_eq!(Handle::current().metrics().num_alive_tasks(), before);
    client.remote.limit_capacity(usize::MAX);
    settle().await;
    assert_eq!((client.texts().len(), hub.counters().backlog_bytes), (10, 0));
}

#[tokio::test(start_paused = true)]
async fn other_tasks_run_between_chunks_of_a_large_fan_out() {
    let hub = hub(Topic::new()).await;
    let mut clients = vec![Client::on(&hub, "other", "u").await];
    for user in 0..1000 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    settle().await;
    // The second publication ends the burst. Until then nothing is sent.
    hub.publish("t", "x").await.unwrap();
    hub.publish("u", "x").await.unwrap();
    let (turns_before, counts) = watch(&hub).await;
    assert!(turns_before > 1000 / 128, "the publication was queued for all members in {turns_before} turns");
    assert!(counts.len() > 5, "{counts:?}");
    assert_eq!(counts.last(), Some(&1001));
    assert!(counts.iter().zip(counts.iter().skip(1)).all(|(one, next)| next - one <= 128), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn the_first_members_have_a_publication_before_it_is_queued_for_the_last() {
    let hub = hub(Topic::new()).await;
    let mut clients = Vec::new();
    for user in 0..1000 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    settle().await;
    hub.publish("t", "x").await.unwrap();
    let (turns_before, counts) = watch(&hub).await;
    assert!(turns_before < 1000 / 128, "nothing was sent for {turns_before} turns");
    assert!(counts.len() > 5, "{counts:?}");
    assert_eq!(counts.last(), Some(&1000));
    assert!(counts.iter().zip(counts.iter().skip(1)).all(|(one, next)| next - one <= 128), "{counts:?}");
}

/// Sees a fan-out at work, as another task. Returns its turns before the first delivery, and the numbers of deliveries
/// that it saw.
async fn watch(hub: &Hub) -> (usize, BTreeSet<u64>) {
    let (mut turns_before, mut counts) = (0, BTreeSet::new());
    for _ in 0..64 {
        counts.insert(hub.counters().delivered);
        turns_before += usize::from(hub.counters().delivered == 0);
        tokio::task::yield_now().await;
    }
    (turns_before, counts)
}

#[tokio::test(start_paused = true)]
async fn a_publisher_and_a_subscriber_do_not_wait_for_a_fan_out() {
    let hub = builder().shards(2).start().await.unwrap();
    let mut clients = Vec::new();
    for user in 0..1000 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    settle().await;
    hub.publish("t", "x").await.unwrap();
    while hub.counters().delivered == 0 {
        tokio::task::yield_now().await;
    }
    assert!(hub.counters().delivered < 1000, "the fan-out is at work");
    // Neither has to wait for any other task.
    assert!(poll_once(&mut hub.publish("t", "y").into_future()).await.is_ready());
    assert!(poll_once(&mut Box::pin(hub.presence("t"))).await.is_ready());
    let client = &clients[0];
    let mut subscribing = client.member.subscribe("u", silverback_hub::Start::Live).into_future();
    assert!(poll_once(&mut subscribing).await.is_pending(), "its shard has to come to it");
    settle().await;
    assert!(poll_once(&mut subscribing).await.is_ready());
    assert!(clients.iter().all(|client| client.texts() == ["x", "y"]));
}

#[tokio::test(start_paused = true)]
async fn joining_a_crowd_sends_nothing_to_the_others() {
    let hub = hub(Topic::new().presence()).await;
    let first = Client::on(&hub, "first", "t").await;
    let mut clients = Vec::new();
    for user in 0..100 {
        clients.push(Client::on(&hub, &user.to_string(), "t").await);
    }
    clients.truncate(50);
    settle().await;
    assert_eq!(hub.counters().delivered, 0);
    first.expect_only(["", ""].into_iter().take(0)).await;
    assert_eq!(hub.presence("t").await.unwrap().len(), 51);
}

#[tokio::test(start_paused = true)]
async fn a_publisher_waits_for_the_shards_once_too_much_is_in_flight() {
    let limits = silverback_hub::Limits::default().in_flight(10_000);
    let hub = builder().limits(limits).start().await.unwrap();
    let client = Client::on(&hub, "1", "t").await;
    let publications = (0..20).map(|_| hub.publish("t", Message::from("x".repeat(2000))).into_future());
    let mut all = Box::pin(futures_util::future::join_all(publications));
    assert!(poll_once(&mut all).await.is_pending(), "the shard has had no turn, and 20 of them do not fit");
    all.await.into_iter().for_each(|published| _ = published.unwrap());
    settle().await;
    assert_eq!(client.texts().len(), 20);
}

#[cfg(feature = "deflate")]
#[tokio::test]
async fn members_with_and_without_compression_get_the_same_text() {
    use silverback::{Compression, Dialer, Upgrader};
    use tokio::net::TcpListener;

    let hub = hub(Topic::new()).await;
    let mut clients = Vec::new();
    let mut members = Vec::new();
    for compression in [Some(Compression::default()), None, Some(Compression::default())] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let dialer = Dialer::new().compression(compression.clone());
        let url = format!("ws://{address}/");
        let dialling = dialer.dial(&url);
        let upgrader = Upgrader::new().compression(Some(Compression::default()));
        let accepting = async { upgrader.accept(listener.accept().await.unwrap().0).await.unwrap() };
        let (dialled, accepted) = tokio::join!(dialling, accepting);
        let dialled = dialled.unwrap();
        assert_eq!(dialled.compression().is_some(), compression.is_some());
        clients.push(dialled);
        let (member, reader) = hub.join(accepted, silverback_hub::Identity::anonymous());
        member.subscribe("t", silverback_hub::Start::Live).await.unwrap();
        members.push((member, reader));
    }
    let text = "the same text for all ".repeat(100);
    hub.publish("t", text.clone()).await.unwrap();
    for client in &mut clients {
        assert_eq!(client.read_message().await.unwrap().unwrap().as_text(), Some(text.as_str()));
    }
    let sent: Vec<_> = members.iter().map(|(member, _)| member.writer().stats().bytes_sent).collect();
    assert!(sent[0] * 10 < sent[1] && sent[0] == sent[2], "{sent:?}");
}
