//! Messages of one hub to the hubs of all nodes, as bytes that an engine carries.
//!
//! ```text
//! 1 | kind | body
//!
//! kind 1  close        target | code: 2 bytes | reason
//!      2  subscribe    target | topic
//!      3  unsubscribe  target | topic
//!      4  notice       target | bytes
//!      5  hello        node: 8 bytes
//!      6  goodbye      node: 8 bytes
//!      7  ask          node: 8 bytes | number: 8 bytes | 1
//!                                                      | 2 | limit: 4 bytes | pattern
//!      8  answer       node that asked: 8 bytes | number: 8 bytes | node: 8 bytes | part
//! part: 1 | uptime in seconds: 8 bytes | users: 8 bytes | count: 1 byte, counters: 8 bytes each | name
//!       2 | is it the last: 1 byte | is it cut: 1 byte | (count: 8 bytes | length: 1 byte, topic) repeated
//! target: flags | user: length of 4 bytes, bytes | member: 16 bytes | count: 4 bytes, members to leave out
//! ```
//! The first byte is the version. A node ignores what it does not know, so that nodes of different versions can work
//! together.

use std::{sync::Arc, time::Duration};

use bytes::{Buf as _, BufMut as _, Bytes};

use crate::model::{
    event::Counters,
    name::TopicName,
    survey::NodeReport,
    target::Target,
    wire::{get_member, put_member},
};

/// A message to all nodes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Control {
    /// Acts on members.
    Order(Arc<Target>, Order),
    /// A node lives.
    Hello(u64),
    /// A node ends.
    Goodbye(u64),
    /// A node asks all nodes, with a number that the answers repeat.
    Ask { node: u64, number: u64, question: Question },
    /// The answer of a node to one of them.
    Answer { asker: u64, number: u64, node: u64, part: Part },
}

/// What is done with members.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Order {
    Close { code: u16, reason: Arc<str> },
    Subscribe(TopicName),
    Unsubscribe(TopicName),
    Notice(Bytes),
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Question {
    Report,
    /// At most `limit` topics that match the pattern.
    Topics {
        limit: u32,
        pattern: String,
    },
}

/// A part of an answer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    Report(NodeReport),
    Topics { topics: Vec<(TopicName, u64)>, is_last: bool, is_cut: bool },
}

impl Part {
    pub(crate) fn is_last(&self) -> bool {
        !matches!(self, Self::Topics { is_last: false, .. })
    }
}

impl Control {
    pub(crate) fn encode(&self) -> Bytes {
        let mut bytes = vec![VERSION];
        match self {
            Self::Order(target, order) => {
                let (kind, body): (u8, &[u8]) = match order {
                    Order::Close { reason, .. } => (CLOSE, reason.as_bytes()),
                    Order::Subscribe(name) => (SUBSCRIBE, name.as_str().as_bytes()),
                    Order::Unsubscribe(name) => (UNSUBSCRIBE, name.as_str().as_bytes()),
                    Order::Notice(notice) => (NOTICE, notice),
                };
                bytes.put_u8(kind);
                put_target(&mut bytes, target);
                if let Order::Close { code, .. } = order {
                    bytes.put_u16(*code);
                }
                bytes.put_slice(body);
            }
            Self::Hello(node) => {
                bytes.put_u8(HELLO);
                bytes.put_u64(*node);
            }
            Self::Goodbye(node) => {
                bytes.put_u8(GOODBYE);
                bytes.put_u64(*node);
            }
            Self::Ask { node, number, question } => {
                bytes.put_u8(ASK);
                bytes.put_u64(*node);
                bytes.put_u64(*number);
                match question {
                    Question::Report => bytes.put_u8(REPORT),
                    Question::Topics { limit, pattern } => {
                        bytes.put_u8(TOPICS);
                        bytes.put_u32(*limit);
                        bytes.put_slice(pattern.as_bytes());
                    }
                }
            }
            Self::Answer { asker, number, node, part } => {
                bytes.put_u8(ANSWER);
                bytes.put_u64(*asker);
                bytes.put_u64(*number);
                bytes.put_u64(*node);
                put_part(&mut bytes, part);
            }
        }
        bytes.into()
    }

    /// Returns `None` for a message that this version does not know.
    pub(crate) fn decode(mut bytes: Bytes) -> Option<Self> {
        if bytes.try_get_u8().ok()? != VERSION {
            return None;
        }
        let kind = bytes.try_get_u8().ok()?;
        Some(match kind {
            CLOSE | SUBSCRIBE | UNSUBSCRIBE | NOTICE => {
                let target = get_target(&mut bytes)?;
                let order = match kind {
                    CLOSE => Order::Close { code: bytes.try_get_u16().ok()?, reason: text(&bytes)?.into() },
                    SUBSCRIBE => Order::Subscribe(TopicName::new(text(&bytes)?).ok()?),
                    UNSUBSCRIBE => Order::Unsubscribe(TopicName::new(text(&bytes)?).ok()?),
                    _ => Order::Notice(bytes),
                };
                Self::Order(Arc::new(target), order)
            }
            HELLO => Self::Hello(number(&mut bytes)?),
            GOODBYE => Self::Goodbye(number(&mut bytes)?),
            ASK => {
                let (node, number) = (number(&mut bytes)?, number(&mut bytes)?);
                let question = match bytes.try_get_u8().ok()? {
                    REPORT => Question::Report,
                    TOPICS => {
                        let limit = bytes.try_get_u32().ok()?;
                        Question::Topics { limit, pattern: text(&bytes)?.to_owned() }
                    }
                    _ => return None,
                };
                Self::Ask { node, number, question }
            }
            ANSWER => {
                let (asker, request, node) = (number(&mut bytes)?, number(&mut bytes)?, number(&mut bytes)?);
                Self::Answer { asker, number: request, node, part: get_part(node, bytes)? }
            }
            _ => return None,
        })
    }
}

fn put_target(bytes: &mut Vec<u8>, target: &Target) {
    let Target { user, member, except } = target;
    bytes.put_u8(u8::from(user.is_some()) * HAS_USER + u8::from(member.is_some()) * HAS_MEMBER);
    if let Some(user) = user {
        // No control message has 4 GiB.
        bytes.put_u32(user.len() as u32);
        bytes.put_slice(user.as_bytes());
    }
    if let Some(member) = member {
        put_member(bytes, *member);
    }
    bytes.put_u32(except.len() as u32);
    except.iter().for_each(|member| put_member(bytes, *member));
}

fn get_target(bytes: &mut Bytes) -> Option<Target> {
    let flags = bytes.try_get_u8().ok()?;
    // Without the flags that it knows, an order would be for everybody.
    if flags & !(HAS_USER | HAS_MEMBER) != 0 || flags == 0 {
        return None;
    }
    let user = if flags & HAS_USER > 0 {
        let len = bytes.try_get_u32().ok()? as usize;
        Some(text(&take(bytes, len)?)?.to_owned())
    } else {
        None
    };
    let member = if flags & HAS_MEMBER > 0 { Some(get_member(bytes).ok()?) } else { None };
    let count = bytes.try_get_u32().ok()? as usize;
    let mut except = Vec::new();
    for _ in 0..count {
        except.push(get_member(bytes).ok()?);
    }
    Some(Target { user, member, except })
}

fn put_part(bytes: &mut Vec<u8>, part: &Part) {
    match part {
        Part::Report(NodeReport { uptime, users, counters, name, .. }) => {
            bytes.put_u8(REPORT);
            bytes.put_u64(uptime.as_secs());
            bytes.put_u64(*users);
            let mut counters = *counters;
            let values = fields(&mut counters);
            bytes.put_u8(values.len() as u8);
            values.iter().for_each(|value| bytes.put_u64(**value));
            bytes.put_slice(name.as_bytes());
        }
        Part::Topics { topics, is_last, is_cut } => {
            bytes.extend([TOPICS, u8::from(*is_last), u8::from(*is_cut)]);
            for (name, count) in topics {
                bytes.put_u64(*count);
                // A name has at most 255 bytes.
                bytes.put_u8(name.as_str().len() as u8);
                bytes.put_slice(name.as_str().as_bytes());
            }
        }
    }
}

fn get_part(node: u64, mut bytes: Bytes) -> Option<Part> {
    match bytes.try_get_u8().ok()? {
        REPORT => {
            let (uptime, users) = (Duration::from_secs(number(&mut bytes)?), number(&mut bytes)?);
            let count = bytes.try_get_u8().ok()?;
            let mut counters = Counters::default();
            // A newer version may have more of them, and an older one fewer.
            let values = (0..count).map(|_| number(&mut bytes)).collect::<Option<Vec<_>>>()?;
            fields(&mut counters).into_iter().zip(values).for_each(|(field, value)| *field = value);
            Some(Part::Report(NodeReport { node, name: text(&bytes)?.to_owned(), uptime, users, counters }))
        }
        TOPICS => {
            let (is_last, is_cut) = (bytes.try_get_u8().ok()? != 0, bytes.try_get_u8().ok()? != 0);
            let mut topics = Vec::new();
            while !bytes.is_empty() {
                let count = number(&mut bytes)?;
                let len = bytes.try_get_u8().ok()?;
                topics.push((TopicName::new(text(&take(&mut bytes, len.into())?)?).ok()?, count));
            }
            Some(Part::Topics { topics, is_last, is_cut })
        }
        _ => None,
    }
}

/// The counters in the order of the wire. New ones go to the end.
fn fields(counters: &mut Counters) -> [&mut u64; 13] {
    let Counters {
        members,
        topics,
        subscriptions,
        backlog_bytes,
        published,
        delivered,
        duplicates,
        gaps,
        incomplete,
        disconnected,
        dropped_newest,
        dropped_oldest,
        conflated,
    } = counters;
    [
        members,
        topics,
        subscriptions,
        backlog_bytes,
        published,
        delivered,
        duplicates,
        gaps,
        incomplete,
        disconnected,
        dropped_newest,
        dropped_oldest,
        conflated,
    ]
}

fn number(bytes: &mut Bytes) -> Option<u64> {
    bytes.try_get_u64().ok()
}

fn take(bytes: &mut Bytes, len: usize) -> Option<Bytes> {
    (bytes.len() >= len).then(|| bytes.split_to(len))
}

fn text(bytes: &Bytes) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

const VERSION: u8 = 1;
const CLOSE: u8 = 1;
const SUBSCRIBE: u8 = 2;
const UNSUBSCRIBE: u8 = 3;
const NOTICE: u8 = 4;
const HELLO: u8 = 5;
const GOODBYE: u8 = 6;
const ASK: u8 = 7;
const ANSWER: u8 = 8;
/// Of questions and of answers.
const REPORT: u8 = 1;
const TOPICS: u8 = 2;
const HAS_USER: u8 = 1;
const HAS_MEMBER: u8 = 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use proptest::prelude::*;

    use super::{Control, Counters, NodeReport, Order, Part, Question, TopicName, fields};
    use crate::model::{identity::MemberId, target::Target};

    fn some() -> Vec<Control> {
        let topic = |name| TopicName::new(name).unwrap();
        let (one, two) = (MemberId::new(7, 1), MemberId::new(u64::MAX, 2));
        let mut counters = Counters::default();
        fields(&mut counters).into_iter().zip(1..).for_each(|(field, value)| *field = value);
        let uptime = Duration::from_secs(3);
        let report = NodeReport { node: 9, name: "ü".into(), uptime, users: 4, counters };
        let topics = |topics| Part::Topics { topics, is_last: false, is_cut: true };
        let answer = |part| Control::Answer { asker: 1, number: 2, node: 9, part };
        let order = |target, order| Control::Order(std::sync::Arc::new(target), order);
        vec![
            order(Target::user("ü42").except([one, two]), Order::Close { code: 4501, reason: "banned".into() }),
            order(Target::member(one), Order::Subscribe(topic("t"))),
            order(Target::user("").only(two), Order::Unsubscribe(topic("t"))),
            order(Target::user("u"), Order::Notice(Bytes::from_static(&[0, 255]))),
            Control::Hello(1),
            Control::Goodbye(u64::MAX),
            Control::Ask { node: 1, number: 2, question: Question::Report },
            Control::Ask { node: 1, number: 2, question: Question::Topics { limit: 3, pattern: "chat:*".into() } },
            answer(Part::Report(report)),
            answer(topics(vec![(topic("a"), 1), (topic("b"), u64::MAX)])),
            answer(topics(Vec::new())),
        ]
    }

    #[test]
    fn a_control_message_survives_the_way() {
        for sent in some() {
            assert_eq!(Control::decode(sent.encode()), Some(sent));
        }
    }

    #[test]
    fn an_unknown_version_kind_or_target_is_ignored() {
        let bytes = some()[0].encode();
        // Version, kind, and the flags of the target.
        for (place, value) in [(0, 2), (1, 99), (2, 0), (2, 4), (2, 5)] {
            let mut changed = bytes.to_vec();
            changed[place] = value;
            assert_eq!(Control::decode(changed.into()), None, "{value} at {place}");
        }
        assert_eq!(Control::decode(Bytes::new()), None);
    }

    proptest! {
        #[test]
        fn a_changed_or_cut_control_message_is_ignored_or_another_one(
            which in 0_usize..11, cut in any::<prop::sample::Index>(), place in any::<prop::sample::Index>(),
            value in any::<u8>(),
        ) {
            let mut bytes = some()[which].encode().to_vec();
            let place = place.index(bytes.len());
            bytes[place] = value;
            bytes.truncate(cut.index(bytes.len()) + 1);
            if let Some(read) = Control::decode(bytes.into()) {
                prop_assert_eq!(Control::decode(read.encode()), Some(read));
            }
        }
    }
}
