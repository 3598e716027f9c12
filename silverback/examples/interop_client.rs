//! Tests our Dialer against servers of other implementations.
//!
//! ```text
//! cargo run -p silverback --example interop_client ws://HOST:PORT
//! ```
//!
//! `tests/interop/README.md` describes the paths of the servers. Prints `ok CHECK` for each check and exits with 0, or prints the
//! error and exits with 1.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program that reports to people")]

use std::{fmt::Debug, process::ExitCode, time::Duration};

use silverback::{Compression, Config, Conn, DialError, Dialer, Message, MessageKind, proto::deflate::DeflateParams};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::timeout,
};

#[tokio::main]
async fn main() -> ExitCode {
    let Some(base) = std::env::args().nth(1) else {
        eprintln!("usage: interop_client ws://HOST:PORT");
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
    server.closes("/close", 1000, "").await?;
    check_compression(server).await
}

/// Tests every combination of our offer and the server's parameters (RFC 7692, 7.1).
async fn check_compression(server: &Server) -> Outcome {
    let ours = Compression::default();
    server.agrees_to(&ours, "", DeflateParams::default()).await?;
    for bits in [9, 10, 12, 14] {
        let (server_bits, client_bits) = (window(bits, 15), window(15, bits));
        server.agrees_to(&ours, &format!("&server_max_window_bits={bits}"), server_bits).await?;
        server.agrees_to(&ours, &format!("&client_max_window_bits={bits}"), client_bits).await?;
        let small = ours.clone().server_max_window_bits(bits).client_max_window_bits(bits);
        server.agrees_to(&small, "", window(bits, bits)).await?;
        server.agrees_to(&small.no_context_takeover(), "", alone(window(bits, bits), true, true)).await?;
    }
    // All servers can read data that we compress with 8 bits. zlib cannot compress with 8 bits, and not every server
    // handles that.
    server.agrees_to(&ours, "&client_max_window_bits=8", window(15, 8)).await?;
    server.agrees_to(&ours.clone().client_max_window_bits(8), "&client_max_window_bits=8", window(15, 8)).await?;
    server.agrees_to_8_bits_or_refuses().await?;
    let usual = DeflateParams::default();
    server.agrees_to(&ours, "&server_no_context_takeover=on", alone(usual, true, false)).await?;
    server.agrees_to(&ours, "&client_no_context_takeover=on", alone(usual, false, true)).await?;
    server.agrees_to(&ours.clone().server_no_context_takeover(true), "", alone(usual, true, false)).await?;
    server.agrees_to(&ours.clone().level(9).no_context_takeover(), "", alone(usual, true, true)).await?;
    server.declines_compression().await
}

fn window(server_max_window_bits: u8, client_max_window_bits: u8) -> DeflateParams {
    DeflateParams { server_max_window_bits, client_max_window_bits, ..DeflateParams::default() }
}

fn alone(params: DeflateParams, server_no_context_takeover: bool, client_no_context_takeover: bool) -> DeflateParams {
    DeflateParams { server_no_context_takeover, client_no_context_takeover, ..params }
}

/// Text that repeats at short and long distances, like real messages.
fn prose(items: usize) -> String {
    let item = |number: usize| format!("{{\"id\":{},\"name\":\"user {}\"}},", number * 7919 % 100_003, number % 61);
    (0..items).map(item).collect()
}

/// The server under test.
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

    /// The keepalive pings after a short silence.
    async fn answers_a_ping(&self) -> Outcome {
        let config = Config::default().ping_interval(Duration::from_millis(20));
        let mut conn = Dialer::new().config(config).dial(&format!("{}/echo", self.base)).await?;
        while conn.stats().round_trip.is_none() {
            // The read only drives the connection; no message is expected.
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

    async fn agrees_to(&self, ours: &Compression, theirs: &str, agreed: DeflateParams) -> Outcome {
        let what = format!("compression: {agreed:?}");
        let mut conn = self.dial_with(&format!("/echo?deflate=on{theirs}"), Some(ours.clone())).await?;
        expect(&what, &conn.compression(), &Some(agreed))?;
        let messages = [prose(10), prose(3_000), String::new(), "short".to_owned(), prose(3_000), prose(10)];
        let mut plain = 0;
        for text in messages {
            for message in [Message::from(text.as_str()), text.clone().into_bytes().into()] {
                plain += text.len() as u64;
                conn.write_message(message.clone()).await?;
                expect_message(&what, &mut conn, &message).await?;
            }
        }
        conn.set_write_compression(false);
        conn.write_message(prose(100)).await?;
        conn.set_write_compression(true);
        expect_message(&what, &mut conn, &prose(100).into()).await?;
        self.echoes_a_compressed_stream(&what, &mut conn).await?;
        let stats = conn.stats();
        // It has few repetitions within 256 bytes.
        let most = |window_bits| if window_bits == 8 { plain * 3 / 4 } else { plain / 2 };
        let is_small = [
            stats.bytes_sent < most(agreed.client_max_window_bits),
            stats.bytes_received < most(agreed.server_max_window_bits),
        ];
        expect(&what, &is_small, &[true, true])?;
        conn.close(1000, "").await?;
        self.has_seen(&what, "1000 ").await?;
        self.sends_compressed_fragments(&what, theirs, ours).await?;
        done(&what)
    }

    async fn agrees_to_8_bits_or_refuses(&self) -> Outcome {
        let small = Compression::default().server_max_window_bits(8);
        match self.dial_with("/echo?deflate=on", Some(small.clone())).await {
            Ok(mut conn) => {
                conn.close(1000, "").await?;
                self.has_seen("a window of 8 bits", "1000 ").await?;
                self.agrees_to(&small, "", window(8, 15)).await
            }
            Err(error) => match error.downcast_ref::<DialError>().and_then(DialError::refusal) {
                Some(refusal) => done(&format!("a server window of 8 bits is refused with {}", refusal.status)),
                None => Err(error),
            },
        }
    }

    async fn echoes_a_compressed_stream(&self, what: &str, conn: &mut Conn) -> Outcome {
        let sent = prose(4_000);
        let mut writer = conn.next_writer(MessageKind::Text).await?;
        for (number, piece) in sent.as_bytes().chunks(10_007).enumerate() {
            writer.write_all(piece).await?;
            if number % 3 == 0 {
                writer.flush().await?;
            }
        }
        writer.finish().await?;
        let mut received = String::new();
        conn.next_reader().await?.ok_or("the server closed")?.read_to_string(&mut received).await?;
        expect(what, &(received == sent), &true)
    }

    async fn sends_compressed_fragments(&self, what: &str, theirs: &str, ours: &Compression) -> Outcome {
        let mut conn = self.dial_with(&format!("/fragments?deflate=on{theirs}"), Some(ours.clone())).await?;
        for message in [Message::from(prose(20)), prose(20).into_bytes().into()] {
            conn.write_message(message.clone()).await?;
            expect_message(what, &mut conn, &message).await?;
        }
        Ok(conn.close(1000, "").await?)
    }

    async fn declines_compression(&self) -> Outcome {
        let what = "compression that the server declines";
        let mut conn = self.dial_with("/echo", Some(Compression::default())).await?;
        expect(what, &conn.compression(), &None)?;
        conn.write_message(prose(1_000)).await?;
        expect_message(what, &mut conn, &prose(1_000).into()).await?;
        conn.close(1000, "").await?;
        self.has_seen(what, "1000 ").await?;
        done(what)
    }

    /// How the oldest echo connection ended, as the server saw it.
    async fn has_seen(&self, what: &str, end: &str) -> Outcome {
        let mut conn = self.dial("/last-close").await?;
        expect_message(what, &mut conn, &end.into()).await?;
        expect_close(what, conn, 1000, "").await
    }

    async fn dial(&self, path: &str) -> Outcome<Conn> {
        self.dial_with(path, None).await
    }

    async fn dial_with(&self, path: &str, compression: Option<Compression>) -> Outcome<Conn> {
        let dialer = Dialer::new().subprotocols(["unknown.test", SUBPROTOCOL]).compression(compression);
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
