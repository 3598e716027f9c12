use std::time::Duration;

use silverback_centrifugo::Format;

use crate::support::{Client, later, server, token};

fn expiring(seconds: u64) -> String {
    token(&format!(r#"{{"sub":"42","exp":{}}}"#, later(seconds)))
}

/// Answers pings until something else comes.
async fn heard(client: &Client) -> String {
    loop {
        let heard = client.heard().await;
        if heard != "{}" {
            return heard;
        }
        client.say("{}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_ends_when_its_token_has_expired_and_some_time_has_passed() {
    let client = Client::new(&server().await, Format::Json);
    client.say(&format!(r#"{{"id":1,"connect":{{"token":"{}"}}}}"#, expiring(600)));
    let connected = client.heard().await;
    assert!(connected.contains(r#""expires":true,"ttl":"#), "{connected}");
    for _ in 0..24 {
        assert_eq!(client.heard().await, "{}");
        client.say("{}");
    }
    client.expect_close(3005).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_token_keeps_the_connection() {
    let client = Client::new(&server().await, Format::Json);
    client.say(&format!(r#"{{"id":1,"connect":{{"token":"{}"}}}}"#, expiring(600)));
    client.heard().await;
    client.say(&format!(r#"{{"id":2,"refresh":{{"token":"{}"}}}}"#, expiring(100_000)));
    let refreshed = client.heard().await;
    assert!(refreshed.starts_with(r#"{"id":2,"refresh":{"client":"ID","#), "{refreshed}");
    for _ in 0..100 {
        assert_eq!(client.heard().await, "{}");
        client.say("{}");
    }
    let expired = r#"{"id":3,"error":{"code":109,"message":"token expired"}}"#;
    client.ask(&format!(r#"{{"id":3,"refresh":{{"token":"{}"}}}}"#, token(r#"{"sub":"42","exp":1}"#)), expired).await;
    // A token of another user does not.
    client.say(&format!(r#"{{"id":4,"refresh":{{"token":"{}"}}}}"#, token(r#"{"sub":"41"}"#)));
    client.expect_close(3500).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_ends_when_its_token_has_expired_and_a_new_one_keeps_it() {
    let client = Client::user(&server().await, "42").await;
    let token = |seconds| token(&format!(r#"{{"sub":"42","channel":"secret:a","exp":{}}}"#, later(seconds)));
    client.say(&format!(r#"{{"id":2,"subscribe":{{"channel":"secret:a","token":"{}"}}}}"#, token(60)));
    let subscribed = client.heard().await;
    assert!(subscribed.starts_with(r#"{"id":2,"subscribe":{"expires":true,"ttl":"#), "{subscribed}");
    client.say(&format!(r#"{{"id":3,"sub_refresh":{{"channel":"secret:a","token":"{}"}}}}"#, token(600)));
    let refreshed = client.heard().await;
    assert!(refreshed.starts_with(r#"{"id":3,"sub_refresh":{"expires":true,"ttl":"#), "{refreshed}");
    let begin = tokio::time::Instant::now();
    let ended = r#"{"push":{"channel":"secret:a","unsubscribe":{"code":2501,"reason":"subscription expired"}}}"#;
    assert_eq!(heard(&client).await, ended);
    assert!(begin.elapsed() > Duration::from_secs(300), "{:?}", begin.elapsed());
    client.say(&format!(r#"{{"id":4,"sub_refresh":{{"channel":"secret:a","token":"{}"}}}}"#, token(600)));
    assert_eq!(heard(&client).await, r#"{"id":4,"error":{"code":103,"message":"permission denied"}}"#);
}
