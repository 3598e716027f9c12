use bytes::Bytes;
use http::{Request, StatusCode};
use silverback_centrifugo::Server;

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
        assert_eq!(server.handle_api(request).await.status(), StatusCode::UNAUTHORIZED, "{name}: {value}");
    }
    assert_eq!(server.hub().counters().published, 0);
    let request = Request::post("/api/publish").header("authorization", "apikey key").body(body.into()).unwrap();
    assert_eq!(server.handle_api(request).await.status(), StatusCode::OK);
    // Without a key nobody gets in.
    let server = builder().await.build();
    let request = Request::post("/api/publish").header("x-api-key", "").body(body.into()).unwrap();
    assert_eq!(server.handle_api(request).await.status(), StatusCode::UNAUTHORIZED);
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
    // One connection of several cannot be chosen, and the others stay.
    let none = r#"{"error":{"code":108,"message":"not available"}}"#;
    assert_eq!(ask(&server, "disconnect", r#"{"user":"7","client":"x"}"#).await, none);
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
