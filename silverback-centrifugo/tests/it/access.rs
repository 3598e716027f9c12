use bytes::Bytes;
use silverback_centrifugo::{ErrorCode, Format, Keys, Login, Refusal, SentData, Server};
use silverback_hub::{Denied, Hub, Identity};

use crate::support::{Client, builder, hub, server, token};

fn connect(token: &str) -> String {
    format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#)
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_valid_token_is_closed_for_good() {
    let server = server().await;
    for (said, code) in [
        (connect(""), 3501),
        (connect("nonsense"), 3500),
        (connect(&(token(r#"{"sub":"42"}"#) + "A")), 3500),
        // A token for a subscription does not connect.
        (connect(&token(r#"{"sub":"42","channel":"chat:7"}"#)), 3500),
        ("{}".to_owned(), 3501),
        (r#"{"id":1,"subscribe":{"channel":"chat:7"}}"#.to_owned(), 3501),
        ("nonsense".to_owned(), 3501),
    ] {
        let client = Client::new(&server, Format::Json);
        client.say(&said);
        client.expect_close(code).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_with_an_expired_token_may_bring_another() {
    let server = server().await;
    let client = Client::new(&server, Format::Json);
    let expired = connect(&token(r#"{"sub":"42","exp":1000}"#));
    client.ask(&expired, r#"{"id":1,"error":{"code":109,"message":"token expired"}}"#).await;
    let good = connect(&token(r#"{"sub":"42"}"#));
    client.ask(&good, r#"{"id":1,"connect":{"client":"ID","version":"VERSION","ping":25,"pong":true}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_client_that_says_nothing_is_stale() {
    Client::new(&server().await, Format::Json).expect_close(3502).await;
}

#[tokio::test(start_paused = true)]
async fn a_second_connect_is_a_bad_request() {
    let client = Client::user(&server().await, "42").await;
    client.say(&connect(&token(r#"{"sub":"42"}"#)));
    client.expect_close(3501).await;
}

#[tokio::test(start_paused = true)]
async fn anonymous_clients_connect_only_if_they_may() {
    let server = builder().await.anonymous().build();
    let client = Client::new(&server, Format::Json);
    let connected = r#"{"id":1,"connect":{"client":"ID","version":"VERSION","ping":25,"pong":true}}"#;
    client.ask(r#"{"id":1,"connect":{}}"#, connected).await;
}

#[tokio::test(start_paused = true)]
async fn the_hook_decides_who_connects_and_what_it_gets() {
    let server = Server::builder(hub().await)
        .on_connect(async |connecting| match connecting.token.as_str() {
            "door" => Ok(Login::new(Identity::user("42")).channel("chat:7").data(r#"{"a":1}"#)),
            _ => Err(Refusal::new(400, "who are you?")),
        })
        .build();
    let client = Client::new(&server, Format::Json);
    client.ask(&connect("window"), r#"{"id":1,"error":{"code":400,"message":"who are you?"}}"#).await;
    let subs = r#"{"chat:7":{"recoverable":true,"epoch":"EPOCH","positioned":true}}"#;
    let expected = format!(
        r#"{{"id":1,"connect":{{"client":"ID","version":"VERSION","data":{{"a":1}},"subs":{subs},"ping":25,"pong":true}}}}"#
    );
    client.ask(&connect("door"), &expected).await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_needs_a_token_of_this_user_for_this_channel() {
    let client = Client::user(&server().await, "42").await;
    let subscribe = |token: &str| format!(r#"{{"id":2,"subscribe":{{"channel":"secret:a","token":"{token}"}}}}"#);
    let denied = r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#;
    client.ask(&subscribe(""), denied).await;
    client.ask(&subscribe("nonsense"), denied).await;
    client.ask(&subscribe(&token(r#"{"sub":"42"}"#)), denied).await;
    client.ask(&subscribe(&token(r#"{"sub":"42","channel":"secret:b"}"#)), denied).await;
    client.ask(&subscribe(&token(r#"{"sub":"41","channel":"secret:a"}"#)), denied).await;
    let expired = r#"{"id":2,"error":{"code":109,"message":"token expired"}}"#;
    client.ask(&subscribe(&token(r#"{"sub":"42","channel":"secret:a","exp":1}"#)), expired).await;
    client.ask(&subscribe(&token(r#"{"sub":"42","channel":"secret:a"}"#)), r#"{"id":2,"subscribe":{}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_names_its_users_lets_them_in() {
    let client = Client::user(&server().await, "42").await;
    client.ask(r##"{"id":2,"subscribe":{"channel":"dialog#41,42"}}"##, r#"{"id":2,"subscribe":{}}"#).await;
    let denied = r#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#;
    client.ask(r##"{"id":3,"subscribe":{"channel":"dialog#4,2"}}"##, denied).await;
}

#[tokio::test(start_paused = true)]
async fn only_subscribers_use_a_channel_and_only_as_it_allows() {
    let client = Client::user(&server().await, "42").await;
    client.ask(r#"{"id":2,"subscribe":{"channel":"news:a"}}"#, r#"{"id":2,"subscribe":{}}"#).await;
    for channel in ["news:a", "chat:7"] {
        for command in ["publish", "presence", "presence_stats", "history"] {
            let said = format!(r#"{{"id":3,"{command}":{{"channel":"{channel}","data":{{}}}}}}"#);
            client.ask(&said, r#"{"id":3,"error":{"code":103,"message":"permission denied"}}"#).await;
        }
    }
    // What the topic does not have is not available.
    client.ask(r#"{"id":4,"subscribe":{"channel":"plain:a"}}"#, r#"{"id":4,"subscribe":{}}"#).await;
    for command in ["presence", "presence_stats", "history"] {
        let said = format!(r#"{{"id":5,"{command}":{{"channel":"plain:a"}}}}"#);
        client.ask(&said, r#"{"id":5,"error":{"code":108,"message":"not available"}}"#).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_rules_of_the_hub_apply_too() {
    let hub = Hub::builder().authorize(async |_| Err::<(), _>(Denied::new("nothing goes"))).start().await.unwrap();
    let server = Server::builder(hub).keys(Keys::hmac("secret")).build();
    let client = Client::user(&server, "42").await;
    let said =
        format!(r#"{{"id":2,"subscribe":{{"channel":"a","token":"{}"}}}}"#, token(r#"{"sub":"42","channel":"a"}"#));
    client.ask(&said, r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn channels_of_the_server_itself_are_out_of_reach() {
    let server = builder().await.channels("*", silverback_centrifugo::Channel::new().open()).build();
    let client = Client::user(&server, "42").await;
    for channel in ["", "%joins:chat:7", "%"] {
        let said = format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#);
        client.ask(&said, r#"{"id":2,"error":{"code":107,"message":"bad request"}}"#).await;
    }
}

#[tokio::test(start_paused = true)]
async fn keys_can_be_replaced_while_clients_are_connected() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    server.set_keys(Keys::hmac("other"));
    let refused = Client::new(&server, Format::Json);
    refused.say(&connect(&token(r#"{"sub":"42"}"#)));
    refused.expect_close(3500).await;
    client.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_call_reaches_the_hook_and_its_answer_the_client() {
    let server = builder()
        .await
        .on_rpc(async |call| match call.method.as_str() {
            "who" => Ok(Bytes::from(format!(r#"{{"user":"{}"}}"#, call.identity.user_id().unwrap_or_default()))),
            "busy" => Err(ErrorCode::TooManyRequests.into()),
            _ => Err(Refusal::new(404, "no such method")),
        })
        .build();
    let client = Client::user(&server, "42").await;
    client.ask(r#"{"id":2,"rpc":{"method":"who"}}"#, r#"{"id":2,"rpc":{"data":{"user":"42"}}}"#).await;
    let busy = r#"{"id":3,"error":{"code":111,"message":"too many requests","temporary":true}}"#;
    client.ask(r#"{"id":3,"rpc":{"method":"busy"}}"#, busy).await;
    client.ask(r#"{"id":4,"rpc":{}}"#, r#"{"id":4,"error":{"code":404,"message":"no such method"}}"#).await;
    // What expects no answer is dropped.
    client.ask("{\"send\":{\"data\":1}}\n{\"id\":5,\"ping\":{}}", r#"{"id":5,"ping":{}}"#).await;
    // Without a hook there is nothing to call.
    let client = Client::user(&crate::support::server().await, "42").await;
    client.ask(r#"{"id":2,"rpc":{}}"#, r#"{"id":2,"error":{"code":108,"message":"not available"}}"#).await;
}

#[tokio::test(start_paused = true)]
async fn a_message_without_an_answer_reaches_the_hook() {
    let (sender, mut sent) = tokio::sync::mpsc::unbounded_channel();
    let hook = move |data: SentData| {
        let sender = sender.clone();
        async move { sender.send(data).unwrap() }
    };
    let server = builder().await.on_send(hook).build();
    let client = Client::user(&server, "42").await;
    client.ask("{\"send\":{\"data\":{\"a\":1}}}\n{\"id\":5,\"ping\":{}}", r#"{"id":5,"ping":{}}"#).await;
    let sent = sent.recv().await.unwrap();
    assert_eq!((sent.identity.user_id(), &sent.data[..]), (Some("42"), &br#"{"a":1}"#[..]));
}

#[tokio::test(start_paused = true)]
async fn a_client_that_sends_too_many_commands_gets_111_and_may_go_on_later() {
    let server = builder().await.commands_per_second(10, 5).build();
    let client = Client::user(&server, "42").await;
    let ping = r#"{"id":2,"ping":{}}"#;
    for _ in 0..5 {
        client.ask(ping, ping).await;
    }
    let busy = r#"{"id":2,"error":{"code":111,"message":"too many requests","temporary":true}}"#;
    client.ask(ping, busy).await;
    client.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, busy).await;
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    client.ask(ping, ping).await;
    client.ask(ping, busy).await;
    // Another client is not concerned.
    Client::user(&server, "42").await.ask(ping, ping).await;
}
