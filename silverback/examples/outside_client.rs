//! Our Dialer against servers of other parties: `outside_client ws://HOST:PORT`. What their paths do is written in
//! `tests/outside/README.md`. Prints `ok WHAT` for each thing that was checked and exits with 0, or says what was wrong
//! and exits with 1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to people")]

use std::{fmt::Debug, process::ExitCode, time::Duration};

use silverback::{Config, Conn, Dialer, Message, MessageKind};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(base) = std::env::args().nth(1) else {
        eprintln!("usage: outside_client ws://HOST:PORT");
        return ExitCode::FAILURE;
    };
    match timeout(PATIENCE, check_all(&Server { base })).await {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(wrong)) => fail(&wrong.to_string()),
        Err(_) => fail("the server does not answer any more"),
    }
}

fn fail(wrong: &str) -> ExitCode {
    eprintln!("{wrong}");
    ExitCode::FAILURE
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

async fn check_all(server: &Server) -> Outcome {
    server.echoes("text", "hello").await?;
    server.echoes("text that is not ASCII", "h\u{e9}llo \u{4e16}\u{754c} \u{1f98d}").await?;
    server.echoes("binary", vec![0, 1, 127, 128, 255]).await?;
    server.echoes("an empty text", "").await?;
    server.echoes("an empty binary message", Vec::new()).await?;
    server.echoes("a text of 1 MiB", "\u{1f98d}".repeat(MIB / 4)).await?;
    server.echoes("a binary message of 1 MiB", vec![0xA5; MIB]).await?;
    server.echoes_our_fragments().await?;
    server.sends_fragments().await?;
    server.sends_a_stream().await?;
    server.answers_a_ping().await?;
    server.pings_us().await?;
    server.sees_our_close(3001, "all said \u{2014} bye").await?;
    server.sees_our_close(1000, "").await?;
    server.closes("/close?code=4001&reason=see%20you", 4001, "see you").await?;
    server.closes("/close", 1000, "").await
}

/// The other party.
struct Server {
    base: String,
}

impl Server {
    async fn echoes(&self, what: &str, message: impl Into<Message>) -> Outcome {
        let message = message.into();
        let mut conn = self.dial("/echo").await?;
        conn.write_message(message.clone()).await?;
        expect_message(what, &mut conn, &message).await?;
        conn.close(1000, "").await?;
        self.has_seen(what, "1000 ").await?;
        done(what)
    }

    async fn echoes_our_fragments(&self) -> Outcome {
        let what = "a text in fragments of ours";
        let mut conn = self.dial("/echo").await?;
        let mut writer = conn.next_writer(MessageKind::Text).await?;
        for piece in ["one ", "", "tw\u{f6} ", "three"] {
            writer.write_all(piece.as_bytes()).await?;
            writer.flush().await?;
        }
        writer.finish().await?;
        expect_message(what, &mut conn, &"one tw\u{f6} three".into()).await?;
        conn.close(1000, "").await?;
        self.has_seen(what, "1000 ").await?;
        done(what)
    }

    async fn sends_fragments(&self) -> Outcome {
        let mut conn = self.dial("/fragments").await?;
        for message in [Message::from("Fragmente: \u{e4}\u{f6}\u{fc} \u{1f98d}."), vec![7; 1000].into()] {
            conn.write_message(message.clone()).await?;
            expect_message("a message in fragments of theirs", &mut conn, &message).await?;
        }
        conn.close(1000, "").await?;
        done("a message in fragments of theirs, with a ping between")
    }

    async fn sends_a_stream(&self) -> Outcome {
        let what = "a message in fragments of theirs, read as a stream";
        let mut conn = self.dial("/fragments").await?;
        conn.write_message("read as it comes").await?;
        let mut text = String::new();
        let mut reader = conn.next_reader().await?.ok_or("the server closed")?;
        expect(what, &reader.kind(), &MessageKind::Text)?;
        reader.read_to_string(&mut text).await?;
        expect(what, &text.as_str(), &"read as it comes")?;
        conn.close(1000, "").await?;
        done(what)
    }

    /// The keepalive pings as soon as nothing has come for a moment.
    async fn answers_a_ping(&self) -> Outcome {
        let config = Config::default().ping_interval(Duration::from_millis(20));
        let mut conn = Dialer::new().config(config).dial(&format!("{}/echo", self.base)).await?;
        while conn.stats().round_trip.is_none() {
            // The read only drives the connection; a message that nobody asked for would be wrong.
            if let Ok(message) = timeout(Duration::from_millis(5), conn.read_message()).await {
                return Err(format!("a ping of ours: expected its pong, got {message:?}").into());
            }
        }
        conn.close(1000, "").await?;
        self.has_seen("a ping of ours", "1000 ").await?;
        done("a ping of ours")
    }

    async fn pings_us(&self) -> Outcome {
        let mut conn = self.dial("/ping").await?;
        expect_message("a ping of theirs", &mut conn, &"pong: are you there".into()).await?;
        expect_close("a ping of theirs", conn, 1000, "").await?;
        done("a ping of theirs")
    }

    async fn sees_our_close(&self, code: u16, reason: &str) -> Outcome {
        let what = format!("a close of ours with {code} {reason}");
        let mut conn = self.dial("/echo").await?;
        conn.close(code, reason).await?;
        expect(&what, &conn.close_info().is_some_and(|info| info.is_clean), &true)?;
        self.has_seen(&what, &format!("{code} {reason}")).await?;
        done(&what)
    }

    async fn closes(&self, path: &str, code: u16, reason: &str) -> Outcome {
        let what = format!("a close of theirs with {code} {reason}");
        let conn = self.dial(path).await?;
        expect_close(&what, conn, code, reason).await?;
        done(&what)
    }

    /// How the server saw the oldest echo connection end.
    async fn has_seen(&self, what: &str, end: &str) -> Outcome {
        let mut conn = self.dial("/last-close").await?;
        expect_message(what, &mut conn, &end.into()).await?;
        expect_close(what, conn, 1000, "").await
    }

    async fn dial(&self, path: &str) -> Outcome<Conn> {
        let dialer = Dialer::new().subprotocols(["unknown.test", SUBPROTOCOL]);
        let conn = dialer.dial(&format!("{}{path}", self.base)).await?;
        expect(path, &conn.subprotocol().map(|name| name.as_str()), &Some(SUBPROTOCOL))?;
        Ok(conn)
    }
}

async fn expect_message(what: &str, conn: &mut Conn, expected: &Message) -> Outcome {
    let message = conn.read_message().await?;
    expect(what, &message.as_ref(), &Some(expected))
}

async fn expect_close(what: &str, mut conn: Conn, code: u16, reason: &str) -> Outcome {
    expect(what, &conn.read_message().await?, &None)?;
    let info = conn.close_info().ok_or("no close information")?;
    expect(what, &(info.code.get(), info.reason.as_ref(), info.is_clean), &(code, reason, true))
}

fn expect<T: PartialEq + Debug>(what: &str, seen: &T, expected: &T) -> Outcome {
    if seen == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, got {seen:?}").into()) }
}

fn done(what: &str) -> Outcome {
    println!("ok {what}");
    Ok(())
}

const SUBPROTOCOL: &str = "silverback.test";
const PATIENCE: Duration = Duration::from_secs(60);
const MIB: usize = 1024 * 1024;
