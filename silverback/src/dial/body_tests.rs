#![allow(clippy::unwrap_used)]

use super::*;

fn framing(status: u16, headers: &[(&'static str, &'static str)]) -> Framing {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    Framing::of(StatusCode::from_u16(status).unwrap(), &map)
}

#[test]
fn the_end_is_told_by_status_coding_or_length_in_this_order() {
    assert_eq!(framing(404, &[("content-length", "12")]), Framing::Length(12));
    assert_eq!(framing(404, &[]), Framing::UntilClose);
    assert_eq!(framing(404, &[("content-length", "nonsense")]), Framing::UntilClose);
    assert_eq!(framing(404, &[("content-length", "12"), ("transfer-encoding", "Chunked")]), Framing::Chunked);
    assert_eq!(framing(404, &[("transfer-encoding", "chunked, gzip")]), Framing::UntilClose);
    assert_eq!(framing(204, &[("content-length", "12")]), Framing::Length(0));
}

#[test]
fn chunks_are_joined_up_to_the_last_one() {
    let wire = b"5\r\nHello\r\n1;ext=\"x\"\r\n,\r\nA\r\n world 123\r\n0\r\n\r\n";
    assert_eq!(Framing::Chunked.decode(wire, 100), (b"Hello, world 123".to_vec(), true));
    for cut in 0..wire.len() - 4 {
        let (body, is_done) = Framing::Chunked.decode(&wire[..cut], 100);
        assert!(b"Hello, world 123".starts_with(&body) && !is_done, "cut at {cut}");
    }
}

#[test]
fn no_more_is_kept_than_the_limit() {
    assert_eq!(Framing::Chunked.decode(b"ffffff\r\nabcdef", 4), (b"abcd".to_vec(), true));
    assert_eq!(Framing::Length(1 << 40).decode(b"abcdef", 4), (b"abcd".to_vec(), true));
    assert_eq!(Framing::UntilClose.decode(b"abcdef", 4), (b"abcd".to_vec(), true));
    assert_eq!(Framing::UntilClose.decode(b"ab", 4), (b"ab".to_vec(), false));
    assert_eq!(Framing::Length(2).decode(b"ab and more", 4), (b"ab".to_vec(), true));
}

#[test]
fn nonsense_in_place_of_a_size_ends_the_body() {
    for wire in ["x\r\nabc", "-1\r\nabc", "\r\nabc", "fffffffffffffffffffff\r\nabc"] {
        assert_eq!(Framing::Chunked.decode(wire.as_bytes(), 100), (Vec::new(), true), "{wire:?}");
    }
    assert!(Framing::Chunked.decode(&[b'1'; 2000], 100).1, "a line that never ends");
    assert_eq!(Framing::Chunked.decode(b"ffffffffffffffff\r\nabc", 100), (b"abc".to_vec(), false));
}
