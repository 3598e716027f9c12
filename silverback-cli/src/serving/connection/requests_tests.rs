//! Requests out of a stream of bytes, however it is cut.
#![allow(clippy::unwrap_used)]

use super::*;

const HANDSHAKE: &str = "GET /ws/echo?room=1 HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n\r\n";
const HEALTH: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn next(requests: &mut Requests, mut input: &[u8]) -> Result<Request<()>, ReadError> {
    requests.next(&mut input).await
}

#[track_caller]
fn check_path(read: Result<Request<()>, ReadError>, path: &str) {
    assert_eq!(read.unwrap().uri(), path);
}

#[tokio::test]
async fn several_requests_may_come_together() {
    let mut requests = Requests::new(16 * 1024);
    assert!(requests.is_between());
    let input = [HEALTH, HANDSHAKE, "frames"].concat();
    check_path(next(&mut requests, input.as_bytes()).await, "/healthz");
    assert!(!requests.is_between());
    check_path(next(&mut requests, b"").await, "/ws/echo?room=1");
    assert_eq!(requests.into_rest(), b"frames");
}

#[tokio::test]
async fn a_request_may_be_cut_anywhere() {
    for cut in 1..HANDSHAKE.len() {
        let mut requests = Requests::new(16 * 1024);
        let (start, rest) = HANDSHAKE.as_bytes().split_at(cut);
        let (mut client, mut server) = tokio::io::duplex(1024);
        let write = async {
            tokio::io::AsyncWriteExt::write_all(&mut client, start).await.unwrap();
            tokio::task::yield_now().await;
            tokio::io::AsyncWriteExt::write_all(&mut client, rest).await.unwrap();
        };
        let (read, ()) = tokio::join!(requests.next(&mut server), write);
        check_path(read, "/ws/echo?room=1");
    }
}

#[tokio::test]
async fn a_stream_that_ends_within_a_request_has_ended() {
    for input in ["", "GET /ws", &HEALTH[..HEALTH.len() - 2]] {
        let read = next(&mut Requests::new(16 * 1024), input.as_bytes()).await;
        assert!(matches!(read, Err(ReadError::Ended)), "{input:?}");
    }
}

#[tokio::test]
async fn each_request_has_the_limit_anew_and_the_longest_header_is_named() {
    let mut requests = Requests::new(1000);
    let fits = HEALTH.replace("\r\n\r\n", &format!("\r\nCookie: {}\r\n\r\n", "x".repeat(900)));
    for _ in 0..3 {
        check_path(next(&mut requests, fits.as_bytes()).await, "/healthz");
    }
    let too_large = HEALTH.replace("\r\n\r\n", &format!("\r\nCookie: {}\r\n\r\n", "x".repeat(1000)));
    match next(&mut requests, too_large.as_bytes()).await {
        Err(ReadError::Head(UnreadableHead {
            error: HeadError::TooLarge { limit: 1000 },
            longest: Some((name, length)),
            is_proxy_header: false,
        })) => {
            assert_eq!(name, "Cookie");
            assert!((900..=1000).contains(&length), "{length}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_is_not_a_name_is_not_quoted() {
    for (line, name) in
        [("Cookie: x", Some("Cookie")), ("no colon", None), ("\u{1b}[2J: x", None), ("<b>: x", None), (": x", None)]
    {
        let head = format!("GET / HTTP/1.1\r\n{line}\r\n");
        assert_eq!(longest_header(head.as_bytes()).as_ref().map(|(name, _)| name.as_str()), name, "{line}");
    }
    assert_eq!(longest_header(format!("GET /{} HTTP/1.1", "x".repeat(100)).as_bytes()), None);
}
