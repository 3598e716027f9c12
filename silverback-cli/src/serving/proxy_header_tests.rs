//! Headers of both versions, whole, cut and broken.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::{
    Speaker::{Proxy, UnknownClient},
    *,
};

fn v2(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let length = u16::try_from(block.len()).unwrap().to_be_bytes();
    [V2_BEGIN, &[command, family], &length, block].concat()
}

/// Addresses of TCP over IPv4 and IPv6, as version 2 writes them.
const IPV4: [u8; 12] = [203, 0, 113, 9, 10, 0, 0, 1, 0x12, 0x67, 0x01, 0xbb];
const IPV6: [u8; 36] = {
    let mut block = [0; 36];
    (block[0], block[1], block[15], block[31]) = (0x2a, 0x00, 9, 1);
    (block[32], block[33], block[34], block[35]) = (0x12, 0x67, 0x01, 0xbb);
    block
};

/// Each valid header, and who speaks after it.
fn valid() -> Vec<(Vec<u8>, Speaker)> {
    let long_v1 = format!("PROXY UNKNOWN {}\r\n", "x".repeat(V1_LONGEST - 16));
    assert_eq!(long_v1.len(), V1_LONGEST);
    let with_values = [&IPV4[..], &[0x04, 0, 200], &[7; 200]].concat();
    let longest = [&IPV4[..], &vec![0; V2_LONGEST - V2_FIXED - IPV4.len()]].concat();
    let client = |address: &str| Speaker::Client(address.parse().unwrap());
    vec![
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443\r\n".to_vec(), client("203.0.113.9:4711")),
        (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n".to_vec(), client("255.255.255.255:65535")),
        (b"PROXY TCP6 2a00::9 ::1 4711 443\r\n".to_vec(), client("[2a00::9]:4711")),
        (b"PROXY TCP6 :: :: 0 0\r\n".to_vec(), client("[::]:0")),
        (b"PROXY UNKNOWN\r\n".to_vec(), UnknownClient),
        (b"PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n".to_vec(), UnknownClient),
        (long_v1.into_bytes(), UnknownClient),
        (v2(0x21, 0x11, &IPV4), client("203.0.113.9:4711")),
        (v2(0x21, 0x11, &with_values), client("203.0.113.9:4711")),
        (v2(0x21, 0x11, &longest), client("203.0.113.9:4711")),
        (v2(0x21, 0x21, &IPV6), client("[2a00::9]:4711")),
        (v2(0x20, 0x00, &[]), Proxy),
        // A proxy that speaks for itself may send its own addresses, which mean nothing.
        (v2(0x20, 0x11, &IPV4), Proxy),
        (v2(0x20, 0xff, &[1, 2, 3]), Proxy),
        (v2(0x21, 0x00, &[1, 2, 3]), UnknownClient),
        (v2(0x21, 0x12, &IPV4), UnknownClient),
        (v2(0x21, 0x31, &[0; 216]), UnknownClient),
    ]
}

/// Reads it from a stream on which the bytes of a client follow, and checks that those are left.
async fn read_from(bytes: &[u8]) -> Result<Speaker, Fault> {
    let bytes = [bytes, CLIENT].concat();
    let mut stream = &bytes[..];
    let read = read(&mut stream).await;
    assert!(read.is_err() || stream == CLIENT, "the client's bytes are left: {stream:?}");
    read
}

const CLIENT: &[u8] = b"GET / HTTP/1.1\r\n\r\n";

#[tokio::test]
async fn a_header_tells_the_address_of_the_client_and_leaves_the_clients_bytes() {
    for (header, speaker) in valid() {
        assert_eq!(read_from(&header).await, Ok(speaker), "{}", header.escape_ascii());
    }
}

#[test]
fn a_header_may_be_cut_after_every_byte() {
    for (header, speaker) in valid() {
        for cut in 0..header.len() {
            match parse(&header[..cut]) {
                Ok(Progress::NeedMore(count)) => {
                    assert!((1..=header.len() - cut).contains(&count), "{} of {}", cut, header.escape_ascii());
                }
                other => panic!("{cut} of {}: {other:?}", header.escape_ascii()),
            }
        }
        assert_eq!(parse(&header), Ok(Progress::Complete(speaker)));
    }
}

#[tokio::test]
async fn a_connection_that_ends_inside_of_the_header_is_no_client() {
    for (header, _) in valid() {
        assert_eq!(read(&mut &header[..0]).await, Err(Fault::Silent));
        for cut in 1..header.len() {
            assert_eq!(read(&mut &header[..cut]).await, Err(Fault::Torn));
        }
    }
}

#[tokio::test]
async fn anything_else_is_refused_at_the_first_wrong_byte() {
    for (bytes, fault) in [
        (&b"GET / HTTP/1.1\r\n\r\n"[..], Fault::Missing),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Fault::Missing),
        (b"\x16\x03\x01\x02\x00", Fault::Missing),
        (b"PROXy TCP4 203.0.113.9 10.0.0.1 4711 443\r\n", Fault::Missing),
        (b"PROXYTCP4 203.0.113.9 10.0.0.1 4711 443\r\n", Fault::Missing),
        (b"\r\n\r\n\0\r\nQUIX\n", Fault::Missing),
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 4711\r\n", Fault::Malformed),
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 443 1\r\n", Fault::Malformed),
        (b"PROXY TCP4  203.0.113.9 10.0.0.1 4711 443\r\n", Fault::Malformed),
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 +4711 443\r\n", Fault::Malformed),
        (b"PROXY TCP4 203.0.113.9 10.0.0.1 65536 443\r\n", Fault::Malformed),
        (b"PROXY TCP4 203.0.113.9 example 4711 443\r\n", Fault::Malformed),
        (b"PROXY TCP4 2a00::9 ::1 4711 443\r\n", Fault::Malformed),
        (b"PROXY TCP6 203.0.113.9 10.0.0.1 4711 443\r\n", Fault::Malformed),
        (b"PROXY UNKNOWNX\r\n", Fault::Malformed),
        (b"PROXY TCP4 \xff 10.0.0.1 4711 443\r\n", Fault::Malformed),
        (b"PROXY UDP4 203.0.113.9 10.0.0.1 4711 443\r\n", Fault::Malformed),
    ] {
        assert_eq!(read_from(bytes).await, Err(fault), "{}", bytes.escape_ascii());
    }
    for (command, family, block) in [
        (0x22, 0x11, &IPV4[..]),
        (0x11, 0x11, &IPV4),
        (0x21, 0x13, &IPV4),
        (0x21, 0x41, &IPV4),
        (0x21, 0x11, &IPV4[..11]),
        (0x21, 0x11, &[]),
        (0x21, 0x21, &IPV6[..35]),
    ] {
        assert_eq!(read_from(&v2(command, family, block)).await, Err(Fault::Malformed), "{command:x} {family:x}");
    }
}

#[tokio::test]
async fn a_header_without_end_is_refused_at_the_limit() {
    let line = [b"PROXY TCP4 ".as_slice(), &[b'1'; 5000]].concat();
    let mut stream = &line[..];
    assert_eq!(read(&mut stream).await, Err(Fault::TooLong));
    assert!(line.len() - stream.len() <= V1_LONGEST);
    let large = v2(0x21, 0x11, &vec![0; V2_LONGEST - V2_FIXED + 1]);
    let mut stream = &large[..];
    assert_eq!(read(&mut stream).await, Err(Fault::TooLong));
    assert_eq!(large.len() - stream.len(), V2_FIXED, "nothing of what it declares is read");
}

proptest! {
    /// Bytes that nobody chose, alone and after a good beginning.
    #[test]
    fn random_bytes_never_panic_and_are_never_waited_for_beyond_the_limit(
        begin in prop_oneof![
            Just(Vec::new()), Just(V1_BEGIN.to_vec()), Just(b"PROXY TCP4 ".to_vec()), Just(V2_BEGIN.to_vec()),
            Just([V2_BEGIN, &[0x21, 0x11]].concat()), Just([V2_BEGIN, &[0x21, 0x21, 0, 36]].concat()),
        ],
        random in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let bytes = [begin, random].concat();
        for end in 0..=bytes.len() {
            match parse(&bytes[..end]) {
                Ok(Progress::NeedMore(count)) => prop_assert!(count > 0 && end + count <= V2_LONGEST),
                // More bytes must not change what is known.
                Ok(Progress::Complete(_)) => break,
                Err(fault) => {
                    prop_assert!(fault == Fault::TooLong || parse(&bytes).is_err());
                    break;
                }
            }
        }
    }

    #[test]
    fn every_address_is_read_as_it_was_written(source in any::<SocketAddr>(), target in any::<SocketAddr>()) {
        let target = match (source, target.port()) {
            (SocketAddr::V4(_), port) => SocketAddr::from(([10, 0, 0, 1], port)),
            (SocketAddr::V6(_), port) => SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)),
        };
        let source = SocketAddr::new(source.ip(), source.port());
        let family = if source.is_ipv4() { 4 } else { 6 };
        let line = format!(
            "PROXY TCP{family} {} {} {} {}\r\n", source.ip(), target.ip(), source.port(), target.port()
        );
        prop_assert_eq!(parse(line.as_bytes()), Ok(Progress::Complete(Speaker::Client(source))));
        let octets = |ip: IpAddr| match ip {
            IpAddr::V4(ip) => ip.octets().to_vec(),
            IpAddr::V6(ip) => ip.octets().to_vec(),
        };
        let ports = [source.port().to_be_bytes(), target.port().to_be_bytes()].concat();
        let block = [octets(source.ip()), octets(target.ip()), ports].concat();
        let family = if source.is_ipv4() { TCP_OVER_IPV4 } else { TCP_OVER_IPV6 };
        prop_assert_eq!(parse(&v2(V2_PROXY, family, &block)), Ok(Progress::Complete(Speaker::Client(source))));
    }
}
