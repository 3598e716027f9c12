//! Streams as bytes, written by hand and not by the code under test.

use silverback_testkit::{cuts::for_each_way, wire::hex};

use crate::{
    h3::{error::Error, limits::Limits, peer::Peer, uni_stream::UniStream},
    wire::role::Role,
};

/// An integer in the form that is as long as `len` says: 1, 2, 4 or 8 bytes.
pub(super) fn integer(value: u64, len: usize) -> Vec<u8> {
    let mut bytes = value.to_be_bytes()[8 - len..].to_vec();
    bytes[0] |= (len.trailing_zeros() as u8) << 6;
    bytes
}

/// An integer in its shortest form.
pub(super) fn shortest(value: u64) -> Vec<u8> {
    let len = [1, 2, 4, 8].into_iter().find(|len| value >> (8 * len - 2) == 0).unwrap();
    integer(value, len)
}

/// A frame of any type.
pub(super) fn frame(number: u64, payload: &[u8]) -> Vec<u8> {
    [shortest(number), shortest(payload.len() as u64), payload.to_vec()].concat()
}

/// A SETTINGS frame.
pub(super) fn settings(pairs: &[(u64, u64)]) -> Vec<u8> {
    let payload: Vec<u8> = pairs.iter().flat_map(|(id, value)| [shortest(*id), shortest(*value)].concat()).collect();
    frame(0x4, &payload)
}

/// The result of one unidirectional stream of a peer, however its bytes are cut. All cuts must agree.
pub(super) fn read_uni(sender: Role, wire: &[u8]) -> (Result<(), Error>, Peer) {
    let read = |pieces: &[&[u8]]| {
        let (mut peer, mut stream) = (Peer::new(sender, Limits::default()), UniStream::new());
        let outcome = pieces.iter().try_for_each(|piece| stream.handle_input(piece, &mut peer));
        (outcome, peer)
    };
    let expected = read(&[wire]);
    for_each_way(wire, 1, |pieces| {
        let (outcome, peer) = read(pieces);
        assert_eq!(outcome, expected.0);
        assert_eq!((peer.settings(), peer.goaway()), (expected.1.settings(), expected.1.goaway()));
    });
    expected
}

/// As `read_uni`, for a stream whose type and content are written in hex.
pub(super) fn read_uni_hex(sender: Role, wire: &str) -> (Result<(), Error>, Peer) {
    read_uni(sender, &hex(wire))
}

pub(super) const BOTH: [Role; 2] = [Role::Client, Role::Server];
