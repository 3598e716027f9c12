//! Other routes to a server than its address, and the timeout of each step.

use std::{io, time::Duration};

use silverback::{
    DialError, Dialer,
    dial::{ConnectTo, DialStep},
};
use silverback_testkit::pipe::pipe;
use tokio::time::Instant;

use crate::support::within;

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_asked_for_what_the_url_says() {
    let path = std::env::temp_dir().join(format!("silverback-dial-{}.sock", std::process::id()));
    let listener = tokio::net::UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        crate::support::echo(silverback::Upgrader::new().accept(stream).await.unwrap()).await
    });
    let dialer = Dialer::new().unix_socket(&path).proxy("http://nobody.invalid");
    let mut conn = within(dialer.dial("ws://server.example/chat")).await.unwrap();
    conn.write_message("local").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("local".into()));
    std::fs::remove_file(&path).unwrap();
    let error = within(dialer.dial("ws://server.example/chat")).await.unwrap_err();
    assert_eq!((error.step(), error.target()), (Some(DialStep::Connect), path.to_str()), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_connector_is_told_whom_to_connect_to() {
    let (asked, mut questions) = tokio::sync::mpsc::unbounded_channel();
    let dialer = Dialer::new().connector(move |to: ConnectTo| {
        asked.send((to.host, to.port)).unwrap();
        async { Err::<tokio::net::TcpStream, _>(io::Error::other("no such luck")) }
    });
    for (url, host, port) in [("ws://a.example", "a.example", 80), ("http://[::1]:99/x", "::1", 99)] {
        let error = within(dialer.dial(url)).await.unwrap_err();
        assert!(matches!(&error, DialError::Io { step: DialStep::Connect, .. }), "{error}");
        assert!(error.to_string().contains("no such luck"), "{error}");
        assert_eq!(questions.recv().await.unwrap(), (host.to_owned(), port));
    }
}

#[tokio::test(start_paused = true)]
async fn each_step_has_its_time_and_all_together_have_theirs() {
    let never = |_| std::future::pending::<io::Result<tokio::net::TcpStream>>();
    let silent = |_| async {
        let (ours, theirs) = pipe();
        // The other side stays where it is and says nothing.
        std::mem::forget(theirs);
        Ok(ours)
    };
    let ms = Duration::from_millis;
    for (dialer, step, after) in [
        (Dialer::new().connector(never), DialStep::Connect, ms(10_000)),
        (Dialer::new().connector(never).connect_timeout(ms(70)), DialStep::Connect, ms(70)),
        (Dialer::new().connector(never).timeout(ms(80)), DialStep::Connect, ms(80)),
        (Dialer::new().connector(never).connect_timeout(ms(59_000)), DialStep::Connect, ms(59_000)),
        (Dialer::new().connector(silent).handshake_timeout(ms(90)), DialStep::Handshake, ms(90)),
        (Dialer::new().connector(silent).timeout(ms(100)), DialStep::Handshake, ms(100)),
        (Dialer::new().connector(silent).proxy("http://p.example").proxy_timeout(ms(110)), DialStep::Proxy, ms(110)),
        (Dialer::new().connector(silent).timeout(Duration::MAX), DialStep::Handshake, ms(10_000)),
    ] {
        let begun = Instant::now();
        let error = within(dialer.dial("ws://server.example/")).await.unwrap_err();
        let DialError::Timeout { step: of, after: budget, .. } = &error else { panic!("{error}") };
        assert_eq!((*of, *budget, begun.elapsed()), (step, after, after), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_debug_output_of_a_dialer_has_no_secrets() {
    let dialer = Dialer::new()
        .basic_auth("aladdin", "sesame")
        .header("X-Api-Key", "sesame")
        .header("Cookie", "id=sesame")
        .proxy("http://aladdin:sesame@proxy.example");
    let shown = format!("{dialer:?} {dialer:#?}");
    for secret in ["sesame", "aladdin", "YWxhZGRpbjpzZXNhbWU"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert!(shown.contains("x-api-key") && shown.contains("proxy.example"), "{shown}");
}
