//! A client of the Centrifugo protocol that says anything. The server answers in its format, and ends with the client.
//!
//! ```text
//! flags | (length: 2 bytes, message) repeated
//! flags: 1 Protobuf, 2 without a connect before the messages
//! ```

use std::time::Duration;

use silverback::{Conn, Negotiated, Role, Settings};
use silverback_centrifugo::{Channel, Format, Joins, Server};
use silverback_hub::{Hub, Topic};
use silverback_testkit::{
    pipe::pipe,
    wire::{Frame, binary, text},
};
use tokio::{
    runtime::Builder,
    time::{sleep, timeout},
};

/// Plays a conversation.
pub fn run(data: &[u8]) {
    let Some((flags, rest)) = data.split_first() else { return };
    let format = if flags & 1 > 0 { Format::Protobuf } else { Format::Json };
    let runtime = Builder::new_current_thread().enable_time().start_paused(true).build().expect("a runtime");
    runtime.block_on(async {
        let topic = Topic::new().history(4, Duration::from_secs(60)).presence();
        let hub = Server::prepare(Hub::builder().shards(1)).topics("*", topic).start().await.expect("a hub");
        let channel = Channel::new().open().publish().history().presence().joins(Joins::Asked);
        let server = Server::builder(hub)
            .anonymous()
            .channels("*", channel)
            .on_rpc(async |call| Ok(call.data))
            .on_send(async |_| ())
            .build();
        let (pipe, remote) = pipe();
        let conn = Conn::from_handshake(pipe, Role::Server, Negotiated::default(), [], &Settings::default());
        let serving = tokio::spawn(async move { server.serve(conn, format).await });
        let remote = remote.as_client();
        if flags & 2 == 0 {
            let connect = match format {
                Format::Json => text(r#"{"id":1,"connect":{}}"#),
                Format::Protobuf => binary([4, 0x08, 1, 0x22, 0]),
            };
            remote.send_frame(connect);
        }
        for message in messages(rest) {
            remote.send_frame(match (format, std::str::from_utf8(message)) {
                (Format::Json, Ok(message)) => text(message),
                _ => binary(message),
            });
        }
        sleep(Duration::from_secs(1)).await;
        remote.close();
        timeout(Duration::from_secs(3600), serving).await.expect("the server ends").expect("the server does not panic");
        remote.received_frames().into_iter().for_each(|frame| check(format, &frame));
    });
}

fn messages(mut rest: &[u8]) -> Vec<&[u8]> {
    let mut messages = Vec::new();
    while let Some((len, after)) = rest.split_first_chunk::<2>() {
        let (message, after) = after.split_at(usize::from(u16::from_be_bytes(*len)).min(after.len()));
        messages.push(message);
        rest = after;
    }
    messages
}

/// A message of the server is made of whole replies.
fn check(format: Format, frame: &Frame) {
    let payload = frame.clone().unmasked().payload;
    match (frame.opcode, format) {
        (1, Format::Json) => {
            for line in payload.split(|byte| *byte == b'\n') {
                let reply: serde_json::Value = serde_json::from_slice(line).expect("a reply is JSON on one line");
                assert!(reply.is_object(), "{reply}");
            }
        }
        (2, Format::Protobuf) => {
            let mut rest = &payload[..];
            while !rest.is_empty() {
                let (mut len, mut shift) = (0_usize, 0);
                loop {
                    let (byte, after) = rest.split_first().expect("a whole length");
                    rest = after;
                    len |= usize::from(byte & 0x7f) << shift;
                    shift += 7;
                    if byte & 0x80 == 0 {
                        break;
                    }
                }
                rest = rest.get(len..).expect("a whole reply");
            }
        }
        (8..=10, _) => {}
        other => panic!("a frame of another kind: {other:?}"),
    }
}
