//! A status other than 101 is told as it is.

use std::time::Duration;

use silverback::Dialer;
use tokio::time::{Instant, sleep};

use super::{dial, dial_and_answer, request};
use crate::support::within;

#[tokio::test(start_paused = true)]
async fn is_told_with_status_headers_and_body() {
    let refused =
        |_: &str| "HTTP/1.1 403 Forbidden\r\nX-Why: origin\r\nContent-Length: 9\r\n\r\nNot you.\nrest".to_owned();
    let error = dial_and_answer(Dialer::new(), refused).await.unwrap_err();
    let refusal = error.refusal().unwrap();
    assert_eq!((refusal.status.as_u16(), &refusal.body[..9]), (403, &b"Not you.\n"[..]));
    assert_eq!(refusal.headers["x-why"], "origin");
    assert!(error.to_string().contains("403"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn of_every_kind_of_status_is_one() {
    for status in ["200 OK", "302 Found", "401 Unauthorized", "404 Not Found", "426 Upgrade Required", "503 x"] {
        let error = dial_and_answer(Dialer::new(), |_| format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"));
        let error = error.await.unwrap_err();
        assert_eq!(error.refusal().unwrap().status.as_str(), &status[..3]);
    }
}

#[tokio::test(start_paused = true)]
async fn may_come_in_pieces_and_only_a_little_of_its_body_is_kept() {
    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    remote.send("HTTP/1.1 500 Oh\r\nContent-Length: 100000\r\n\r\n");
    for _ in 0..100 {
        remote.send(vec![b'x'; 1000]);
        sleep(Duration::from_millis(10)).await;
    }
    let error = within(dialling).await.unwrap().unwrap_err();
    assert_eq!(error.refusal().unwrap().body, vec![b'x'; 4096]);
}

#[tokio::test(start_paused = true)]
async fn whose_body_does_not_come_is_still_a_refusal() {
    for ends in [false, true] {
        let (dialling, remote) = dial(Dialer::new());
        request(&remote).await;
        let begun = Instant::now();
        remote.send("HTTP/1.1 404 Not Found\r\nContent-Length: 100\r\n\r\nhalf");
        if ends {
            remote.half_close();
        }
        let error = within(dialling).await.unwrap().unwrap_err();
        assert_eq!(error.refusal().unwrap().body, b"half");
        assert!(begun.elapsed() <= Duration::from_secs(10));
        assert!(remote.is_dropped());
    }
}

#[tokio::test(start_paused = true)]
async fn may_have_a_body_in_chunks_or_up_to_the_end_of_the_connection() {
    let chunked = "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nNot \r\n4\r\nyou.\r\n0\r\n\r\n";
    let closed = "HTTP/1.1 403 x\r\n\r\nNot you.";
    for answer in [chunked, closed] {
        for cut in [answer.len() - 20, answer.len() - 3, answer.len()] {
            let (dialling, remote) = dial(Dialer::new());
            request(&remote).await;
            remote.send(&answer[..cut]);
            sleep(Duration::from_millis(100)).await;
            remote.send(&answer[cut..]);
            sleep(Duration::from_millis(100)).await;
            remote.half_close();
            let error = within(dialling).await.unwrap().unwrap_err();
            assert_eq!(error.refusal().unwrap().body, b"Not you.", "cut at {cut} of {answer:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn whose_end_nobody_tells_is_waited_for_a_second_at_most() {
    let (dialling, remote) = dial(Dialer::new());
    request(&remote).await;
    let begun = Instant::now();
    remote.send("HTTP/1.1 400 Bad Request\r\n\r\nand then nothing");
    let error = within(dialling).await.unwrap().unwrap_err();
    assert_eq!(error.refusal().unwrap().body, b"and then nothing");
    assert_eq!(begun.elapsed(), Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn does_not_show_the_cookies_that_it_sets() {
    let refused = |_: &str| "HTTP/1.1 403 x\r\nSet-Cookie: id=secret\r\nContent-Length: 0\r\n\r\n".to_owned();
    let error = dial_and_answer(Dialer::new(), refused).await.unwrap_err();
    assert_eq!(error.refusal().unwrap().headers["set-cookie"], "id=secret");
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}
