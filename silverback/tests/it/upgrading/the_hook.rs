//! `on_request`: the application looks at the request.

use std::time::Duration;

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use silverback::{UpgradeError, Upgrader};
use silverback_testkit::pipe::pipe;
use tokio::time::sleep;

use super::{accept, head, refusal};
use crate::support::{request, within};

type Answer = Result<HeaderMap, Response<String>>;

async fn by_path(request: Request<()>) -> Answer {
    sleep(Duration::from_secs(1)).await;
    match request.uri().path() {
        "/chat" => {
            let mut headers = HeaderMap::new();
            headers.append("set-cookie", HeaderValue::from_static("who=you"));
            Ok(headers)
        }
        _ => {
            let mut refusal = Response::new("Not here.".to_owned());
            *refusal.status_mut() = StatusCode::NOT_FOUND;
            refusal.headers_mut().insert("x-why", HeaderValue::from_static("path"));
            Err(refusal)
        }
    }
}

#[tokio::test(start_paused = true)]
async fn may_be_replaced_by_a_look_at_the_request_that_was_accepted() {
    let (pipe, remote) = pipe();
    let accepting = tokio::spawn(async move { Upgrader::new().accept_with_request(pipe).await });
    let remote = remote.as_client();
    remote.send(request("Cookie: who=me\r\n"));
    assert_eq!(head(&remote).await.status(), 101);
    let (_conn, request) = within(accepting).await.unwrap().unwrap();
    assert_eq!(request.uri().path(), "/chat");
    assert_eq!(request.headers()["cookie"], "who=me");
}

#[tokio::test(start_paused = true)]
async fn adds_headers_to_the_answer() {
    let (accepting, remote) = accept(Upgrader::new().on_request(by_path));
    remote.send(request(""));
    let head = head(&remote).await;
    assert_eq!((head.status(), head.header("set-cookie")), (101, Some("who=you")));
    within(accepting).await.unwrap().unwrap();
}

#[tokio::test(start_paused = true)]
async fn refuses_with_any_status_headers_and_body() {
    let (accepting, remote) = accept(Upgrader::new().on_request(by_path));
    remote.send(request("").replace("/chat", "/other"));
    remote.half_close();
    let (head, body) = refusal(&remote).await;
    assert_eq!((head.status(), head.header("x-why"), body.as_str()), (404, Some("path"), "Not here."));
    assert_eq!(head.header("connection"), Some("close"));
    let error = within(accepting).await.unwrap().unwrap_err();
    assert!(matches!(error, UpgradeError::Refused(_)), "{error}");
}

#[tokio::test(start_paused = true)]
async fn must_not_touch_the_handshake_s_own_headers() {
    for name in ["sec-websocket-accept", "upgrade", "sec-websocket-protocol"] {
        let hook = move |_| async move {
            let mut headers = HeaderMap::new();
            headers.append(name, HeaderValue::from_static("mine"));
            Ok(headers)
        };
        let (accepting, remote) = accept(Upgrader::new().on_request(hook));
        remote.send(request(""));
        remote.half_close();
        assert_eq!(refusal(&remote).await.0.status(), 500);
        let error = within(accepting).await.unwrap().unwrap_err();
        assert!(matches!(error, UpgradeError::Misconfigured(_)), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn that_takes_too_long_is_within_the_time_too() {
    let (accepting, remote) = accept(Upgrader::new().on_request(|_| std::future::pending::<Answer>()));
    remote.send(request(""));
    remote.half_close();
    assert_eq!(refusal(&remote).await.0.status(), 408);
    assert!(within(accepting).await.unwrap().unwrap_err().is_timeout());
}
