use silverback_centrifugo::Format;

use crate::support::{Client, builder, server, token};

const SUBSCRIBED: &str = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","positioned":true}}"#;

#[tokio::test(start_paused = true)]
async fn a_publication_reaches_every_subscriber_with_its_offset() {
    let server = server().await;
    let (ann, bob) = (Client::user(&server, "ann").await, Client::user(&server, "bob").await);
    for client in [&ann, &bob] {
        client.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, SUBSCRIBED).await;
    }
    ann.say(r#"{"id":3,"publish":{"channel":"chat:7","data":{"text":"hi"}}}"#);
    let push =
        r#"{"push":{"channel":"chat:7","pub":{"data":{"text":"hi"},"info":{"user":"ann","client":"ID"},"offset":1}}}"#;
    let mut heard = [ann.heard().await, ann.heard().await];
    heard.sort();
    assert_eq!(heard, [r#"{"id":3,"publish":{}}"#, push]);
    assert_eq!(bob.heard().await, push);
}

#[tokio::test(start_paused = true)]
async fn a_push_never_comes_before_the_reply_to_its_subscribe() {
    let server = server().await;
    let publishing = {
        let hub = server.hub().clone();
        tokio::spawn(async move {
            for number in 0..2000 {
                hub.publish("chat:7", number.to_string()).await.unwrap();
                tokio::task::yield_now().await;
            }
        })
    };
    for _ in 0..20 {
        let client = Client::user(&server, "42").await;
        client.say(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#);
        let reply = client.heard().await;
        assert!(reply.starts_with(r#"{"id":2,"subscribe":"#), "{reply}");
        let offset: u64 = reply
            .split(r#""offset":"#)
            .nth(1)
            .map_or(0, |rest| rest.split([',', '}']).next().unwrap().parse().unwrap());
        if !publishing.is_finished() {
            let push = client.heard().await;
            let next = format!(r#""offset":{}}}"#, offset + 1);
            assert!(push.lines().next().unwrap().contains(&next), "{push} after {offset}");
        }
    }
    publishing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn both_formats_share_a_channel() {
    let server = server().await;
    let json = Client::user(&server, "42").await;
    json.ask(r#"{"id":2,"subscribe":{"channel":"plain:a"}}"#, r#"{"id":2,"subscribe":{}}"#).await;
    let protobuf = Client::new(&server, Format::Protobuf);
    let token = token(r#"{"sub":"7"}"#);
    let connect = [&[0x0a, token.len() as u8][..], token.as_bytes()].concat();
    // `connect` and `subscribe` in one message.
    let mut said = vec![(connect.len() + 4) as u8, 0x08, 1, 0x22, connect.len() as u8];
    said.extend(&connect);
    said.extend([13, 0x08, 2, 0x2a, 9, 0x0a, 7]);
    said.extend(b"plain:a");
    protobuf.say_bytes(&said);
    let connected = protobuf.frame().await.unmasked().payload.to_vec();
    assert_eq!(connected[1..4], [0x08, 1, 0x2a]);
    assert_eq!(protobuf.frame().await.unmasked().payload.to_vec(), [4, 0x08, 2, 0x32, 0]);
    // Bytes that are not JSON.
    said = vec![19, 0x08, 3, 0x3a, 15, 0x0a, 7];
    said.extend(b"plain:a");
    said.extend([0x12, 4, 0xff, 0, 1, 2]);
    protobuf.say_bytes(&said);
    let push = r#"{"push":{"channel":"plain:a","pub":{"data":"/wABAg==","info":{"user":"7","client":"ID"}}}}"#;
    assert_eq!(json.heard().await, push);
}

#[tokio::test(start_paused = true)]
async fn subscribing_twice_is_an_error_and_after_unsubscribe_it_works_again() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    let again = r#"{"id":2,"error":{"code":105,"message":"already subscribed"}}"#;
    client.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, SUBSCRIBED).await;
    client.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, again).await;
    client.ask(r#"{"id":3,"unsubscribe":{"channel":"chat:7"}}"#, r#"{"id":3,"unsubscribe":{}}"#).await;
    server.hub().publish("chat:7", "1").await.unwrap();
    let subscribed = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":1,"positioned":true}}"#;
    client.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, subscribed).await;
}

#[tokio::test(start_paused = true)]
async fn who_asks_is_told_about_joins_and_leaves() {
    let server = server().await;
    let (ann, bob) = (Client::user(&server, "ann").await, Client::user(&server, "bob").await);
    let join = |user: &str| {
        format!(r#"{{"push":{{"channel":"chat:7","join":{{"info":{{"user":"{user}","client":"ID"}}}}}}}}"#)
    };
    ann.ask(r#"{"id":2,"subscribe":{"channel":"chat:7","join_leave":true}}"#, SUBSCRIBED).await;
    assert_eq!(ann.heard().await, join("ann"));
    bob.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, SUBSCRIBED).await;
    assert_eq!(ann.heard().await, join("bob"));
    bob.ask(r#"{"id":3,"unsubscribe":{"channel":"chat:7"}}"#, r#"{"id":3,"unsubscribe":{}}"#).await;
    assert_eq!(ann.heard().await, join("bob").replace("join", "leave"));
    // A connection that breaks off leaves too.
    bob.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, SUBSCRIBED).await;
    assert_eq!(ann.heard().await, join("bob"));
    bob.remote.close();
    assert_eq!(ann.heard().await, join("bob").replace("join", "leave"));
}

#[tokio::test(start_paused = true)]
async fn presence_shows_clients_and_counts_users() {
    let server = server().await;
    let client = Client::new(&server, Format::Json);
    let claims = r#"{"sub":"ann","info":{"name":"Ann"}}"#;
    client.say(&format!(r#"{{"id":1,"connect":{{"token":"{}"}}}}"#, token(claims)));
    client.heard().await;
    client.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, SUBSCRIBED).await;
    client.say(r#"{"id":3,"presence":{"channel":"chat:7"}}"#);
    let presence = client.heard().await;
    let expected = r#"":{"user":"ann","client":"ID","conn_info":{"name":"Ann"}}}}}"#;
    assert!(presence.ends_with(expected), "{presence}");
    let second = Client::user(&server, "ann").await;
    second.ask(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#, SUBSCRIBED).await;
    let stats = r#"{"id":4,"presence_stats":{"num_clients":2,"num_users":1}}"#;
    client.ask(r#"{"id":4,"presence_stats":{"channel":"chat:7"}}"#, stats).await;
}

#[tokio::test(start_paused = true)]
async fn a_personal_channel_is_part_of_the_reply_to_connect() {
    let server = builder().await.personal_channels().build();
    let client = Client::new(&server, Format::Json);
    let claims = token(r#"{"sub":"42","channels":["plain:a"]}"#);
    let connected = r##"{"id":1,"connect":{"client":"ID","version":"VERSION","subs":{"#42":{},"plain:a":{}},"ping":25,"pong":true}}"##;
    client.ask(&format!(r#"{{"id":1,"connect":{{"token":"{claims}"}}}}"#), connected).await;
    server.hub().publish("#42", r#"{"order":17}"#).await.unwrap();
    assert_eq!(client.heard().await, r##"{"push":{"channel":"#42","pub":{"data":{"order":17}}}}"##);
    server.hub().publish("plain:a", "hello").await.unwrap();
    assert_eq!(client.heard().await, r#"{"push":{"channel":"plain:a","pub":{"data":"hello"}}}"#);
}

#[tokio::test(start_paused = true)]
async fn several_publications_of_a_burst_share_a_message() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    client.ask(r#"{"id":2,"subscribe":{"channel":"plain:a"}}"#, r#"{"id":2,"subscribe":{}}"#).await;
    let (one, two) = (server.hub().publish("plain:a", "1"), server.hub().publish("plain:a", "2"));
    let (one, two) = tokio::join!(one.into_future(), two.into_future());
    assert!(one.is_ok() && two.is_ok());
    let push = |data: u8| format!(r#"{{"push":{{"channel":"plain:a","pub":{{"data":{data}}}}}}}"#);
    assert_eq!(client.heard().await, format!("{}\n{}", push(1), push(2)));
}
