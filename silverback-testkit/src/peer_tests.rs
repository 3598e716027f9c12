use super::*;
use crate::wire::{binary, close, continuation, ping, text};
use std::mem;

/// Stores the bytes that arrive, and sends the bytes that the test provides.
#[derive(Default)]
struct Recorder {
    pieces: Vec<Vec<u8>>,
    to_send: Vec<u8>,
}

impl Endpoint for Recorder {
    fn input(&mut self, bytes: &[u8]) {
        self.pieces.push(bytes.to_vec());
    }

    fn output(&mut self) -> Vec<u8> {
        mem::take(&mut self.to_send)
    }
}

fn client_facing(bytes: impl AsRef<[u8]>) -> Peer<Recorder> {
    let mut peer = Peer::client(Recorder::default());
    peer.endpoint().to_send = bytes.as_ref().to_vec();
    peer
}

#[test]
fn a_client_masks_what_it_sends_unless_the_frame_has_its_own_key() {
    let mut recorder = Recorder::default();
    let mut peer = Peer::client(&mut recorder);
    peer.send(text("a"));
    peer.send(text("b").masked([0; 4]));
    peer.send_bytes(text("c").encode());
    let seen = recorder.pieces.concat();
    let (frames, _) = crate::wire::decode_all(&seen);
    assert_eq!(frames, [text("a").masked(CLIENT_KEY), text("b").masked([0; 4]), text("c")]);
}

#[test]
fn a_server_sends_frames_as_they_are() {
    let mut peer = Peer::server(Recorder::default());
    peer.send(text("a"));
    assert_eq!(peer.endpoint().pieces, [text("a").encode()]);
}

#[test]
fn cut_bytes_arrive_in_two_pieces() {
    let mut peer = Peer::client(Recorder::default());
    peer.send_cut("abc", 2);
    assert_eq!(peer.endpoint().pieces, [b"ab".to_vec(), b"c".to_vec()]);
}

#[test]
fn a_conversation_is_expected_frame_by_frame() {
    let wire = [text("hel").not_final(), ping("?"), continuation("lo")].map(|f| f.encode());
    let mut peer = client_facing(wire.concat());
    peer.expect(text("hel").not_final());
    peer.expect_masked(false);
    peer.expect(ping("?"));
    peer.expect(continuation("lo"));
    peer.expect_nothing();
}

#[test]
fn the_key_of_a_masked_frame_does_not_matter() {
    let mut peer = Peer::server(Recorder::default());
    peer.endpoint().to_send = text("a").masked([1, 2, 3, 4]).encode();
    peer.expect(text("a"));
    peer.expect_masked(true);
}

#[test]
fn a_frame_may_arrive_in_pieces() {
    let wire = binary([1, 2, 3]).encode();
    let mut peer = client_facing(&wire[..3]);
    assert_eq!(peer.receive(), None);
    peer.endpoint().to_send = wire[3..].to_vec();
    peer.expect(binary([1, 2, 3]));
}

#[test]
#[should_panic(expected = "expected text(\"b\")\n     got text(\"a\")")]
fn another_frame_is_told_in_words() {
    client_facing(text("a").encode()).expect(text("b"));
}

#[test]
#[should_panic(expected = "expected close(1000, \"\")\n     got nothing")]
fn a_missing_frame_is_told_in_words() {
    client_facing("").expect(close(1000, ""));
}

#[test]
#[should_panic(expected = "a server masked text(\"a\")")]
fn a_client_wants_frames_unmasked() {
    client_facing(text("a").masked([1; 4]).encode()).expect(text("a"));
}

#[test]
#[should_panic(expected = "a client did not mask text(\"a\")")]
fn a_server_wants_frames_masked() {
    let mut peer = Peer::server(Recorder::default());
    peer.endpoint().to_send = text("a").encode();
    peer.expect(text("a"));
}

#[test]
#[should_panic(expected = "got the beginning of a frame: 81 05 48")]
fn the_beginning_of_a_frame_is_not_nothing() {
    client_facing([0x81, 5, b'H']).expect_nothing();
}

#[test]
#[should_panic(expected = "got ping(\"\")")]
fn a_frame_is_not_nothing() {
    client_facing(ping("").encode()).expect_nothing();
}

#[test]
#[should_panic(expected = "expected unmasked")]
fn masking_is_judged_for_the_last_frame() {
    let mut peer = Peer::server(Recorder::default());
    peer.endpoint().to_send = text("a").masked([1; 4]).encode();
    peer.expect(text("a"));
    peer.expect_masked(false);
}

#[test]
#[should_panic(expected = "no frame was received")]
fn masking_cannot_be_judged_before_the_first_frame() {
    client_facing("").expect_masked(false);
}
