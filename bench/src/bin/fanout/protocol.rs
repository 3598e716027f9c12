//! What subscribers and the publisher say in each protocol.

use silverback_bench::Failure;

use crate::wire::{BINARY, TEXT};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// Payloads only; the path names the topic.
    Raw,
    /// The JSON of Centrifugo.
    Centrifugo,
    SocketIo,
    Nats,
    Mqtt,
}

/// A step of opening a connection: what is sent, and what the server then answers.
pub type Step = (Vec<u8>, &'static [u8]);

impl Protocol {
    pub fn named(name: &str) -> Result<Self, Failure> {
        match name {
            "raw" => Ok(Self::Raw),
            "centrifugo" => Ok(Self::Centrifugo),
            "socketio" => Ok(Self::SocketIo),
            "nats" => Ok(Self::Nats),
            "mqtt" => Ok(Self::Mqtt),
            _ => Err(format!("unknown protocol {name}").into()),
        }
    }

    pub fn opcode(self) -> u8 {
        match self {
            Self::Raw | Self::Centrifugo | Self::SocketIo => TEXT,
            Self::Nats | Self::Mqtt => BINARY,
        }
    }

    pub fn subprotocol(self) -> Option<&'static str> {
        (self == Self::Mqtt).then_some("mqtt")
    }

    /// Whether WebSocket messages are parts of a stream, so that a message of the protocol may begin in one and end in
    /// the next.
    pub fn is_stream(self) -> bool {
        matches!(self, Self::Nats | Self::Mqtt)
    }

    /// Opens a connection, before it subscribes.
    pub fn hello(self, number: usize) -> Vec<Step> {
        match self {
            Self::Raw => Vec::new(),
            Self::Centrifugo => vec![(br#"{"id":1,"connect":{}}"#.to_vec(), b"\"id\":1")],
            Self::SocketIo => vec![(b"40".to_vec(), b"40{")],
            Self::Nats => vec![(NATS_HELLO.to_vec(), b"PONG")],
            Self::Mqtt => {
                let id = format!("c{number}");
                let body = [b"\0\x04MQTT\x04\x02\0\0".as_slice(), &prefixed(id.as_bytes())].concat();
                vec![(mqtt_packet(0x10, &body), &[0x20, 2])]
            }
        }
    }

    pub fn subscribe(self) -> Vec<Step> {
        match self {
            Self::Raw => Vec::new(),
            Self::Centrifugo => vec![(br#"{"id":2,"subscribe":{"channel":"news"}}"#.to_vec(), b"\"id\":2")],
            Self::SocketIo => vec![(br#"420["join"]"#.to_vec(), b"430[")],
            Self::Nats => vec![(b"SUB news 1\r\nPING\r\n".to_vec(), b"PONG")],
            Self::Mqtt => {
                let body = [b"\0\x01".as_slice(), &prefixed(b"news"), b"\0"].concat();
                vec![(mqtt_packet(0x82, &body), &[0x90, 3])]
            }
        }
    }

    /// Opens the publisher's connection.
    pub fn publisher(self) -> Vec<Step> {
        match self {
            // Only subscribers may publish.
            Self::Centrifugo => [self.hello(0), self.subscribe()].concat(),
            _ => self.hello(usize::MAX),
        }
    }

    /// What the publisher sends to publish a message.
    pub fn publish(self, number: u64, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Raw => message.to_vec(),
            Self::Centrifugo => {
                let head = format!(r#"{{"id":{},"publish":{{"channel":"news","data":"#, number + 10);
                [head.as_bytes(), message, b"}}"].concat()
            }
            Self::SocketIo => [br#"42["say","#.as_slice(), message, b"]"].concat(),
            Self::Nats => [format!("PUB news {}\r\n", message.len()).as_bytes(), message, b"\r\n"].concat(),
            Self::Mqtt => mqtt_packet(0x30, &[prefixed(b"news").as_slice(), message].concat()),
        }
    }

    /// The answer to a ping of the protocol, for it has its own beside that of WebSocket.
    pub fn pong(self, payload: &[u8]) -> Option<&'static [u8]> {
        match self {
            Self::Centrifugo if payload == b"{}" => Some(b"{}"),
            Self::SocketIo if payload == b"2" => Some(b"3"),
            Self::Nats if payload == b"PING\r\n" => Some(b"PONG\r\n"),
            _ => None,
        }
    }
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    [(bytes.len() as u16).to_be_bytes().as_slice(), bytes].concat()
}

fn mqtt_packet(kind: u8, body: &[u8]) -> Vec<u8> {
    let mut packet = vec![kind];
    let mut left = body.len();
    loop {
        let more = if left > 127 { 0x80 } else { 0 };
        packet.push((left & 127) as u8 | more);
        left >>= 7;
        if left == 0 {
            break;
        }
    }
    packet.extend_from_slice(body);
    packet
}

const NATS_HELLO: &[u8] =
    b"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"load\",\"version\":\"1\",\"protocol\":1}\r\nPING\r\n";
