//! Redirects and cookies: which redirects a dial follows, and which headers it sends to each server.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use http::{HeaderValue, Uri};
use silverback::{
    DialError, Dialer,
    dial::{CookieJar, RedirectFault},
    proto::handshake::Nonce,
};
use silverback_testkit::pipe::{Remote, pipe};
use tokio::{
    sync::mpsc,
    task::JoinHandle,
    time::{Instant, sleep},
};

use crate::support::{Head, within};

/// Servers with any name. The test answers for all of them.
struct Servers {
    connections: mpsc::UnboundedReceiver<(String, Remote)>,
    dialling: JoinHandle<Result<u16, DialError>>,
}

impl Servers {
    fn dial(dialer: Dialer, url: &str) -> Self {
        let (connected, connections) = mpsc::unbounded_channel();
        let dialer = dialer.connector(move |to| {
            let (ours, theirs) = pipe();
            connected.send((format!("{}:{}", to.host, to.port), theirs.as_server())).unwrap();
            async { Ok(ours) }
        });
        let url = url.to_owned();
        let dialling = tokio::spawn(async move {
            let (_, response) = dialer.dial_with_response(&url).await?;
            Ok(response.status().as_u16())
        });
        Self { connections, dialling }
    }

    /// Takes the next request and answers it; `{accept}` stands for what its nonce asks for.
    async fn answer(&mut self, response: &str) -> (String, Head) {
        let (server, remote) = within(self.connections.recv()).await.unwrap();
        let head = Head::parse(&within(remote.read_until("\r\n\r\n")).await);
        let nonce = Nonce::parse(head.header("sec-websocket-key").unwrap().as_bytes()).unwrap();
        remote.send(response.replace("{accept}", &nonce.accept_key().to_string()));
        (server, head)
    }

    async fn redirect(&mut self, location: &str) -> (String, Head) {
        self.answer(&format!("HTTP/1.1 307 x\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n")).await
    }

    async fn welcome(&mut self) -> (String, Head) {
        self.answer(WELCOME).await
    }

    async fn outcome(self) -> Result<u16, DialError> {
        within(self.dialling).await.unwrap()
    }
}

const WELCOME: &str = "HTTP/1.1 101 x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
     Sec-WebSocket-Accept: {accept}\r\nSet-Cookie: seen=1; Path=/\r\n\r\n";

#[tokio::test(start_paused = true)]
async fn redirects_are_refusals_unless_asked_for() {
    let mut servers = Servers::dial(Dialer::new(), "ws://a.example/");
    servers.redirect("/b").await;
    let error = servers.outcome().await.unwrap_err();
    assert!(matches!(&error, DialError::Refused { refusal, .. } if refusal.headers["location"] == "/b"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn redirects_are_followed_with_a_new_key_each_time() {
    let mut servers = Servers::dial(Dialer::new().redirects(2), "ws://a.example/x/y");
    let (_, first) = servers.redirect("z?q").await;
    let (server, second) = servers.redirect("http://b.example:99").await;
    assert_eq!((server.as_str(), second.first_line.as_str()), ("a.example:80", "GET /x/z?q HTTP/1.1"));
    let (server, third) = servers.welcome().await;
    assert_eq!((server.as_str(), third.first_line.as_str()), ("b.example:99", "GET / HTTP/1.1"));
    assert_eq!(third.header("host"), Some("b.example:99"));
    let keys = [&first, &second, &third].map(|head| head.header("sec-websocket-key").unwrap().to_owned());
    assert!(keys[0] != keys[1] && keys[1] != keys[2]);
    assert_eq!(servers.outcome().await.unwrap(), 101);
}

#[tokio::test(start_paused = true)]
async fn more_redirects_than_allowed_are_an_error_with_the_last_answer() {
    let mut servers = Servers::dial(Dialer::new().redirects(2), "ws://a.example/");
    for _ in 0..3 {
        servers.redirect("/again").await;
    }
    let error = servers.outcome().await.unwrap_err();
    assert!(matches!(&error, DialError::Redirect { fault: RedirectFault::TooMany { limit: 2 }, .. }), "{error}");
    assert_eq!(error.refusal().unwrap().status, 307);
    assert!(error.to_string().contains("307"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_redirect_to_nowhere_is_an_error() {
    for location in ["", "ftp://a.example/", "ws://me:secret@b.example/"] {
        let mut servers = Servers::dial(Dialer::new().redirects(2), "ws://a.example/");
        servers.redirect(location).await;
        let error = servers.outcome().await.unwrap_err();
        assert!(matches!(&error, DialError::Redirect { fault: RedirectFault::Location, .. }), "{location}: {error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn another_origin_is_told_no_secrets_and_neither_is_whom_it_sends_us_to() {
    let dialer = Dialer::new()
        .redirects(5)
        .bearer_auth("token")
        .header("Cookie", "id=1")
        .header("Proxy-Authorization", "Basic x")
        .header("X-Api-Key", "secret")
        .header("User-Agent", "mine/1")
        .host_header("inner.example")
        .origin("https://page.example");
    let secrets = ["authorization", "cookie", "proxy-authorization", "x-api-key"];
    let mut servers = Servers::dial(dialer, "ws://a.example/");
    for next in ["/same-origin", "ws://a.example:81/"] {
        let (_, head) = servers.redirect(next).await;
        assert!(secrets.iter().all(|name| head.header(name).is_some()));
        assert_eq!(head.header("host"), Some("inner.example"));
    }
    // Another port is another origin, and coming back does not make us trust them again.
    let (_, stranger) = servers.redirect("ws://a.example/").await;
    let (_, back) = servers.welcome().await;
    for (head, host) in [(stranger, "a.example:81"), (back, "a.example")] {
        assert!(secrets.iter().all(|name| head.header(name).is_none()));
        assert_eq!(head.header("host"), Some(host));
        assert_eq!(head.header("user-agent"), Some("mine/1"));
        assert_eq!(head.header("origin"), Some("https://page.example"));
    }
    assert_eq!(servers.outcome().await.unwrap(), 101);
}

#[tokio::test(start_paused = true)]
async fn the_time_for_everything_covers_all_redirects() {
    let (begun, limit) = (Instant::now(), Duration::from_secs(5));
    let mut servers = Servers::dial(Dialer::new().redirects(1000).timeout(limit), "ws://a.example/");
    // The last one ends with the dial, which drops its connector.
    while let Some((_, remote)) = within(servers.connections.recv()).await {
        sleep(Duration::from_millis(400)).await;
        remote.send("HTTP/1.1 307 x\r\nLocation: /again\r\nContent-Length: 0\r\n\r\n");
    }
    let error = servers.outcome().await.unwrap_err();
    assert!(matches!(error, DialError::Timeout { after, .. } if after == limit), "{error}");
    assert_eq!(begun.elapsed(), limit + Duration::from_millis(200), "noticed when the last pause was over");
}

#[derive(Clone, Default)]
struct Jar {
    asked: Arc<Mutex<Vec<String>>>,
    stored: Arc<Mutex<Vec<(String, String)>>>,
}

impl CookieJar for Jar {
    fn cookies(&self, url: &Uri) -> Option<HeaderValue> {
        self.asked.lock().unwrap().push(url.to_string());
        Some(HeaderValue::from_static("jar=1"))
    }

    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>) {
        let lines = set_cookie.map(|line| (url.to_string(), line.to_str().unwrap().to_owned()));
        self.stored.lock().unwrap().extend(lines);
    }
}

#[tokio::test(start_paused = true)]
async fn a_cookie_jar_is_asked_for_each_url_and_told_of_each_answer() {
    let jar = Jar::default();
    let mut servers = Servers::dial(Dialer::new().redirects(1).cookie_jar(jar.clone()), "ws://a.example:80/x?y");
    let redirect = "HTTP/1.1 302 x\r\nLocation: ws://b.example:99/\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n\
         Content-Length: 0\r\n\r\n";
    let (_, first) = servers.answer(redirect).await;
    let (_, second) = servers.welcome().await;
    assert_eq!((first.header("cookie"), second.header("cookie")), (Some("jar=1"), Some("jar=1")));
    servers.outcome().await.unwrap();
    assert_eq!(*jar.asked.lock().unwrap(), ["http://a.example/x?y", "http://b.example:99/"]);
    let stored = jar.stored.lock().unwrap().clone();
    let expected =
        [("http://a.example/x?y", "a=1"), ("http://a.example/x?y", "b=2"), ("http://b.example:99/", "seen=1; Path=/")];
    assert_eq!(stored, expected.map(|(url, line)| (url.to_owned(), line.to_owned())));
}

#[tokio::test(start_paused = true)]
async fn a_cookie_of_the_applications_own_goes_before_the_jar() {
    let dialer = Dialer::new().header("Cookie", "own=1").cookie_jar(Jar::default());
    let mut servers = Servers::dial(dialer, "ws://a.example/");
    let (_, head) = servers.welcome().await;
    assert_eq!(head.header("cookie"), Some("own=1"));
}

/// The `Cookie` header for each server in a chain of redirects that set cookies.
async fn cookies(dialer: Dialer, chain: &[(&str, &str)]) -> Vec<Option<String>> {
    let mut servers = Servers::dial(dialer.redirects(chain.len()), "ws://a.example/login");
    let mut sent = Vec::new();
    for (location, set_cookie) in chain {
        let answer =
            format!("HTTP/1.1 302 x\r\nLocation: {location}\r\nSet-Cookie: {set_cookie}\r\nContent-Length: 0\r\n\r\n");
        sent.push(servers.answer(&answer).await.1);
    }
    sent.push(servers.welcome().await.1);
    servers.outcome().await.unwrap();
    sent.iter().map(|head| head.header("cookie").map(str::to_owned)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_cookie_that_a_redirect_sets_goes_with_the_next_request() {
    let sent = cookies(Dialer::new(), &[("/a", "id=1; Path=/"), ("/b", "lang=en")]).await;
    assert_eq!(sent, [None, Some("id=1"), Some("id=1; lang=en")].map(|value| value.map(str::to_owned)));
    let own = Dialer::new().header("Cookie", "id=0; theme=dark");
    let sent = cookies(own, &[("/a", "id=1; Path=/")]).await;
    assert_eq!(sent, [Some("id=0; theme=dark"), Some("theme=dark; id=1")].map(|value| value.map(str::to_owned)));
}

#[tokio::test(start_paused = true)]
async fn a_cookie_that_a_redirect_sets_goes_to_no_other_host() {
    let own = Dialer::new().header("Cookie", "own=1");
    let sent = cookies(own, &[("ws://b.example/", "a=1; Path=/"), ("ws://a.example/", "b=2; Path=/")]).await;
    let expected = [Some("own=1"), None, Some("a=1")].map(|value| value.map(str::to_owned));
    assert_eq!(sent, expected, "the cookie of the application does not come back with the first origin");
}

#[tokio::test(start_paused = true)]
async fn a_jar_of_the_application_takes_the_place_of_ours() {
    let sent = cookies(Dialer::new().cookie_jar(Jar::default()), &[("/", "a=1; Path=/")]).await;
    assert_eq!(sent, [Some("jar=1"), Some("jar=1")].map(|value| value.map(str::to_owned)));
}
