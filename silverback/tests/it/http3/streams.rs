//! The halves of a stream: bytes pass however they are cut into frames, and however small the windows are.

use proptest::prelude::*;
use silverback::Upgrader;
use silverback_testkit::{
    http3::{Connection, Reset, UNKNOWN, connect_to, control, data, frame},
    wire::{CLIENT_KEY, binary, text},
};
use tokio::{runtime::Builder, task::yield_now};

use super::support::{Seen, Server};
use crate::support::within;

/// A piece of the client's stream.
#[derive(Clone, Debug)]
enum Piece {
    /// A DATA frame with this many bytes of the WebSocket.
    Data(usize),
    /// A frame that means nothing.
    Unknown(Vec<u8>),
    /// Everything before is sent, and the server gets time to read it.
    Pause,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        4 => (0..3000_usize).prop_map(Piece::Data),
        1 => proptest::collection::vec(any::<u8>(), 0..200).prop_map(Piece::Unknown),
        2 => Just(Piece::Pause),
    ];
    proptest::collection::vec(piece, 1..20)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn messages_pass_however_their_bytes_are_cut(
        pieces in pieces(),
        messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..4000), 1..8),
        window in 1_u32..5000,
    ) {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = Server::start(&Upgrader::new());
            let connecting = Connection::connect_with(server.address, &server.certificate.der, |transport| {
                transport.stream_receive_window(window.max(100).into());
            });
            let mut client = within(connecting).await;
            client.open_uni(&control()).await;
            let mut stream = within(client.open_websocket(&[])).await;
            let wire: Vec<u8> =
                messages.iter().flat_map(|bytes| binary(bytes.clone()).masked(CLIENT_KEY).encode()).collect();
            let (mut rest, mut together) = (&wire[..], Vec::new());
            for piece in pieces {
                match piece {
                    Piece::Data(len) => {
                        let (first, others) = rest.split_at(len.min(rest.len()));
                        together.extend(data(first));
                        rest = others;
                    }
                    Piece::Unknown(payload) => together.extend(frame(UNKNOWN, &payload)),
                    Piece::Pause => {
                        within(stream.send_raw(&std::mem::take(&mut together))).await;
                        yield_now().await;
                    }
                }
            }
            together.extend(data(rest));
            within(stream.send_raw(&together)).await;
            for bytes in messages {
                within(stream.expect(binary(bytes))).await;
            }
        });
    }
}

/// A DATA length is a promise. The answer is larger than the window, so most of it waits in the server while the client
/// reads it bit by bit.
#[tokio::test]
async fn a_large_answer_keeps_the_promise_of_its_data_lengths_in_a_tiny_window() {
    let server = Server::start(&Upgrader::new());
    let connecting = Connection::connect_with(server.address, &server.certificate.der, |transport| {
        transport.stream_receive_window(100_u32.into());
    });
    let mut client = within(connecting).await;
    client.open_uni(&control()).await;
    let mut stream = within(client.open_websocket(&[])).await;
    let message = "x".repeat(200_000);
    within(stream.send_frame(text(message.clone()))).await;
    // A stream that ended inside a frame would fail here.
    within(stream.expect(text(message))).await;
}

/// The server gives up in the middle of a DATA frame. A clean end would be a lie.
#[tokio::test]
async fn a_stream_that_ends_inside_a_data_frame_is_reset() {
    let mut server = Server::start(&Upgrader::new());
    let connecting = Connection::connect_with(server.address, &server.certificate.der, |transport| {
        transport.stream_receive_window(100_u32.into());
    });
    let mut client = within(connecting).await;
    client.open_uni(&control()).await;
    let mut stream = client.open(&connect_to("/welcome", &[])).await;
    assert_eq!(within(stream.status()).await, Ok(200));
    within(stream.expect(text("welcome"))).await;
    within(stream.send_frame(text("x".repeat(200_000)))).await;
    // Part of the echo has left, and the client breaks the rules of WebSocket.
    server.sees().await;
    stream.reset(0x10C);
    assert!(matches!(server.sees().await, Seen::Ended(Err(_))));
    assert_eq!(within(stream.body()).await, Err(Reset(0x10C)));
}
