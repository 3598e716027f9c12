//! SETTINGS (RFC 9114, 7.2.4; RFC 9204, 5; RFC 9220, 3): both directions.

use super::{
    error::{Error, SettingsFault},
    frame::{FrameHeader, FrameType},
    limits::Limits,
    qpack::FieldSection,
    stream_type::StreamType,
    varint,
};

/// The settings of an endpoint, as far as they matter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Settings {
    /// SETTINGS_ENABLE_CONNECT_PROTOCOL: the server accepts extended CONNECT, and so WebSocket (RFC 9220, 3). A client
    /// must wait for it. Default: off.
    pub enable_connect_protocol: bool,
    /// SETTINGS_MAX_FIELD_SECTION_SIZE: the largest field section that the endpoint accepts, in bytes. Default: none,
    /// which means no limit.
    pub max_field_section_size: Option<u64>,
}

impl Settings {
    /// Creates the settings of a server, which accepts extended CONNECT.
    pub const fn server(limits: &Limits) -> Self {
        Self { enable_connect_protocol: true, max_field_section_size: Some(limits.field_section) }
    }

    /// Creates the settings of a client.
    pub const fn client(limits: &Limits) -> Self {
        Self { enable_connect_protocol: false, max_field_section_size: Some(limits.field_section) }
    }

    /// Whether the peer with these settings accepts a section of this size (4.2.2). A larger one should not be sent.
    pub fn accepts(&self, section: &FieldSection) -> bool {
        self.max_field_section_size.is_none_or(|limit| section.size() <= limit)
    }

    /// Returns the first bytes of our control stream: its type and the SETTINGS frame. The stream must stay open as long
    /// as the connection (6.2.1).
    ///
    /// ```
    /// use silverback_proto::h3::{Limits, Settings};
    /// let bytes = Settings::server(&Limits::default()).control_stream();
    /// assert_eq!(bytes, [0x00, 0x04, 0x07, 0x06, 0x80, 0x00, 0x40, 0x00, 0x08, 0x01]);
    /// ```
    pub fn control_stream(&self) -> Vec<u8> {
        let mut payload = Vec::new();
        if let Some(size) = self.max_field_section_size {
            varint::encode(MAX_FIELD_SECTION_SIZE, &mut payload);
            varint::encode(size, &mut payload);
        }
        // QPACK_MAX_TABLE_CAPACITY and QPACK_BLOCKED_STREAMS are 0 if they are left out (RFC 9204, 5).
        if self.enable_connect_protocol {
            varint::encode(ENABLE_CONNECT_PROTOCOL, &mut payload);
            varint::encode(1, &mut payload);
        }
        let mut bytes = Vec::new();
        varint::encode(StreamType::CONTROL.number(), &mut bytes);
        let header = FrameHeader { frame_type: FrameType::SETTINGS, payload_len: payload.len() as u64 };
        bytes.extend_from_slice(&header.encode());
        bytes.append(&mut payload);
        bytes
    }

    /// Reads the payload of a SETTINGS frame. Unknown settings are ignored, as are those of QPACK's dynamic table and
    /// of datagrams, which we do not use.
    pub(super) fn decode(payload: &[u8]) -> Result<Self, Error> {
        let mut settings = Self::default();
        let mut seen = Vec::new();
        let mut rest = payload;
        while !rest.is_empty() {
            let (identifier, value) = next_setting(&mut rest).ok_or(Error::MalformedFrame(FrameType::SETTINGS))?;
            seen.push(identifier);
            match identifier {
                MAX_FIELD_SECTION_SIZE => settings.max_field_section_size = Some(value),
                ENABLE_CONNECT_PROTOCOL => {
                    settings.enable_connect_protocol = match value {
                        0 => false,
                        1 => true,
                        _ => return Err(SettingsFault::NotABoolean { identifier, value }.into()),
                    }
                }
                // 7.2.4.1: ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE and MAX_FRAME_SIZE of HTTP/2.
                0x2..=0x5 => return Err(SettingsFault::Http2(identifier).into()),
                _ => {}
            }
        }
        seen.sort_unstable();
        match seen.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(SettingsFault::Duplicate(pair[0]).into()),
            None => Ok(settings),
        }
    }
}

fn next_setting(rest: &mut &[u8]) -> Option<(u64, u64)> {
    let (identifier, identifier_len) = varint::decode(rest)?;
    let (value, value_len) = varint::decode(&rest[identifier_len..])?;
    *rest = &rest[identifier_len + value_len..];
    Some((identifier, value))
}

const MAX_FIELD_SECTION_SIZE: u64 = 0x6;
const ENABLE_CONNECT_PROTOCOL: u64 = 0x8;
