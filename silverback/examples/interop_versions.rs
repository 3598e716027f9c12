//! Tests our Dialer over a version of HTTP, against servers of other implementations and through proxies.
//!
//! ```text
//! cargo run -p silverback --example interop_versions URL [OPTION VALUE]...
//! ```
//!
//! `tests/interop/README.md` describes the paths below the URL. Prints `ok NAME: CHECK` for each check and exits with 0, or
//! prints `FAILED` with the reason and exits with 1.
//!
//! | option | value |
//! |---|---|
//! | `--name` | what this is a test of, for the output |
//! | `--http` | the version of HTTP that we speak: `1.1` (the default), `2` or `3` |
//! | `--ca` | a file with the certificate of the authority to trust |
//! | `--behind` | the version of HTTP over which a proxy must talk to our server, such as `HTTP/2.0` |
//! | `--refused` | the status with which the handshake must be refused; nothing else is checked |
//! | `--hears` | the one code of which the other side tells its application, whatever the end was; `nothing` asks for none |
//! | `--closing` | `ours`: we close `/version` and `/last-close`, and `/close` gets a connection of its own |
//! | `--only` | the one check to do |
//! | `--without` | a check that the other side cannot pass; may be repeated |

#![allow(clippy::print_stdout, reason = "a program that reports to people")]

use std::{fmt::Debug, fs, process::ExitCode, time::Duration};

use silverback::{Compression, Conn, DialError, Dialer, Error, Message, Session, dial::HttpVersion, tls::Tls};
use tokio::{sync::OnceCell, time::timeout};

#[tokio::main]
async fn main() -> ExitCode {
    let result = match Peer::from_arguments() {
        Ok(peer) => timeout(PATIENCE, check_all(&peer)).await.unwrap_or_else(|_| Err("no answer any more".into())),
        Err(error) => Err(error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(wrong) => {
            println!("FAILED {wrong}");
            ExitCode::FAILURE
        }
    }
}

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

async fn check_all(peer: &Peer) -> Outcome {
    if let Some(status) = &peer.refused {
        return peer.check("refused", "the handshake is refused", is_refused(peer, status)).await;
    }
    peer.check("version", "the server is asked over the right version", speaks_the_version(peer)).await?;
    peer.check("echo", "texts and binary messages come back", echoes(peer)).await?;
    peer.check("large", "messages of 3 MB come back", echoes_large_messages(peer)).await?;
    peer.check("deflate", "compressed messages come back, large ones too", compresses(peer)).await?;
    peer.check("our-close", "the server hears our close code and reason", hears_our_close(peer)).await?;
    peer.check("their-close", "we hear the server's close code and reason", is_heard_closing(peer)).await?;
    peer.check("abort", "an end without a Close frame is an error here", aborts(peer)).await?;
    peer.check("our-abort", "an end without a Close frame is 1006 there", hears_our_abort(peer)).await?;
    peer.check("ten", "of ten WebSockets one is not read, and the others go on", leaves_one_unread(peer)).await?;
    peer.check("unread", "of ten WebSockets the server does not read one, and the others go on", is_left_unread(peer))
        .await
}

/// What is tested, and how it is reached.
struct Peer {
    name: String,
    base: String,
    dialer: Dialer,
    /// All WebSockets share its connection, over a version of HTTP that can.
    session: OnceCell<Session>,
    behind: Option<String>,
    refused: Option<String>,
    hears: Option<String>,
    is_closing_ours: bool,
    only: Option<String>,
    without: Vec<String>,
}

impl Peer {
    fn from_arguments() -> Outcome<Self> {
        let mut arguments = std::env::args().skip(1);
        let base = arguments.next().ok_or("usage: interop_versions URL [OPTION]...")?;
        let (dialer, session) = (Dialer::new(), OnceCell::new());
        let mut peer = Self {
            name: String::new(),
            base,
            dialer,
            session,
            behind: None,
            refused: None,
            hears: None,
            is_closing_ours: false,
            only: None,
            without: Vec::new(),
        };
        while let Some(option) = arguments.next() {
            let value = arguments.next().ok_or("an option lacks its value")?;
            match &*option {
                "--name" => peer.name = value + ": ",
                "--http" => peer.dialer = peer.dialer.http_version(version(&value)?),
                "--ca" => peer.dialer = peer.dialer.tls(Tls::new().default_roots(false).add_roots(fs::read(value)?)),
                "--behind" => peer.behind = Some(value),
                "--refused" => peer.refused = Some(value),
                "--hears" => peer.hears = Some(value + " "),
                "--closing" => peer.is_closing_ours = value == "ours",
                "--only" => peer.only = Some(value),
                "--without" => peer.without.push(value),
                _ => return Err(format!("no option is called {option}").into()),
            }
        }
        peer.dialer = peer.dialer.subprotocols([SUBPROTOCOL]);
        Ok(peer)
    }

    async fn check(&self, name: &str, what: &str, check: impl Future<Output = Outcome>) -> Outcome {
        let is_left_out = self.only.as_deref().is_some_and(|only| only != name);
        if is_left_out || self.without.iter().any(|left_out| left_out == name) {
            return Ok(());
        }
        match timeout(PATIENCE_PER_CHECK, check).await {
            Ok(Ok(())) => println!("ok {}{what}", self.name),
            Ok(Err(wrong)) => return Err(format!("{}{what}: {wrong}", self.name).into()),
            Err(_) => return Err(format!("{}{what}: no answer any more", self.name).into()),
        }
        Ok(())
    }

    async fn dial(&self, path: &str) -> Outcome<Conn> {
        let session = self.session.get_or_try_init(|| self.dialer.connect(&self.base)).await?;
        let conn = session.dial(path).await?;
        expect("the subprotocol", &conn.subprotocol().map(|name| name.as_str()), &Some(SUBPROTOCOL))?;
        Ok(conn)
    }

    /// The only text that the server sends at this path before it closes.
    async fn ask(&self, path: &str) -> Outcome<String> {
        let mut conn = self.dial(path).await?;
        let message = conn.read_message().await?.ok_or("nothing was told")?;
        match self.is_closing_ours {
            true => conn.close(1000, "").await?,
            false => expect("the end", &conn.read_message().await?, &None)?,
        }
        Ok(message.as_text().ok_or("not a text")?.to_owned())
    }

    /// The oldest echo connection must have ended like this, as the server saw it.
    async fn expect_last_close(&self, end: &str) -> Outcome {
        if self.hears.as_deref() == Some("nothing ") {
            return Ok(());
        }
        let told = self.ask("/last-close").await?;
        expect("the end that it told", &&*told, &self.hears.as_deref().unwrap_or(end))
    }
}

fn version(word: &str) -> Outcome<HttpVersion> {
    match word {
        "1.1" => Ok(HttpVersion::Http1),
        "2" => Ok(HttpVersion::Http2),
        "3" => Ok(HttpVersion::Http3),
        _ => Err(format!("no version of HTTP is called {word}").into()),
    }
}

async fn is_refused(peer: &Peer, status: &str) -> Outcome {
    let error = peer.dial("/echo").await.err().ok_or("it was accepted")?;
    let refusal = error.downcast_ref::<DialError>().and_then(DialError::refusal);
    let refusal = refusal.ok_or_else(|| format!("another error: {error}"))?;
    expect("the status", &refusal.status.as_str(), &status)
}

async fn speaks_the_version(peer: &Peer) -> Outcome {
    let Some(behind) = &peer.behind else { return Ok(()) };
    expect("the version", &peer.ask("/version").await?, behind)
}

async fn echoes(peer: &Peer) -> Outcome {
    let mut conn = peer.dial("/echo").await?;
    let messages: [Message; 5] =
        ["hello".into(), "h\u{e9}llo \u{4e16}\u{754c} \u{1f98d}".into(), "".into(), vec![].into(), vec![0, 255].into()];
    for message in &messages {
        conn.write_message(message.clone()).await?;
    }
    for message in messages {
        expect("the echo", &conn.read_message().await?, &Some(message))?;
    }
    conn.close(1000, "").await?;
    expect("our end", &conn.close_info().map(|info| info.is_clean), &Some(true))?;
    peer.expect_last_close("1000 ").await
}

async fn echoes_large_messages(peer: &Peer) -> Outcome {
    let mut conn = peer.dial("/echo").await?;
    expect_large_echoes(&mut conn).await?;
    conn.close(1000, "").await?;
    peer.expect_last_close("1000 ").await
}

async fn compresses(peer: &Peer) -> Outcome {
    let dialer = peer.dialer.clone().compression(Compression::default());
    let mut conn = dialer.dial(&format!("{}/echo?deflate=on", peer.base)).await?;
    expect("compression", &conn.compression().is_some(), &true)?;
    expect_large_echoes(&mut conn).await?;
    let stats = conn.stats();
    let is_small = [stats.bytes_sent, stats.bytes_received].map(|bytes| bytes < (LARGE as u64) * 3 / 2);
    expect("few bytes on the wire", &is_small, &[true, true])?;
    conn.close(1000, "").await?;
    peer.expect_last_close("1000 ").await
}

/// A text that compresses well, and bytes that do not.
async fn expect_large_echoes(conn: &mut Conn) -> Outcome {
    for message in [Message::from(prose(LARGE)), noise(LARGE).into(), "small".into()] {
        let (writer, reader) = conn.halves();
        let (sent, received) = tokio::join!(writer.write_message(message.clone()), reader.read_message());
        sent?;
        expect("the echo", &(received? == Some(message)), &true)?;
    }
    Ok(())
}

async fn hears_our_close(peer: &Peer) -> Outcome {
    for (code, reason) in [(3001, "all said \u{2014} bye"), (1000, "")] {
        let mut conn = peer.dial("/echo").await?;
        conn.close(code, reason).await?;
        expect("our end", &conn.close_info().map(|info| info.is_clean), &Some(true))?;
        peer.expect_last_close(&format!("{code} {reason}")).await?;
    }
    Ok(())
}

async fn is_heard_closing(peer: &Peer) -> Outcome {
    for (code, reason) in [(4001, "see you"), (1000, "")] {
        let path = format!("/close?code={code}&reason={}", reason.replace(' ', "%20"));
        let mut conn = match peer.is_closing_ours {
            true => peer.dialer.dial(&format!("{}{path}", peer.base)).await?,
            false => peer.dial(&path).await?,
        };
        expect("the end", &conn.read_message().await?, &None)?;
        let info = conn.close_info().ok_or("no close information")?;
        expect("the end", &(info.code.get(), info.reason.as_ref(), info.is_clean), &(code, reason, true))?;
    }
    Ok(())
}

async fn aborts(peer: &Peer) -> Outcome {
    let mut conn = peer.dial("/abort").await?;
    conn.write_message("go").await?;
    let end = conn.read_message().await;
    expect("an error", &matches!(end, Err(Error::Lost | Error::Io(_))), &true).map_err(|_| format!("{end:?}"))?;
    expect("its code", &conn.close_info().map(|info| info.code.get()), &Some(1006))
}

async fn hears_our_abort(peer: &Peer) -> Outcome {
    let mut conn = peer.dial("/echo").await?;
    conn.write_message("here").await?;
    expect("the echo", &conn.read_message().await?, &Some("here".into()))?;
    drop(conn);
    peer.expect_last_close("1006 ").await
}

/// One WebSocket sends more than any window and reads none of it at first. Then its echoes must all be there.
async fn leaves_one_unread(peer: &Peer) -> Outcome {
    let (mut others, lazy) = (dial_others(peer).await?, peer.dial("/echo").await?);
    let (writer, mut reader) = lazy.split();
    let sending = tokio::spawn(async move {
        for number in 0..UNREAD {
            writer.write_message(vec![number; PIECE]).await?;
        }
        Ok::<_, Error>(writer)
    });
    expect_echoes(&mut others).await?;
    for number in 0..UNREAD {
        expect("the late echo", &(reader.read_message().await? == Some(vec![number; PIECE].into())), &true)?;
    }
    sending.await??;
    reader.close(1000, "").await?;
    close_others(peer, others, 1).await
}

/// The server reads nothing of one WebSocket.
async fn is_left_unread(peer: &Peer) -> Outcome {
    let (mut others, mut ignored) = (dial_others(peer).await?, peer.dial("/unread").await?);
    expect("the first message", &ignored.read_message().await?, &Some("not reading".into()))?;
    let (writer, _reader) = ignored.split();
    let sending = tokio::spawn(async move {
        for number in 0..UNREAD {
            writer.write_message(vec![number; PIECE]).await?;
        }
        Ok::<_, Error>(())
    });
    expect_echoes(&mut others).await?;
    sending.abort();
    close_others(peer, others, 0).await
}

async fn dial_others(peer: &Peer) -> Outcome<Vec<Conn>> {
    let mut others = Vec::new();
    for _ in 0..9 {
        others.push(peer.dial("/echo").await?);
    }
    Ok(others)
}

async fn expect_echoes(conns: &mut [Conn]) -> Outcome {
    for round in 0..20 {
        for conn in conns.iter_mut() {
            conn.write_message(vec![round; PIECE / 4]).await?;
        }
        for conn in conns.iter_mut() {
            expect("the echo", &(conn.read_message().await? == Some(vec![round; PIECE / 4].into())), &true)?;
        }
    }
    Ok(())
}

async fn close_others(peer: &Peer, others: Vec<Conn>, besides: usize) -> Outcome {
    let count = others.len() + besides;
    for mut conn in others {
        conn.close(1000, "").await?;
    }
    for _ in 0..count {
        peer.expect_last_close("1000 ").await?;
    }
    Ok(())
}

/// Text that repeats at short and long distances, like real messages.
fn prose(len: usize) -> String {
    let item = |number: usize| format!("{{\"id\":{},\"name\":\"user {}\"}},", number * 7919 % 100_003, number % 61);
    let mut text: String = (0..len / 20).map(item).collect();
    text.truncate(len);
    text
}

/// Bytes that do not compress.
fn noise(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()[3]
    };
    std::iter::repeat_with(next).take(len).collect()
}

fn expect<T: PartialEq + Debug>(what: &str, seen: &T, expected: &T) -> Outcome {
    if seen == expected { Ok(()) } else { Err(format!("{what}: expected {expected:?}, got {seen:?}").into()) }
}

const SUBPROTOCOL: &str = "silverback.test";
const PATIENCE: Duration = Duration::from_secs(120);
const PATIENCE_PER_CHECK: Duration = Duration::from_secs(30);
const LARGE: usize = 3_000_000;
/// Ten times the window of a stream.
const UNREAD: u8 = 40;
const PIECE: usize = 64 * 1024;
