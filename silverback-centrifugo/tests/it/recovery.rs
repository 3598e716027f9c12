use silverback_centrifugo::{Format, Server};

use crate::support::{Client, builder, server, token};

async fn publish(server: &Server, channel: &str, count: u64) {
    for number in 1..=count {
        server.hub().publish(channel, number.to_string()).await.unwrap();
    }
}

/// The epoch of a channel.
async fn epoch(server: &Server, channel: &str) -> String {
    let history = server.hub().history(channel, &silverback_hub::Position::start()).await.unwrap();
    history.position.unwrap().epoch.to_string()
}

fn recover(channel: &str, epoch: &str, offset: u64, flag: u8) -> String {
    format!(
        r#"{{"id":2,"subscribe":{{"channel":"{channel}","recover":true,"epoch":"{epoch}","offset":{offset},"flag":{flag}}}}}"#
    )
}

#[tokio::test(start_paused = true)]
async fn a_client_gets_what_it_has_missed_in_the_reply() {
    let server = server().await;
    publish(&server, "chat:7", 3).await;
    let client = Client::user(&server, "42").await;
    let recovered = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","publications":[{"data":2,"offset":2},{"data":3,"offset":3}],"recovered":true,"offset":3,"positioned":true,"was_recovering":true}}"#;
    client.ask(&recover("chat:7", &epoch(&server, "chat:7").await, 1, 0), recovered).await;
}

#[tokio::test(start_paused = true)]
async fn an_empty_epoch_with_offset_0_is_from_the_start() {
    let server = server().await;
    publish(&server, "chat:7", 1).await;
    let client = Client::user(&server, "42").await;
    let recovered = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","publications":[{"data":1,"offset":1}],"recovered":true,"offset":1,"positioned":true,"was_recovering":true}}"#;
    client.ask(&recover("chat:7", "", 0, 0), recovered).await;
}

#[tokio::test(start_paused = true)]
async fn a_partial_recovery_is_never_passed_off_as_a_whole_one() {
    let server = server().await;
    publish(&server, "short:a", 5).await;
    let epoch = epoch(&server, "short:a").await;
    let lost = r#"{"id":2,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":5,"positioned":true,"was_recovering":true}}"#;
    for (epoch, offset) in [(epoch.as_str(), 2), ("another", 4), (epoch.as_str(), 9), ("", 3)] {
        let client = Client::user(&server, "42").await;
        client.ask(&recover("short:a", epoch, offset, 0), lost).await;
    }
}

#[tokio::test(start_paused = true)]
async fn who_would_rather_have_an_error_gets_112_and_no_subscription() {
    let server = server().await;
    publish(&server, "short:a", 5).await;
    let epoch = epoch(&server, "short:a").await;
    let client = Client::user(&server, "42").await;
    let error = r#"{"id":2,"error":{"code":112,"message":"unrecoverable position"}}"#;
    client.ask(&recover("short:a", &epoch, 1, 2), error).await;
    publish(&server, "short:a", 1).await;
    // Also if something is published at the same time, there is no push of a channel that the client is not in.
    for _ in 0..20 {
        client.say(&recover("short:a", &epoch, 1, 2));
        publish(&server, "short:a", 3).await;
        assert_eq!(client.heard().await, error);
    }
    let subscribed = r#"{"id":3,"subscribe":{"recoverable":true,"epoch":"EPOCH","offset":66,"positioned":true}}"#;
    client.ask(r#"{"id":3,"subscribe":{"channel":"short:a"}}"#, subscribed).await;
}

#[tokio::test(start_paused = true)]
async fn subscriptions_of_the_server_recover_too() {
    let server = builder().await.build();
    publish(&server, "chat:7", 3).await;
    publish(&server, "chat:8", 3).await;
    let claims = token(r#"{"sub":"42","channels":["chat:7","chat:8"]}"#);
    let (first, second) = (epoch(&server, "chat:7").await, epoch(&server, "chat:8").await);
    let sub = |epoch: &str| format!(r#"{{"recover":true,"epoch":"{epoch}","offset":2}}"#);
    let client = Client::new(&server, Format::Json);
    client.say(&format!(
        r#"{{"id":1,"connect":{{"token":"{claims}","subs":{{"chat:7":{},"chat:8":{}}}}}}}"#,
        sub(&first),
        sub(&second)
    ));
    let connected = client.heard().await;
    let recovered = r#"{"recoverable":true,"epoch":"EPOCH","publications":[{"data":3,"offset":3}],"recovered":true,"offset":3,"positioned":true,"was_recovering":true}"#;
    let subs = format!(r#""subs":{{"chat:7":{recovered},"chat:8":{recovered}}}"#);
    assert!(connected.contains(&subs), "{connected}");
    publish(&server, "chat:8", 1).await;
    assert_eq!(client.heard().await, r#"{"push":{"channel":"chat:8","pub":{"data":1,"offset":4}}}"#);
}

#[tokio::test(start_paused = true)]
async fn a_subscription_of_the_server_that_fails_does_not_stop_the_others() {
    let server = builder().await.build();
    let claims = token(r#"{"sub":"42","channels":["plain:a","","plain:b"]}"#);
    let client = Client::new(&server, Format::Json);
    client.say(&format!(r#"{{"id":1,"connect":{{"token":"{claims}"}}}}"#));
    let connected = client.heard().await;
    assert!(connected.contains(r#""subs":{"plain:a":{},"plain:b":{}}"#), "{connected}");
}

#[tokio::test(start_paused = true)]
async fn history_has_pages_in_both_directions() {
    let server = server().await;
    publish(&server, "chat:7", 4).await;
    let epoch = epoch(&server, "chat:7").await;
    let client = Client::user(&server, "42").await;
    client.say(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#);
    client.heard().await;
    let since = |offset: u64| format!(r#","since":{{"epoch":"{epoch}","offset":{offset}}}"#);
    for (asked, offsets) in [
        (String::new(), &[][..]),
        (since(1), &[]),
        (r#","limit":-1"#.into(), &[1, 2, 3, 4]),
        (r#","limit":2"#.into(), &[1, 2]),
        (format!(r#","limit":2{}"#, since(2)), &[3, 4]),
        (r#","limit":2,"reverse":true"#.into(), &[4, 3]),
        (format!(r#","limit":-1,"reverse":true{}"#, since(3)), &[2, 1]),
        (format!(r#","limit":-1{}"#, since(4)), &[]),
    ] {
        let list: Vec<_> = offsets.iter().map(|one| format!(r#"{{"data":{one},"offset":{one}}}"#)).collect();
        let publications =
            if list.is_empty() { String::new() } else { format!(r#""publications":[{}],"#, list.join(",")) };
        let expected = format!(r#"{{"id":3,"history":{{{publications}"epoch":"EPOCH","offset":4}}}}"#);
        client.ask(&format!(r#"{{"id":3,"history":{{"channel":"chat:7"{asked}}}}}"#), &expected).await;
    }
    let error = r#"{"id":3,"error":{"code":112,"message":"unrecoverable position"}}"#;
    client.ask(r#"{"id":3,"history":{"channel":"chat:7","since":{"epoch":"another","offset":2}}}"#, error).await;
    for asked in [r#""since":{"epoch":"another","offset":2}"#, r#""reverse":true,"since":{"epoch":"x","offset":2}"#] {
        client.ask(&format!(r#"{{"id":3,"history":{{"channel":"chat:7","limit":-1,{asked}}}}}"#), error).await;
    }
}
