//! Messages of one hub to the hubs of all nodes, as bytes that an engine carries.
//!
//! ```text
//! 1 | 1 | close code: 2 bytes | length of the user id: 2 bytes | user id | reason
//! ```
//! The first byte is the version and the second the kind. A node ignores what it does not know, so that nodes of
//! different versions can work together.

use bytes::{BufMut, Bytes};

/// Closes all connections of a user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disconnect {
    pub(crate) user: String,
    pub(crate) code: u16,
    pub(crate) reason: String,
}

impl Disconnect {
    pub(crate) fn encode(&self) -> Bytes {
        let user = &self.user.as_bytes()[..self.user.len().min(usize::from(u16::MAX))];
        let mut bytes = vec![VERSION, DISCONNECT];
        bytes.put_u16(self.code);
        bytes.put_u16(user.len() as u16);
        bytes.put_slice(user);
        bytes.put_slice(self.reason.as_bytes());
        bytes.into()
    }

    /// Returns `None` for a message that this version does not know.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let rest = bytes.strip_prefix(&[VERSION, DISCONNECT])?;
        let (code, rest) = rest.split_first_chunk::<2>()?;
        let (len, rest) = rest.split_first_chunk::<2>()?;
        let (user, reason) = rest.split_at_checked(u16::from_be_bytes(*len).into())?;
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        Some(Self { user: text(user)?, code: u16::from_be_bytes(*code), reason: text(reason)? })
    }
}

const VERSION: u8 = 1;
const DISCONNECT: u8 = 1;

#[cfg(test)]
mod tests {
    use super::Disconnect;

    #[test]
    fn a_control_message_survives_the_way_and_an_unknown_one_is_ignored() {
        let sent = Disconnect { user: "ü42".into(), code: 4501, reason: "banned".into() };
        let bytes = sent.encode();
        assert_eq!(Disconnect::decode(&bytes), Some(sent));
        for end in 0..bytes.len() - "banned".len() {
            assert_eq!(Disconnect::decode(&bytes[..end]), None, "{end} bytes");
        }
        assert_eq!(Disconnect::decode(&[2, 1, 0, 0, 0, 0]), None);
        assert_eq!(Disconnect::decode(&[1, 9, 0, 0, 0, 0]), None);
    }
}
