//! Any bytes on the streams of HTTP/3 (RFC 9114) and in field sections (RFC 9204).

use arbitrary::Arbitrary;
use silverback_proto::{
    Role,
    h3::{Error, Field, FieldSection, FrameHeader, FrameType, Limits, Peer, RequestStream, StreamEvent, UniStream},
};

/// The bytes that a peer sends on one stream.
#[derive(Arbitrary, Debug)]
pub struct Stream {
    is_from_client: bool,
    is_unidirectional: bool,
    parts: Vec<Part>,
    /// The lengths of the pieces in the second run, minus one.
    piece: u8,
    ends: bool,
}

#[derive(Arbitrary, Debug)]
enum Part {
    Raw(Vec<u8>),
    Frame {
        number: FrameNumber,
        payload: Vec<u8>,
    },
    Section {
        fields: Vec<(Text, Text)>,
    },
    /// A DATA frame whose length need not be that of its payload.
    Promise {
        declared: u64,
        payload: Vec<u8>,
    },
}

#[derive(Arbitrary, Debug)]
enum FrameNumber {
    Small(u8),
    Any(u64),
}

/// A name or a value: one that occurs in messages, or any bytes.
#[derive(Arbitrary, Debug)]
enum Text {
    Known(u8),
    Any(Vec<u8>),
}

impl Text {
    fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Known(index) => KNOWN[usize::from(*index) % KNOWN.len()].as_bytes().to_vec(),
            Self::Any(bytes) => bytes.clone(),
        }
    }
}

/// Reads a stream whole and in pieces, with the same result.
pub fn run_stream(input: &Stream) {
    let wire: Vec<u8> = input.parts.iter().flat_map(Part::encode).collect();
    let sender = if input.is_from_client { Role::Client } else { Role::Server };
    let piece = 1 + usize::from(input.piece);
    if input.is_unidirectional {
        let whole = read_uni(sender, wire.chunks(usize::MAX), input.ends);
        assert_eq!(whole, read_uni(sender, wire.chunks(piece), input.ends));
    } else {
        let whole = read_request(sender, wire.chunks(usize::MAX), input.ends);
        assert_eq!(whole, read_request(sender, wire.chunks(piece), input.ends));
    }
}

impl Part {
    fn encode(&self) -> Vec<u8> {
        match self {
            Self::Raw(bytes) => bytes.clone(),
            Self::Frame { number, payload } => {
                let number = match number {
                    FrameNumber::Small(number) => u64::from(number % 16),
                    FrameNumber::Any(number) => *number,
                };
                let header = FrameHeader { frame_type: FrameType::new(number), payload_len: payload.len() as u64 };
                [&*header.encode(), payload].concat()
            }
            Self::Section { fields } => {
                let fields = fields.iter().map(|(name, value)| Field::new(name.bytes(), value.bytes()));
                fields.collect::<FieldSection>().encode_frame()
            }
            Self::Promise { declared, payload } => [&*FrameHeader::data(*declared).encode(), payload].concat(),
        }
    }
}

fn read_uni<'a>(
    sender: Role,
    pieces: impl Iterator<Item = &'a [u8]>,
    ends: bool,
) -> (Result<(), Error>, Option<Error>, String) {
    let (mut peer, mut stream) = (Peer::new(sender, Limits::default()), UniStream::new());
    let outcome = pieces.into_iter().try_for_each(|piece| stream.handle_input(piece, &mut peer));
    let end = if ends && outcome.is_ok() { stream.handle_end().err() } else { None };
    (outcome, end, format!("{:?} {:?} {:?}", peer.settings(), peer.goaway(), stream.unknown_type()))
}

/// The received events, in words, and the outcome. Data that came in pieces is joined.
fn read_request<'a>(
    sender: Role,
    pieces: impl Iterator<Item = &'a [u8]>,
    ends: bool,
) -> (Vec<String>, Result<(), Error>) {
    let mut stream = RequestStream::new(sender, Limits::default());
    let mut events: Vec<String> = Vec::new();
    for piece in pieces {
        let mut rest = piece;
        loop {
            let handled = match stream.handle_input(rest) {
                Ok(handled) => handled,
                Err(error) => return (events, Err(error)),
            };
            match handled.event {
                Some(StreamEvent::Data(range)) => {
                    let data = rest[range].escape_ascii().to_string();
                    match events.last_mut().filter(|last| last.starts_with("data ")) {
                        Some(last) => last.push_str(&data),
                        None => events.push(format!("data {data}")),
                    }
                }
                Some(event) => events.push(format!("{event:?}")),
                None => {
                    assert_eq!(handled.consumed, rest.len(), "all input is used");
                    break;
                }
            }
            rest = &rest[handled.consumed..];
        }
    }
    (events, if ends { stream.handle_end() } else { Ok(()) })
}

/// Decodes any bytes as a field section. Another implementation reads the same, and so do we after encoding it again.
pub fn run_section(wire: &[u8]) {
    let limits = Limits::default();
    let Ok(section) = FieldSection::decode(wire, &limits) else { return };
    assert!(section.size() <= limits.field_section);
    assert_eq!(FieldSection::decode(&section.encode(), &limits).as_ref(), Ok(&section));
    let theirs = qpack::decode_stateless(&mut &wire[..], u64::MAX).expect("a field section");
    let theirs = theirs.fields.into_iter().map(|field| Field::new(field.name.into_owned(), field.value.into_owned()));
    let plain = section.fields().iter().map(|field| Field { is_sensitive: false, ..field.clone() });
    assert!(theirs.eq(plain), "another implementation reads something else");

    if let Ok((request, protocol)) = section.request() {
        let again = FieldSection::from_request(&request, protocol.as_deref()).expect("a request that can be sent");
        let (second, second_protocol) = again.request().expect("the same request");
        assert_eq!((second.uri(), second.headers()), (request.uri(), request.headers()));
        assert_eq!((second.method(), second_protocol), (request.method(), protocol));
    }
    if let Ok(response) = section.response() {
        let again = FieldSection::from_response(&response).expect("a response that can be sent");
        let second = again.response().expect("the same response");
        assert_eq!((second.status(), second.headers()), (response.status(), response.headers()));
    }
    let _ = section.trailers();
}

const KNOWN: [&str; 28] = [
    ":method",
    "CONNECT",
    "GET",
    ":protocol",
    "websocket",
    ":scheme",
    "https",
    ":authority",
    "a.example",
    ":path",
    "/",
    "*",
    ":status",
    "200",
    "404",
    "103",
    "101",
    "host",
    "cookie",
    "a=b",
    "content-length",
    "0",
    "5",
    "connection",
    "te",
    "trailers",
    "sec-websocket-version",
    "13",
];
