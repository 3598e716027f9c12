use std::time::Duration;

use silverback_centrifugo::Format;
use tokio::time::{Instant, sleep};

use crate::support::{Client, builder, server};

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let client = Client::user(&server().await, "42").await;
    let begin = Instant::now();
    for _ in 0..5 {
        assert_eq!(client.heard().await, "{}");
        client.say("{}");
    }
    assert!(begin.elapsed() >= Duration::from_secs(5 * 25), "{:?}", begin.elapsed());
    client.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_no_ping_is_closed_and_may_come_back() {
    let begin = Instant::now();
    Client::user(&server().await, "42").await.expect_close(3012).await;
    assert_eq!(begin.elapsed().as_secs(), 25 + 8);
}

#[tokio::test(start_paused = true)]
async fn a_ping_of_protobuf_is_one_byte() {
    let server = builder().await.anonymous().ping_interval(Duration::from_secs(5)).build();
    let client = Client::new(&server, Format::Protobuf);
    client.say_bytes(&[4, 0x08, 1, 0x22, 0]);
    client.frame().await;
    assert_eq!(client.frame().await.unmasked().payload.to_vec(), [0]);
    client.say_bytes(&[0]);
    assert_eq!(client.frame().await.unmasked().payload.to_vec(), [0]);
}

#[tokio::test(start_paused = true)]
async fn all_commands_of_a_message_are_answered_in_order() {
    let client = Client::user(&server().await, "42").await;
    client.say("{\"id\":2,\"ping\":{}}\n{\"id\":3,\"subscribe\":{\"channel\":\"plain:a\"}}\n{\"id\":4,\"unsubscribe\":{\"channel\":\"plain:a\"}}\n{\"send\":{\"data\":1}}\n{\"id\":5}");
    let mut heard = Vec::new();
    while heard.len() < 4 {
        heard.extend(client.heard().await.lines().map(str::to_owned));
    }
    let expected = [
        r#"{"id":2,"ping":{}}"#,
        r#"{"id":3,"subscribe":{}}"#,
        r#"{"id":4,"unsubscribe":{}}"#,
        r#"{"id":5,"error":{"code":104,"message":"method not found"}}"#,
    ];
    heard.sort();
    assert_eq!(heard, expected);
}

#[tokio::test(start_paused = true)]
async fn a_message_with_too_many_commands_is_a_bad_request() {
    let server = builder().await.commands_per_message(3).build();
    let client = Client::user(&server, "42").await;
    client.say("{}\n{}\n{}");
    client.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
    client.say("{}\n{}\n{}\n{}");
    client.expect_close(3501).await;
}

#[tokio::test(start_paused = true)]
async fn a_command_without_id_is_a_bad_request() {
    let server = server().await;
    for said in [r#"{"publish":{"channel":"chat:7"}}"#, "nonsense", r#"{"id":1"#] {
        let client = Client::user(&server, "42").await;
        client.say(said);
        client.expect_close(3501).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_that_goes_leaves_nothing_behind() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    client.ask(r#"{"id":2,"subscribe":{"channel":"plain:a"}}"#, r#"{"id":2,"subscribe":{}}"#).await;
    client.remote.send_frame(silverback_testkit::wire::close(1000, ""));
    client.frame().await;
    client.remote.close();
    client.serving.await.unwrap();
    sleep(Duration::from_secs(1)).await;
    let counters = server.hub().counters();
    assert_eq!((counters.members, counters.subscriptions, counters.topics), (0, 0, 0));
}
