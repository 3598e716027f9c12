//! Answers the differential runs of `tests/interop/python/differential`: one line of JSON in, one out.
//!
//! `read` passes a stream to a connection and returns the events. `write` performs the commands of an application and
//! returns the stream. `program.py` explains the field names.

use std::io::{self, BufRead as _, IoSlice, Write as _};
use std::time::{Duration, Instant};

use data_encoding::HEXLOWER;
use serde_json::{Value, json};
use silverback_proto::deflate::{Compression, DeflateParams};
use silverback_proto::{
    CloseCode, CloseFrame, Config, Connection, ConnectionError, Event, LimitError, MaskKey, Message, MessageKind,
    Negotiated, PreparedMessage, ProtocolError, Role, Text,
};
use silverback_testkit::clock::FakeClock;

type Anything<T> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Anything<()> {
    let now = FakeClock::new().now();
    let mut output = io::stdout().lock();
    for line in io::stdin().lock().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer = match request["do"].as_str() {
            Some("read") => read(&request, now)?,
            Some("write") => write(&request, now)?,
            other => return Err(format!("nothing that can be done: {other:?}").into()),
        };
        writeln!(output, "{answer}")?;
    }
    Ok(())
}

/// Returns the events of a stream, how it ends, and the pongs and the Close frame that the connection sends.
fn read(request: &Value, now: Instant) -> Anything<Value> {
    let mut conn = connection(request, now)?;
    let (mut seen, mut end, mut close) = (Vec::new(), "open", Value::Null);
    let mut sent = Vec::new();
    let mut wire = bytes(&request["wire"])?;
    for piece in pieces(&mut wire, &request["cuts"]) {
        let mut rest = piece;
        while end == "open" {
            let consumed = match conn.handle_input(now, rest) {
                Ok(progress) => match progress.event {
                    None => break,
                    Some(event) => {
                        if let Event::Close(said) = &event {
                            (end, close) = ("close", json!(said.as_ref().map(|said| (said.code.get(), &said.reason))));
                        } else {
                            seen.push(told(event));
                        }
                        progress.consumed
                    }
                },
                Err(error) => {
                    end = kind(&error)?;
                    break;
                }
            };
            rest = &mut rest[consumed..];
            drain(&mut conn, &mut sent);
        }
        drain(&mut conn, &mut sent);
    }
    Ok(json!({ "seen": seen, "end": end, "close": close, "sent": HEXLOWER.encode(&sent) }))
}

/// Returns the stream that an application sends, step by step.
fn write(request: &Value, now: Instant) -> Anything<Value> {
    let mut conn = connection(request, now)?;
    let mut now = now;
    let mut sent = Vec::new();
    for step in request["steps"].as_array().ok_or("no steps")? {
        match step[0].as_str().ok_or("a step without a name")? {
            "message" => conn.send(message(step)?)?,
            "uncompressed" => {
                conn.set_write_compression(false);
                conn.send(message(step)?)?;
                conn.set_write_compression(true);
            }
            "prepared" => conn.send_prepared(&PreparedMessage::new(message(step)?))?,
            "fragments" => {
                conn.open_message(if step[1] == "text" { MessageKind::Text } else { MessageKind::Binary })?;
                let fragments = step[2].as_array().ok_or("no fragments")?;
                for (number, fragment) in fragments.iter().enumerate() {
                    conn.send_fragment(&bytes(fragment)?, number + 1 == fragments.len())?;
                    drain(&mut conn, &mut sent);
                }
            }
            "ping" => conn.ping(&bytes(&step[1])?)?,
            // Long enough for the compressor to be given back.
            "idle" => {
                for _ in 0..4 {
                    now += Duration::from_secs(30);
                    if let Some(error) = conn.handle_timeout(now) {
                        return Err(error.into());
                    }
                }
            }
            "close" => {
                let code = CloseCode::from(u16::try_from(step[1].as_u64().ok_or("no code")?)?);
                conn.start_close(now, CloseFrame::new(code, "").ok());
            }
            other => return Err(format!("no step: {other}").into()),
        }
        drain(&mut conn, &mut sent);
    }
    Ok(json!({ "wire": HEXLOWER.encode(&sent) }))
}

fn connection(request: &Value, now: Instant) -> Anything<Connection> {
    let role = if request["role"] == "server" { Role::Server } else { Role::Client };
    let mut config = Config::default().ping_interval(None);
    if let Some(limit) = request["limit"].as_u64() {
        config = config.max_message_size(limit);
    }
    let mut negotiated = Negotiated::default();
    let agreed = &request["params"];
    if !agreed.is_null() {
        let bits = |name: &str| u8::try_from(agreed[name].as_u64().unwrap_or(15));
        negotiated.compression = Some(DeflateParams {
            server_no_context_takeover: agreed["server_no_context_takeover"] == true,
            client_no_context_takeover: agreed["client_no_context_takeover"] == true,
            server_max_window_bits: bits("server_max_window_bits")?,
            client_max_window_bits: bits("client_max_window_bits")?,
        });
        let level = |name: &str, default| u8::try_from(request[name].as_u64().unwrap_or(default));
        let compression = Compression::default().level(level("level", 1)?).memory_level(level("memory_level", 8)?);
        let threshold = request["threshold"].as_u64().unwrap_or(0);
        config = config.compression(compression.threshold(usize::try_from(threshold)?));
    }
    Ok(Connection::new(role, negotiated, config, now, || MaskKey([0x37, 0xfa, 0x21, 0x3d])))
}

fn told(event: Event<'_>) -> Value {
    let (kind, payload) = match event {
        Event::Message(message) => match message.into_message() {
            Message::Text(text) => ("text", text.as_bytes().to_vec()),
            Message::Binary(bytes) => ("binary", bytes.to_vec()),
        },
        Event::Ping(payload) => ("ping", payload.as_slice().to_vec()),
        Event::Pong(payload) => ("pong", payload.as_slice().to_vec()),
        Event::Close(_) => ("close", Vec::new()),
    };
    json!([kind, HEXLOWER.encode(&payload)])
}

fn kind(error: &ConnectionError) -> Anything<&'static str> {
    Ok(match error {
        ConnectionError::Protocol(ProtocolError::InvalidUtf8) => "text",
        ConnectionError::Protocol(ProtocolError::InvalidDeflate) => "deflate",
        ConnectionError::Protocol(_) => "protocol",
        ConnectionError::Limit(LimitError::InflateRatio { .. }) => "ratio",
        ConnectionError::Limit(LimitError::FinalBlocks { .. }) => "too many",
        ConnectionError::Limit(LimitError::Frame { .. } | LimitError::Message { .. }) => "too big",
        other => return Err(format!("no fault of the stream: {other}").into()),
    })
}

fn message(step: &Value) -> Anything<Message> {
    let payload = bytes(&step[2])?;
    Ok(match step[1] == "text" {
        true => Message::Text(Text::from(String::from_utf8(payload)?)),
        false => Message::binary(payload),
    })
}

fn bytes(hex: &Value) -> Anything<Vec<u8>> {
    Ok(HEXLOWER.decode(hex.as_str().ok_or("no hex")?.as_bytes())?)
}

/// The lengths of all pieces but the last come from `cuts`.
fn pieces<'a>(mut wire: &'a mut [u8], cuts: &Value) -> Vec<&'a mut [u8]> {
    let mut pieces = Vec::new();
    for cut in cuts.as_array().into_iter().flatten().filter_map(Value::as_u64) {
        let len = usize::try_from(cut).map_or(wire.len(), |cut| cut.min(wire.len()));
        let (piece, rest) = wire.split_at_mut(len);
        pieces.push(piece);
        wire = rest;
    }
    pieces.push(wire);
    pieces
}

fn drain(conn: &mut Connection, sent: &mut Vec<u8>) {
    loop {
        let mut slices = [IoSlice::new(&[]); 4];
        let filled = conn.poll_transmit(&mut slices);
        let before = sent.len();
        slices[..filled].iter().for_each(|slice| sent.extend_from_slice(slice));
        match sent.len() - before {
            0 => return,
            count => conn.handle_transmitted(count),
        }
    }
}
