use bytes::Bytes;
use http::{Request, StatusCode};
use silverback_centrifugo::{Channel, Format, Keys, Server};
use silverback_hub::{Hub, Memory, Topic};

use crate::support::{Client, builder};

async fn server() -> Server {
    builder().await.api_key("key").build()
}

async fn call(server: &Server, method: &str, body: &str) -> (StatusCode, String) {
    let request = Request::post(format!("/api/{method}")).header("x-api-key", "key");
    let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
    let response = server.handle_api(request).await;
    (response.status(), String::from_utf8(response.into_body().to_vec()).unwrap())
}

/// The answer, with the epoch cut out.
async fn ask(server: &Server, method: &str, body: &str) -> String {
    let (status, answer) = call(server, method, body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    crate::support::cut(&answer)
}

#[tokio::test(start_paused = true)]
async fn a_request_without_the_key_gets_401_and_changes_nothing() {
    let server = server().await;
    let body = r#"{"channel":"chat:7","data":1}"#;
    for (name, value) in [("x-api-key", "other"), ("x-api-key", ""), ("authorization", "apikey"), ("cookie", "key")] {
        let request = Request::post("/api/publish").header(name, value).body(body.into()).unwrap();
        let answer = server.handle_api(request).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{name}: {value}");
        assert_eq!(answer.body(), "The header X-API-Key needs a key of this API.\n");
    }
    assert_eq!(server.hub().counters().published, 0);
    let request = Request::post("/api/publish").header("authorization", "apikey key").body(body.into()).unwrap();
    assert_eq!(server.handle_api(request).await.status(), StatusCode::OK);
    // Without a key nobody gets in.
    let server = builder().await.build();
    let request = Request::post("/api/publish").header("x-api-key", "").body(body.into()).unwrap();
    let answer = server.handle_api(request).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(answer.body(), "This API has no key, so nobody may call it.\n");
}

#[tokio::test(start_paused = true)]
async fn what_is_no_call_is_refused() {
    let server = server().await;
    assert_eq!(call(&server, "fly", "{}").await.0, StatusCode::NOT_FOUND);
    assert_eq!(call(&server, "publish", "nonsense").await.0, StatusCode::BAD_REQUEST);
    let bad = r#"{"error":{"code":107,"message":"bad request"}}"#;
    for body in ["{}", "[]", r#"{"channel":7}"#, r#"{"channel":"","data":1}"#, r#"{"channel":"a","b64data":"?"}"#] {
        assert_eq!(ask(&server, "publish", body).await, bad, "{body}");
    }
    let request = Request::get("/api/info").header("x-api-key", "key").body(Bytes::new()).unwrap();
    assert_eq!(server.handle_api(request).await.status(), StatusCode::METHOD_NOT_ALLOWED);
}

#[tokio::test(start_paused = true)]
async fn publications_reach_clients_once_for_each_idempotency_key() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    client.say(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#);
    client.heard().await;
    let body = r#"{"channel":"chat:7","data":{"a":1},"idempotency_key":"one"}"#;
    for _ in 0..2 {
        assert_eq!(ask(&server, "publish", body).await, r#"{"result":{"offset":1,"epoch":"EPOCH"}}"#);
    }
    assert_eq!(client.heard().await, r#"{"push":{"channel":"chat:7","pub":{"data":{"a":1},"offset":1}}}"#);
    let answer = ask(&server, "broadcast", r#"{"channels":["chat:7","","plain:a"],"b64data":"/wA="}"#).await;
    let expected = r#"{"result":{"responses":[{"result":{"offset":2,"epoch":"EPOCH"}},{"error":{"code":107,"message":"bad request"}},{"result":{"offset":0,"epoch":"EPOCH"}}]}}"#;
    assert_eq!(answer, expected);
    assert_eq!(client.heard().await, r#"{"push":{"channel":"chat:7","pub":{"data":"/wA=","offset":2}}}"#);
}

#[tokio::test(start_paused = true)]
async fn history_and_presence_are_as_clients_see_them() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    client.say(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#);
    client.heard().await;
    for data in 1..=3 {
        server.hub().publish("chat:7", data.to_string()).await.unwrap();
    }
    let history =
        r#"{"result":{"publications":[{"data":3,"offset":3},{"data":2,"offset":2}],"epoch":"EPOCH","offset":3}}"#;
    assert_eq!(ask(&server, "history", r#"{"channel":"chat:7","limit":2,"reverse":true}"#).await, history);
    let empty = r#"{"result":{"publications":[],"epoch":"EPOCH","offset":3}}"#;
    assert_eq!(ask(&server, "history", r#"{"channel":"chat:7"}"#).await, empty);
    let presence = ask(&server, "presence", r#"{"channel":"chat:7"}"#).await;
    assert!(presence.ends_with(r#"":{"user":"42","client":"ID"}}}}"#), "{presence}");
    let stats = r#"{"result":{"num_clients":1,"num_users":1}}"#;
    assert_eq!(ask(&server, "presence_stats", r#"{"channel":"chat:7"}"#).await, stats);
    let none = r#"{"error":{"code":108,"message":"not available"}}"#;
    assert_eq!(ask(&server, "presence", r#"{"channel":"plain:a"}"#).await, none);
    assert_eq!(ask(&server, "history", r#"{"channel":"plain:a"}"#).await, none);
    let info = ask(&server, "info", "{}").await;
    assert!(info.contains(r#""num_clients":1,"num_users":"#), "{info}");
}

#[tokio::test(start_paused = true)]
async fn a_user_is_disconnected_for_good_unless_the_call_says_otherwise() {
    let server = server().await;
    for (more, code) in [("", 3503), (r#","disconnect":{"code":4001,"reason":"again"}"#, 4001)] {
        let client = Client::user(&server, "42").await;
        let other = Client::user(&server, "7").await;
        let done = r#"{"result":{}}"#;
        assert_eq!(ask(&server, "disconnect", &format!(r#"{{"user":"42"{more}}}"#)).await, done);
        client.expect_close(code).await;
        other.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
    }
    let bad = r#"{"error":{"code":107,"message":"bad request"}}"#;
    assert_eq!(ask(&server, "disconnect", r#"{"user":""}"#).await, bad);
    assert_eq!(ask(&server, "disconnect", r#"{"user":"7","disconnect":{"code":1006}}"#).await, bad);
}

#[tokio::test(start_paused = true)]
async fn a_batch_answers_each_command_in_its_place() {
    let server = server().await;
    let body = r#"{"commands":[{"publish":{"channel":"plain:a","data":1}},{"fly":{}},{"presence_stats":{"channel":"chat:7"}}]}"#;
    let expected = r#"{"replies":[{"publish":{"offset":0,"epoch":"EPOCH"}},{"error":{"code":104,"message":"method not found"}},{"presence_stats":{"num_clients":0,"num_users":0}}]}"#;
    assert_eq!(ask(&server, "batch", body).await, expected);
    let too_many = format!(r#"{{"commands":[{}]}}"#, vec!["{}"; 1001].join(","));
    let limit = r#"{"error":{"code":106,"message":"limit exceeded"}}"#;
    assert_eq!(ask(&server, "batch", &too_many).await, limit);
}

const DONE: &str = r#"{"result":{}}"#;

/// Two servers on one memory, with a client of the same user on each: the API of one acts on both.
async fn two_nodes() -> [(Server, Client, String); 2] {
    let memory = Memory::new();
    let mut nodes = Vec::new();
    for name in ["one", "two"] {
        let kept = Topic::new().history(100, std::time::Duration::from_secs(300)).presence();
        let hub = Server::prepare(Hub::builder()).name(name).engine(memory.clone()).topics("chat:*", kept);
        let all = Channel::new().open().publish().history().presence();
        let server = Server::builder(hub.start().await.unwrap()).keys(Keys::hmac("secret")).channels("*", all);
        let server = server.api_key("key").build();
        let client = Client::new(&server, Format::Json);
        let token = crate::support::token(r#"{"sub":"42"}"#);
        client.say(&format!(r#"{{"id":1,"connect":{{"token":"{token}"}}}}"#));
        let reply = client.frame().await.unmasked().payload;
        let reply = String::from_utf8(reply.to_vec()).unwrap();
        let id = reply.split(r#""client":""#).nth(1).unwrap().split('"').next().unwrap().to_owned();
        nodes.push((server, client, id));
    }
    nodes.try_into().ok().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_server_subscribes_and_unsubscribes_clients_of_all_nodes() {
    let [(server, here, id), (_other, there, _)] = two_nodes().await;
    server.hub().publish("chat:7", "1").await.unwrap();
    let body = r#"{"user":"42","channel":"chat:7","data":{"a":1}}"#;
    assert_eq!(ask(&server, "subscribe", body).await, DONE);
    let push = r#"{"push":{"channel":"chat:7","subscribe":{"recoverable":true,"epoch":"EPOCH","offset":1,"positioned":true,"data":{"a":1}}}}"#;
    assert_eq!([here.heard().await, there.heard().await], [push, push]);
    let stats = r#"{"result":{"num_clients":2,"num_users":1}}"#;
    assert_eq!(ask(&server, "presence_stats", r#"{"channel":"chat:7"}"#).await, stats);
    // Those that are in the channel already are not told again.
    assert_eq!(ask(&server, "subscribe", body).await, DONE);
    server.hub().publish("chat:7", "2").await.unwrap();
    let push = r#"{"push":{"channel":"chat:7","pub":{"data":2,"offset":2}}}"#;
    assert_eq!([here.heard().await, there.heard().await], [push, push]);

    let body = format!(r#"{{"user":"42","client":"{id}","channel":"chat:7"}}"#);
    assert_eq!(ask(&server, "unsubscribe", &body).await, DONE);
    let gone = r#"{"push":{"channel":"chat:7","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#;
    assert_eq!(here.heard().await, gone);
    server.hub().publish("chat:7", "3").await.unwrap();
    assert_eq!(there.heard().await, push.replace('2', "3"));
    here.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
    // It comes back with what it has missed.
    let epoch = server.hub().position("chat:7").await.unwrap().unwrap().epoch;
    let since = format!(r#"{{"offset":2,"epoch":"{epoch}"}}"#);
    let body = format!(r#"{{"client":"{id}","channel":"chat:7","recover_since":{since}}}"#);
    assert_eq!(ask(&server, "subscribe", &body).await, DONE);
    let heard = here.heard().await;
    assert!(heard.ends_with("\n{\"push\":{\"channel\":\"chat:7\",\"pub\":{\"data\":3,\"offset\":3}}}"), "{heard}");
}

#[tokio::test(start_paused = true)]
async fn one_connection_or_all_but_some_are_disconnected() {
    let [(server, here, id), (_other, there, other_id)] = two_nodes().await;
    for unknown in ["0000000000000000-1", "e0e3bdf0-4fb4-4d2c-9a1e-0a1b2c3d4e5f"] {
        let body = format!(r#"{{"user":"42","client":"{unknown}"}}"#);
        assert_eq!(ask(&server, "disconnect", &body).await, DONE, "nobody has this name");
    }
    let body = format!(r#"{{"user":"41","session":"{id}"}}"#);
    assert_eq!(ask(&server, "disconnect", &body).await, DONE, "it is of another user");
    here.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
    let body = format!(r#"{{"user":"42","whitelist":["{id}"],"disconnect":{{"code":4001,"reason":"again"}}}}"#);
    assert_eq!(ask(&server, "disconnect", &body).await, DONE);
    there.expect_close(4001).await;
    here.ask(r#"{"id":2,"ping":{}}"#, r#"{"id":2,"ping":{}}"#).await;
    let body = format!(r#"{{"user":"42","client":"{id}","session":"{other_id}"}}"#);
    assert_eq!(ask(&server, "disconnect", &body).await, DONE, "no connection has both names");
    let body = format!(r#"{{"user":"42","session":"{id}"}}"#);
    assert_eq!(ask(&server, "disconnect", &body).await, DONE);
    here.expect_close(3503).await;
}

#[tokio::test(start_paused = true)]
async fn the_server_refreshes_and_expires_connections() {
    let [(server, here, id), (_other, there, _)] = two_nodes().await;
    let at = crate::support::later(60);
    assert_eq!(ask(&server, "refresh", &format!(r#"{{"user":"42","expire_at":{at}}}"#)).await, DONE);
    for client in [&here, &there] {
        let push = client.heard().await;
        assert!(push.starts_with(r#"{"push":{"refresh":{"expires":true,"ttl":"#), "{push}");
    }
    assert_eq!(ask(&server, "refresh", &format!(r#"{{"client":"{id}"}}"#)).await, DONE);
    assert_eq!(here.heard().await, r#"{"push":{"refresh":{}}}"#);
    assert_eq!(ask(&server, "refresh", r#"{"user":"42","expired":true}"#).await, DONE);
    here.expect_close(3005).await;
    there.expect_close(3005).await;
}

#[tokio::test(start_paused = true)]
async fn channels_and_info_are_of_all_nodes() {
    let [(server, here, _), (_other, there, _)] = two_nodes().await;
    for (client, channel) in [(&here, "chat:7"), (&there, "chat:7"), (&there, "news")] {
        client.say(&format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}","join_leave":true}}}}"#));
        client.heard().await;
    }
    let all = r#"{"result":{"channels":{"chat:7":{"num_clients":2},"news":{"num_clients":1}}}}"#;
    assert_eq!(ask(&server, "channels", "{}").await, all);
    let some = r#"{"result":{"channels":{"chat:7":{"num_clients":2}}}}"#;
    assert_eq!(ask(&server, "channels", r#"{"pattern":"c*7"}"#).await, some);
    let info = ask(&server, "info", "{}").await;
    for name in ["one", "two"] {
        assert!(
            info.contains(&format!(r#""name":"{name}","version":"VERSION","num_clients":1,"num_users":1,"#)),
            "{info}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_history_is_removed_and_the_position_stays() {
    let server = server().await;
    let [one, two] = [1, 2].map(|data| format!(r#"{{"channel":"chat:7","data":{data}}}"#));
    ask(&server, "publish", &one).await;
    assert_eq!(ask(&server, "history_remove", r#"{"channel":"chat:7"}"#).await, DONE);
    assert_eq!(ask(&server, "publish", &two).await, r#"{"result":{"offset":2,"epoch":"EPOCH"}}"#);
    let history = r#"{"result":{"publications":[{"data":2,"offset":2}],"epoch":"EPOCH","offset":2}}"#;
    assert_eq!(ask(&server, "history", r#"{"channel":"chat:7","limit":-1}"#).await, history);
    let none = r#"{"error":{"code":108,"message":"not available"}}"#;
    assert_eq!(ask(&server, "history_remove", r#"{"channel":"plain:a"}"#).await, none);
}

#[tokio::test(start_paused = true)]
async fn tags_travel_with_a_publication() {
    let server = server().await;
    let client = Client::user(&server, "42").await;
    client.say(r#"{"id":2,"subscribe":{"channel":"chat:7"}}"#);
    client.heard().await;
    ask(&server, "publish", r#"{"channel":"chat:7","data":1,"tags":{"lang":"de","a":"b"}}"#).await;
    let push = r#"{"push":{"channel":"chat:7","pub":{"data":1,"offset":1,"tags":{"a":"b","lang":"de"}}}}"#;
    assert_eq!(client.heard().await, push);
    let history = ask(&server, "history", r#"{"channel":"chat:7","limit":1}"#).await;
    assert!(history.contains(r#""tags":{"a":"b","lang":"de"}"#), "{history}");
}

#[tokio::test(start_paused = true)]
async fn what_this_server_cannot_do_is_refused_and_not_left_out() {
    let server = server().await;
    let none = r#"{"error":{"code":108,"message":"not available"}}"#;
    let bad = r#"{"error":{"code":107,"message":"bad request"}}"#;
    for (method, body, expected) in [
        ("publish", r#"{"channel":"chat:7","data":1,"skip_history":true}"#, none),
        ("subscribe", r#"{"user":"42","channel":"chat:7","info":{"a":1}}"#, none),
        ("subscribe", r#"{"user":"42","channel":"chat:7","override":{"presence":{"value":true}}}"#, none),
        ("refresh", r#"{"user":"42","info":{}}"#, none),
        ("subscribe", r#"{"channel":"chat:7"}"#, bad),
        ("subscribe", r#"{"user":"42","channel":"%joins:chat:7"}"#, bad),
        ("subscribe", r#"{"user":"42","channel":""}"#, bad),
        ("unsubscribe", r#"{"user":"","channel":"chat:7"}"#, bad),
        ("refresh", "{}", bad),
        ("history_remove", r#"{"channel":""}"#, bad),
        ("publish", r#"{"channel":"%joins:chat:7","data":1}"#, bad),
    ] {
        assert_eq!(ask(&server, method, body).await, expected, "{method} {body}");
    }
}
