//! Servers that say nothing, drip, or do not speak HTTP.

use std::io;
use std::time::Duration;

use silverback::proto::handshake::HeadError;
use silverback::{DialError, Dialer, dial::DialStep};
use silverback_testkit::pipe::{Plan, pipe};
use tokio::time::{Instant, sleep};

use super::{URL, dial, dial_and_answer, request};
use crate::support::{settle, within};

#[tokio::test(start_paused = true)]
async fn is_a_timeout_when_nothing_comes() {
    let (dialling, remote) = dial(Dialer::new().handshake_timeout(Duration::from_secs(3)));
    let begun = Instant::now();
    let error = within(dialling).await.unwrap().unwrap_err();
    assert!(matches!(error, DialError::Timeout { step: DialStep::Handshake, .. }), "{error}");
    assert!(error.is_timeout() && error.to_string().contains("server.example.com:80"), "{error}");
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
    assert!(remote.is_dropped());
}

#[tokio::test(start_paused = true)]
async fn is_a_timeout_when_it_drips_or_nothing_is_taken() {
    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    remote.send("HTTP/1.1 101 x\r\nX: ");
    while !dialling.is_finished() {
        remote.send("x");
        sleep(Duration::from_millis(100)).await;
    }
    assert!(within(dialling).await.unwrap().unwrap_err().is_timeout());

    let (pipe, remote) = pipe();
    remote.plan_writes(Plan::new().stall());
    let error = within(Dialer::new().dial_on(pipe, URL)).await.unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[tokio::test(start_paused = true)]
async fn is_told_when_it_is_too_long_or_not_http() {
    let (dialling, remote) = dial(Dialer::new().max_head_size(500));
    request(&remote).await;
    remote.send(format!("HTTP/1.1 101 x\r\nX: {}", "x".repeat(1000)));
    let error = within(dialling).await.unwrap().unwrap_err();
    assert!(matches!(error, DialError::Head { error: HeadError::TooLarge { limit: 500 }, .. }), "{error}");

    for nonsense in ["SSH-2.0-OpenSSH_9.2\r\n\r\n", "\u{0}\u{1}", "HTTP/1.1 101\r\nnonsense\r\n\r\n"] {
        let error = dial_and_answer(Dialer::new(), |_| nonsense.to_owned()).await.unwrap_err();
        assert!(matches!(error, DialError::Head { .. }), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn is_told_when_the_transport_ends_or_fails() {
    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    remote.send("HTTP/1.1 101 Swi");
    remote.half_close();
    let error = within(dialling).await.unwrap().unwrap_err();
    assert!(
        matches!(&error, DialError::Io { step: DialStep::Handshake, source, .. }
            if source.kind() == io::ErrorKind::UnexpectedEof),
        "{error}"
    );

    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    remote.reset();
    let error = within(dialling).await.unwrap().unwrap_err();
    assert!(matches!(&error, DialError::Io { step: DialStep::Handshake, .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn leaves_nothing_when_the_application_gives_up() {
    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    dialling.abort();
    settle().await;
    assert!(remote.is_dropped());
}
