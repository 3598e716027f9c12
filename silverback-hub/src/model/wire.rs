//! Publications and identities as bytes, for engines that send them through a broker.
//!
//! ```text
//! publication: 1 | flags | id: length, bytes | key: length, bytes | except: 16 bytes
//!                | publisher: 16 bytes, length, identity | extra: length, bytes | payload
//! identity:    1 | flags | user: length, bytes | info
//! ```
//! The length of an identity and of the extra bytes has 4 bytes, that of a user id 2, and any other length 1. A field is there if its flag is set. The first byte is the
//! version. A node that finds another version or an unknown flag reports an error instead of a guess. The topic and the
//! position are not included, because the broker has them.

use std::{fmt, str::FromStr, sync::Arc};

use bytes::{Buf as _, BufMut as _, Bytes};
use silverback::{Message, Text};

use super::{
    identity::{Identity, MemberId, Present},
    name::{Label, TopicName},
    publication::Publication,
};

/// Bytes that are not what they should be: from another version, or from something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecodeError;

impl Publication {
    /// Encodes everything but the topic and the position, for a broker. The publisher's user id is left out if it has
    /// more than 64 KiB. No hub accepts such an id by default.
    pub fn to_bytes(&self) -> Bytes {
        let flags = [
            (self.message.is_text(), TEXT),
            (self.id.is_some(), ID),
            (self.key.is_some(), KEY),
            (self.except.is_some(), EXCEPT),
            (self.publisher.is_some(), PUBLISHER),
            (!self.extra.is_empty(), EXTRA),
        ];
        let flags = flags.into_iter().filter(|(is_set, _)| *is_set).fold(0, |flags, (_, flag)| flags | flag);
        let mut bytes = Vec::with_capacity(self.message.len() + 64);
        bytes.extend([VERSION, flags]);
        for label in [&self.id, &self.key].into_iter().flatten() {
            // A label has at most 128 bytes.
            bytes.put_u8(label.as_str().len() as u8);
            bytes.put_slice(label.as_str().as_bytes());
        }
        if let Some(except) = self.except {
            put_member(&mut bytes, except);
        }
        if let Some(publisher) = &self.publisher {
            let identity = publisher.identity.to_bytes();
            put_member(&mut bytes, publisher.member);
            // A message has less than 4 GiB, and no hub accepts an identity that has more.
            bytes.put_u32(identity.len() as u32);
            bytes.put_slice(&identity);
        }
        if !self.extra.is_empty() {
            bytes.put_u32(self.extra.len() as u32);
            bytes.put_slice(&self.extra);
        }
        bytes.put_slice(self.message.as_bytes());
        bytes.into()
    }

    /// Decodes a publication of this topic, without a position. The payload is not copied.
    ///
    /// # Errors
    /// Fails if [`to_bytes`](Self::to_bytes) of this version did not make the bytes.
    pub fn from_bytes(topic: TopicName, bytes: Bytes) -> Result<Self, DecodeError> {
        let mut bytes = bytes;
        let flags = header(&mut bytes, TEXT | ID | KEY | EXCEPT | PUBLISHER | EXTRA)?;
        let id = field(flags, ID, || label(&mut bytes))?;
        let key = field(flags, KEY, || label(&mut bytes))?;
        let except = field(flags, EXCEPT, || get_member(&mut bytes))?;
        let publisher = field(flags, PUBLISHER, || {
            let member = get_member(&mut bytes)?;
            Ok(Arc::new(Present::new(member, Identity::from_bytes(long(&mut bytes)?)?)))
        })?;
        // There is one way to write that there is nothing.
        let extra = field(flags, EXTRA, || {
            long(&mut bytes).and_then(|extra| (!extra.is_empty()).then_some(extra).ok_or(DecodeError))
        })?;
        let message = if flags & TEXT > 0 {
            Message::Text(Text::try_from(bytes).map_err(|_| DecodeError)?)
        } else {
            Message::Binary(bytes)
        };
        let publication =
            Self { id, key, except, publisher, extra: extra.unwrap_or_default(), ..Self::new(topic, message) };
        Ok(publication)
    }
}

impl Identity {
    /// Encodes an identity, for a broker that keeps presence. A user id of more than 64 KiB is left out. No hub accepts
    /// one by default.
    pub fn to_bytes(&self) -> Bytes {
        let user = self.user_id().and_then(|user| Some((u16::try_from(user.len()).ok()?, user)));
        let mut bytes = vec![VERSION, if user.is_some() { USER } else { 0 }];
        if let Some((len, user)) = user {
            bytes.put_u16(len);
            bytes.put_slice(user.as_bytes());
        }
        bytes.put_slice(self.info_bytes());
        bytes.into()
    }

    /// Decodes an identity.
    ///
    /// # Errors
    /// Fails if [`to_bytes`](Self::to_bytes) of this version did not make the bytes.
    pub fn from_bytes(bytes: Bytes) -> Result<Self, DecodeError> {
        let mut bytes = bytes;
        let flags = header(&mut bytes, USER)?;
        let user = field(flags, USER, || user(&mut bytes))?;
        Ok(user.map_or_else(Self::anonymous, Self::user).info(bytes))
    }
}

/// Reads what `Display` writes.
impl FromStr for MemberId {
    type Err = DecodeError;

    fn from_str(text: &str) -> Result<Self, DecodeError> {
        let (node, number) = text.split_once('-').ok_or(DecodeError)?;
        let parse = |digits: &str| u64::from_str_radix(digits, 16).map_err(|_| DecodeError);
        let id = Self::new(parse(node)?, parse(number)?);
        // There is one way to write an id, so that ids can be compared as text.
        if id.to_string() == text { Ok(id) } else { Err(DecodeError) }
    }
}

pub(crate) fn put_member(bytes: &mut Vec<u8>, member: MemberId) {
    bytes.put_u64(member.node());
    bytes.put_u64(member.number());
}

pub(crate) fn get_member(bytes: &mut Bytes) -> Result<MemberId, DecodeError> {
    let node = bytes.try_get_u64().map_err(|_| DecodeError)?;
    Ok(MemberId::new(node, bytes.try_get_u64().map_err(|_| DecodeError)?))
}

/// Reads bytes after a length of 4 bytes.
fn long(bytes: &mut Bytes) -> Result<Bytes, DecodeError> {
    let len = bytes.try_get_u32().map_err(|_| DecodeError)? as usize;
    if bytes.len() < len { Err(DecodeError) } else { Ok(bytes.split_to(len)) }
}

fn header(bytes: &mut Bytes, known: u8) -> Result<u8, DecodeError> {
    let (version, flags) = (byte(bytes)?, byte(bytes)?);
    if version == VERSION && flags & !known == 0 { Ok(flags) } else { Err(DecodeError) }
}

fn field<T>(flags: u8, flag: u8, read: impl FnOnce() -> Result<T, DecodeError>) -> Result<Option<T>, DecodeError> {
    if flags & flag > 0 { read().map(Some) } else { Ok(None) }
}

fn label(bytes: &mut Bytes) -> Result<Label, DecodeError> {
    let len = byte(bytes)?;
    Label::new(text(bytes, len.into())?.as_ref()).map_err(|_| DecodeError)
}

fn user(bytes: &mut Bytes) -> Result<Arc<str>, DecodeError> {
    let len = bytes.try_get_u16().map_err(|_| DecodeError)?;
    Ok(text(bytes, len.into())?.into())
}

fn text(bytes: &mut Bytes, len: usize) -> Result<String, DecodeError> {
    if bytes.len() < len {
        return Err(DecodeError);
    }
    String::from_utf8(bytes.split_to(len).into()).map_err(|_| DecodeError)
}

fn byte(bytes: &mut Bytes) -> Result<u8, DecodeError> {
    bytes.try_get_u8().map_err(|_| DecodeError)
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the bytes are not from a hub of this version")
    }
}

impl std::error::Error for DecodeError {}

const VERSION: u8 = 1;
const TEXT: u8 = 1;
const ID: u8 = 2;
const KEY: u8 = 4;
const EXCEPT: u8 = 8;
const PUBLISHER: u8 = 16;
const EXTRA: u8 = 32;
const USER: u8 = 1;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{DecodeError, Identity, Label, MemberId, Present, Publication, TopicName};

    fn topic() -> TopicName {
        TopicName::new("t").unwrap()
    }

    proptest! {
        #[test]
        fn publications_identities_and_ids_survive_the_way(
            text in prop::option::of(".{0,20}"),
            binary in prop::collection::vec(any::<u8>(), 0..20),
            [id, key] in [prop::option::of("[^\\p{Cc}]{1,20}"), prop::option::of("[^\\p{Cc}]{1,20}")],
            except in prop::option::of((any::<u64>(), any::<u64>())),
            user in prop::option::of(".{0,20}"),
        ) {
            let message = text.map_or_else(|| binary.clone().into(), silverback::Message::from);
            let mut publication = Publication::new(topic(), message);
            publication.id = id.map(|id| Label::new(&id).unwrap());
            publication.key = key.map(|key| Label::new(&key).unwrap());
            publication.except = except.map(|(node, number)| MemberId::new(node, number));
            let identity = user.map_or_else(Identity::anonymous, Identity::user).info(binary);
            publication.publisher = except.map(|_| Present::new(MemberId::new(1, 2), identity.clone()).into());
            publication.extra = identity.info_bytes().clone();
            prop_assert_eq!(Publication::from_bytes(topic(), publication.to_bytes()), Ok(publication));

            prop_assert_eq!(Identity::from_bytes(identity.to_bytes()), Ok(identity));

            if let Some((node, number)) = except {
                let id = MemberId::new(node, number);
                prop_assert_eq!(id.to_string().parse(), Ok(id));
            }
        }

        #[test]
        fn other_bytes_are_an_error_or_mean_the_same_again(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            // The right version, more often than by chance.
            for bytes in [bytes.clone(), [&[1, bytes.len() as u8 % 64], &bytes[..]].concat()] {
                if let Ok(publication) = Publication::from_bytes(topic(), bytes.clone().into()) {
                    prop_assert_eq!(&publication.to_bytes()[..], &bytes[..]);
                }
                if let Ok(identity) = Identity::from_bytes(bytes.clone().into()) {
                    prop_assert_eq!(&identity.to_bytes()[..], &bytes[..]);
                }
            }
        }
    }

    #[test]
    fn another_version_an_unknown_flag_and_a_cut_are_errors() {
        let mut publication = Publication::new(topic(), "x");
        publication.id = Some(Label::new("order-17").unwrap());
        let bytes = publication.to_bytes();
        for end in 0..bytes.len() - 1 {
            assert_eq!(Publication::from_bytes(topic(), bytes.slice(..end)), Err(DecodeError), "{end} bytes");
        }
        for (place, value) in [(0, 2), (1, 0xff)] {
            let mut changed = bytes.to_vec();
            changed[place] = value;
            assert_eq!(Publication::from_bytes(topic(), changed.into()), Err(DecodeError));
        }
        for text in ["", "1", "-", "1-2", "000000000000000g-1", "0000000000000001-+1"] {
            assert_eq!(text.parse::<MemberId>(), Err(DecodeError), "{text}");
        }
        assert_eq!(Identity::from_bytes(Bytes::new()), Err(DecodeError));
    }
}
