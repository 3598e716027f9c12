//! Proxies that the test plays on the kit's pipe: the requests to them, and the effects of their responses. The interop
//! tests use real proxies.

use std::{io, time::Duration};

use silverback::{
    Conn, DialError, Dialer,
    dial::{DialEvent, DialStep, ProxyRules},
    proto::handshake::Nonce,
};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::{sync::mpsc, task::JoinHandle, time::sleep};

use crate::support::{Head, within};

type Dialling = JoinHandle<Result<Conn, DialError>>;

/// Dials, and gives the other end of the connection that is made, with whom it was meant for.
async fn dial(dialer: Dialer, url: &str) -> (Dialling, String, Remote) {
    let (connected, mut connections) = mpsc::unbounded_channel();
    let dialer = dialer.connector(move |to| {
        let (ours, theirs) = pipe();
        connected.send((format!("{}:{}", to.host, to.port), theirs.as_server())).unwrap();
        async { Ok(ours) }
    });
    let url = url.to_owned();
    let dialling = tokio::spawn(async move { dialer.dial(&url).await });
    let (to, remote) = within(connections.recv()).await.unwrap();
    (dialling, to, remote)
}

async fn welcome(remote: &Remote) -> Head {
    let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
    let nonce = Nonce::parse(head.header("sec-websocket-key").unwrap().as_bytes()).unwrap();
    remote.send(format!(
        "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n",
        nonce.accept_key()
    ));
    head
}

async fn failed(dialling: Dialling) -> DialError {
    within(dialling).await.unwrap().unwrap_err()
}

#[track_caller]
fn is_proxy_failure(error: &DialError, kind: io::ErrorKind) {
    assert!(matches!(error, DialError::Io { step: DialStep::Proxy, source, .. } if source.kind() == kind), "{error:?}");
    assert!(error.to_string().contains("server.example:80"), "{error}");
}

const PROXY: &str = "http://aladdin:sesame@proxy.example:3128";
const URL: &str = "ws://server.example/chat";

mod http_connect {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn asks_for_the_server_and_then_talks_to_it() {
        let (dialling, to, remote) = dial(Dialer::new().proxy(PROXY).header("User-Agent", "mine/1"), URL).await;
        assert_eq!(to, "proxy.example:3128");
        let request = within(remote.read_until("\r\n\r\n")).await;
        let expected = "CONNECT server.example:80 HTTP/1.1\r\nHost: server.example:80\r\nUser-Agent: mine/1\r\n\
             Proxy-Authorization: Basic YWxhZGRpbjpzZXNhbWU=\r\n\r\n";
        assert_eq!(String::from_utf8(request).unwrap(), expected);
        assert!(remote.received().is_empty(), "nothing is for the server before the proxy agrees");
        remote.send("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.0 200 Connection established\r\nContent-Length: 9\r\n\r\n");
        let head = welcome(&remote).await;
        assert_eq!((head.first_line.as_str(), head.header("host")), ("GET /chat HTTP/1.1", Some("server.example")));
        assert_eq!(head.header("proxy-authorization"), None, "the server is not told who we are to the proxy");
        within(dialling).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn names_an_address_of_ipv6_in_brackets_and_leaves_names_to_the_proxy() {
        for (url, server) in [("ws://[::1]:99/", "[::1]:99"), ("ws://nobody.invalid", "nobody.invalid:80")] {
            let (_dialling, _, remote) = dial(Dialer::new().proxy("proxy.example"), url).await;
            let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
            assert_eq!(head.first_line, format!("CONNECT {server} HTTP/1.1"));
            assert_eq!(head.header("proxy-authorization"), None);
            assert_eq!(head.header("user-agent"), Some("silverback/0.1.0"));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn tells_what_a_proxy_says_that_refuses() {
        for status in ["407 Proxy Authentication Required", "403 Forbidden", "502 Bad Gateway", "302 Found"] {
            let (dialling, _, remote) = dial(Dialer::new().proxy(PROXY).redirects(5), URL).await;
            remote.send(format!("HTTP/1.1 {status}\r\nProxy-Authenticate: Basic\r\nContent-Length: 4\r\n\r\nNo.\n"));
            let error = failed(dialling).await;
            let DialError::ProxyRefused { proxy, refusal, .. } = &error else { panic!("{error:?}") };
            assert_eq!((proxy.as_str(), refusal.status.as_str()), ("proxy.example:3128", &status[..3]));
            assert_eq!(
                (&refusal.headers["proxy-authenticate"], &*refusal.body),
                (&"Basic".parse().unwrap(), &b"No.\n"[..])
            );
            assert_eq!(error.step(), Some(DialStep::Proxy));
            let shown = format!("{error} {error:?}");
            assert!(shown.contains(&status[..3]) && !shown.contains("sesame") && !shown.contains("YWxh"), "{shown}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn fails_when_the_answer_is_none() {
        for (answer, kind) in [
            ("SSH-2.0-OpenSSH\r\n\r\n", io::ErrorKind::InvalidData),
            ("HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 101 from the proxy itself\r\n\r\n", io::ErrorKind::InvalidData),
            ("HTTP/1.1 200 OK\r\nX: y", io::ErrorKind::UnexpectedEof),
            ("", io::ErrorKind::UnexpectedEof),
        ] {
            let (dialling, _, remote) = dial(Dialer::new().proxy(PROXY), URL).await;
            remote.send(answer);
            remote.half_close();
            is_proxy_failure(&failed(dialling).await, kind);
        }
        let (dialling, _, remote) = dial(Dialer::new().proxy(PROXY), URL).await;
        remote.reset();
        is_proxy_failure(&failed(dialling).await, io::ErrorKind::ConnectionReset);
    }

    #[tokio::test(start_paused = true)]
    async fn takes_no_head_without_end_and_none_that_drips() {
        let (dialling, _, remote) = dial(Dialer::new().proxy(PROXY).max_head_size(500), URL).await;
        remote.send(format!("HTTP/1.1 200 OK\r\nX: {}", "x".repeat(1000)));
        is_proxy_failure(&failed(dialling).await, io::ErrorKind::InvalidData);

        for piece in ["x", "HTTP/1.1 100 Continue\r\n\r\n"] {
            let dialer = Dialer::new().proxy(PROXY).proxy_timeout(Duration::from_secs(3));
            let (dialling, _, remote) = dial(dialer, URL).await;
            remote.send(if piece == "x" { "HTTP/1.1 200 OK\r\nX: " } else { "" });
            while !dialling.is_finished() {
                remote.send(piece);
                sleep(Duration::from_millis(200)).await;
            }
            let error = failed(dialling).await;
            let DialError::Timeout { step, target, after, .. } = &error else { panic!("{error}") };
            assert_eq!((*step, target.as_str(), after.as_secs()), (DialStep::Proxy, "server.example:80", 3));
            assert!(remote.is_dropped());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn may_send_20_interim_responses_and_no_more() {
        let interim = "HTTP/1.1 102 Processing\r\n\r\n";
        let (dialling, _, remote) = dial(Dialer::new().proxy(PROXY), URL).await;
        within(remote.read_until("\r\n\r\n")).await;
        remote.send(interim.repeat(20) + "HTTP/1.1 200 OK\r\n\r\n");
        welcome(&remote).await;
        within(dialling).await.unwrap().unwrap();

        let (dialling, _, remote) = dial(Dialer::new().proxy(PROXY), URL).await;
        remote.send(interim.repeat(21) + "HTTP/1.1 200 OK\r\n\r\n");
        let error = failed(dialling).await;
        is_proxy_failure(&error, io::ErrorKind::InvalidData);
        assert!(error.to_string().contains("more than 20 interim responses"), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn is_watched() {
        let (told, mut events) = mpsc::unbounded_channel();
        let dialer = Dialer::new().proxy(PROXY).observer(move |event| match event {
            DialEvent::Connected { target, .. } => told.send(format!("connected {target}")).unwrap(),
            DialEvent::ProxyConnected { proxy, .. } => told.send(format!("through {proxy}")).unwrap(),
            _ => {}
        });
        let (dialling, _, remote) = dial(dialer, URL).await;
        within(remote.read_until("\r\n\r\n")).await;
        remote.send("HTTP/1.1 200 OK\r\n\r\n");
        welcome(&remote).await;
        within(dialling).await.unwrap().unwrap();
        assert_eq!(events.recv().await.unwrap(), "connected proxy.example:3128");
        assert_eq!(events.recv().await.unwrap(), "through proxy.example:3128");
    }
}

mod rules {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn choose_who_is_connected_to() {
        let rules = ProxyRules::all("http://proxy.example:3128".parse().unwrap()).except("direct.example");
        for (url, expected) in
            [("ws://direct.example/", "direct.example:80"), ("ws://server.example/", "proxy.example:3128")]
        {
            let (_dialling, to, _remote) = dial(Dialer::new().proxy_rules(rules.clone()), url).await;
            assert_eq!(to, expected);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn that_cannot_be_are_told_without_their_secrets() {
        let error = Dialer::new().proxy("ftp://aladdin:sesame@x").dial(URL).await.unwrap_err();
        assert!(matches!(error, DialError::Proxy(_)) && error.is_misuse(), "{error}");
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }

    #[cfg(not(feature = "socks"))]
    #[tokio::test(start_paused = true)]
    async fn with_socks_need_its_feature() {
        let error = Dialer::new().proxy("socks5://127.0.0.1").dial(URL).await.unwrap_err();
        assert!(matches!(error, DialError::SocksUnsupported) && error.to_string().contains("feature socks"), "{error}");
    }
}

#[cfg(feature = "socks")]
mod socks {
    use silverback_testkit::wire::to_hex;

    use super::*;

    /// The next `count` bytes that the proxy is sent.
    async fn bytes(remote: &Remote, count: usize, so_far: &mut usize) -> String {
        *so_far += count;
        let until = *so_far;
        within(remote.until(|counters| counters.written_bytes >= until)).await;
        to_hex(&remote.received())
    }

    #[tokio::test(start_paused = true)]
    async fn leaves_the_name_to_the_proxy_when_told_so() {
        let (dialling, to, remote) = dial(Dialer::new().proxy("socks5h://proxy.example"), URL).await;
        assert_eq!(to, "proxy.example:1080");
        let mut sent = 0;
        assert_eq!(bytes(&remote, 3, &mut sent).await, to_hex(&[5, 1, 0]));
        remote.send([5, 0]);
        let request = [&[5, 1, 0, 3, 14][..], b"server.example", &[0, 80]].concat();
        assert_eq!(bytes(&remote, request.len(), &mut sent).await, to_hex(&request));
        remote.send([5, 0, 0, 1, 127, 0, 0, 1, 0, 99]);
        welcome(&remote).await;
        within(dialling).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn finds_the_address_itself_otherwise_and_says_who_we_are() {
        let dialer = Dialer::new().proxy("socks5://aladdin:sesame@proxy.example");
        let dialer = dialer.resolve("server.example", "10.1.2.3:0".parse().unwrap());
        let (dialling, _, remote) = dial(dialer, URL).await;
        let mut sent = 0;
        assert_eq!(bytes(&remote, 4, &mut sent).await, to_hex(&[5, 2, 0, 2]));
        remote.send([5, 2]);
        let credentials = [&[1, 7][..], b"aladdin", &[6], b"sesame"].concat();
        assert_eq!(bytes(&remote, credentials.len(), &mut sent).await, to_hex(&credentials));
        remote.send([1, 0]);
        assert_eq!(bytes(&remote, 10, &mut sent).await, to_hex(&[5, 1, 0, 1, 10, 1, 2, 3, 0, 80]));
        remote.send([5, 0, 0, 1, 127, 0, 0, 1, 0, 99]);
        welcome(&remote).await;
        within(dialling).await.unwrap().unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn tells_why_it_was_refused() {
        let refused = |code: u8| [&[5, 0][..], &[5, code, 0, 1, 0, 0, 0, 0, 0, 0]].concat();
        for (answer, kind, words) in [
            (vec![5, 0xFF], io::ErrorKind::PermissionDenied, "No acceptable auth methods"),
            (vec![5, 2, 1, 1], io::ErrorKind::PermissionDenied, "Password auth failure"),
            (refused(1), io::ErrorKind::Other, "General SOCKS server failure"),
            (refused(2), io::ErrorKind::PermissionDenied, "not allowed"),
            (refused(4), io::ErrorKind::HostUnreachable, "Host unreachable"),
            (refused(5), io::ErrorKind::ConnectionRefused, "Connection refused"),
            (b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec(), io::ErrorKind::InvalidData, "version"),
        ] {
            let (dialling, _, remote) = dial(Dialer::new().proxy("socks5h://aladdin:sesame@proxy.example"), URL).await;
            remote.send(&answer);
            let error = failed(dialling).await;
            is_proxy_failure(&error, kind);
            assert!(error.to_string().contains(words), "{error}");
            assert!(!format!("{error} {error:?}").contains("sesame"), "{error:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn has_its_time_and_may_end() {
        let (dialling, _, remote) = dial(Dialer::new().proxy("socks5h://proxy.example"), URL).await;
        let error = failed(dialling).await;
        assert!(matches!(error, DialError::Timeout { step: DialStep::Proxy, .. }), "{error}");
        assert!(remote.is_dropped());
        let (dialling, _, remote) = dial(Dialer::new().proxy("socks5h://proxy.example"), URL).await;
        remote.send([5]);
        remote.half_close();
        is_proxy_failure(&failed(dialling).await, io::ErrorKind::UnexpectedEof);
    }
}
