//! Both roles of one WebSocket over HTTP/3: settings, the handshake, and the first bytes each way.

use http::Version;
use silverback_testkit::cuts::for_each_way;

use super::support::read_uni;
use crate::{
    h3::{
        frame::FrameHeader,
        limits::Limits,
        qpack::FieldSection,
        request_stream::{RequestStream, StreamEvent},
        settings::Settings,
    },
    handshake::{Acceptance, ClientHandshake, ClientRequest, ServerHandshake, Subprotocol},
    wire::role::Role,
};

/// The head that `sender` sends on a request stream, and the bytes of the tunnel after it.
fn read(sender: Role, pieces: &[&[u8]]) -> (StreamEvent, Vec<u8>) {
    let mut stream = RequestStream::new(sender, Limits::default());
    let (mut head, mut tunnel) = (None, Vec::new());
    for piece in pieces {
        let mut rest = *piece;
        loop {
            let handled = stream.handle_input(rest).unwrap();
            match handled.event {
                Some(StreamEvent::Data(range)) => tunnel.extend_from_slice(&rest[range]),
                Some(event) => assert!(head.replace(event).is_none(), "one head"),
                None => break,
            }
            rest = &rest[handled.consumed..];
        }
    }
    assert_eq!(stream.handle_end(), Ok(()));
    (head.unwrap(), tunnel)
}

/// A head, and two DATA frames with a WebSocket frame that is cut in the middle of its header.
fn wire(head: &FieldSection, frame: &[u8]) -> Vec<u8> {
    let (first, second) = frame.split_at(1);
    let mut wire = head.encode_frame();
    for payload in [first, second] {
        wire.extend_from_slice(&FrameHeader::data(payload.len() as u64).encode());
        wire.extend_from_slice(payload);
    }
    wire
}

const FROM_CLIENT: &[u8] = &[0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58];
const FROM_SERVER: &[u8] = &[0x81, 0x05, b'H', b'e', b'l', b'l', b'o'];

#[test]
fn a_client_and_a_server_agree_and_exchange_frames_however_their_streams_are_cut() {
    // The client waits for the settings of the server.
    let (outcome, server) = read_uni(Role::Server, &Settings::server(&Limits::default()).control_stream());
    assert_eq!(outcome, Ok(()));
    let settings = server.settings().unwrap();
    assert!(settings.enable_connect_protocol);

    let begin = || {
        let request = ClientRequest::parse("wss://example.com:8443/chat?room=1").unwrap();
        let request = request.subprotocol(Subprotocol::new("chat").unwrap());
        ClientHandshake::new_connect(request, Version::HTTP_3).unwrap()
    };
    let request = FieldSection::from_request(begin().request(), Some(ClientHandshake::PROTOCOL)).unwrap();
    assert!(settings.accepts(&request));

    for_each_way(&wire(&request, FROM_CLIENT), 4, |pieces| {
        let (head, tunnel) = read(Role::Client, pieces);
        assert_eq!(tunnel, FROM_CLIENT);
        let StreamEvent::Request { request, protocol } = head else { panic!("a request, not {head:?}") };
        let handshake = ServerHandshake::from_connect(&request, protocol.as_deref()).unwrap();
        assert_eq!(handshake.host(), "example.com:8443");
        let subprotocol = Some(Subprotocol::new("chat").unwrap());
        let (response, _) = handshake.accept(Acceptance { subprotocol, ..Acceptance::default() }).unwrap();

        let response = wire(&FieldSection::from_response(&response).unwrap(), FROM_SERVER);
        for pieces in [&[&response[..]][..], &response.chunks(1).collect::<Vec<_>>()] {
            let (head, tunnel) = read(Role::Server, pieces);
            assert_eq!(tunnel, FROM_SERVER);
            let StreamEvent::Response(response) = head else { panic!("a response, not {head:?}") };
            assert_eq!(begin().verify(&response).unwrap().subprotocol.unwrap().as_str(), "chat");
        }
    });
}

#[test]
fn a_rejection_is_a_response_that_the_client_understands() {
    let request = ClientRequest::parse("wss://example.com/").unwrap();
    let client = ClientHandshake::new_connect(request, Version::HTTP_3).unwrap();
    let request = FieldSection::from_request(client.request(), Some("webtransport")).unwrap();
    let (request, protocol) = request.request().unwrap();
    let rejection = ServerHandshake::from_connect(&request, protocol.as_deref()).unwrap_err();
    let response = FieldSection::from_response(&rejection.response()).unwrap().response().unwrap();
    assert_eq!(response.status(), 501);
    client.verify(&response).unwrap_err();
}
