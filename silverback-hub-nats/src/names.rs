//! The subjects and streams on the broker.
//!
//! | subject | carries |
//! |---|---|
//! | `PREFIX.t.TOPIC` | publications to the nodes: sent directly, or republished by a stream |
//! | `PREFIX.h.SETTING.TOPIC` | publications to the stream of topics with this setting of history |
//! | `PREFIX.o.TOPIC` | publications with an id in topics without history, to the stream that knows the ids |
//! | `PREFIX.p.TOPIC.MEMBER` | who is present |
//! | `PREFIX.c` | messages between hubs |
//! | `PREFIX.r.NODE.NUMBER` | replies to one node |

use std::{fmt::Write as _, sync::Arc, time::Duration};

use silverback_hub::{HistoryLimits, MemberId, TopicName};

/// Makes the names of one hub.
#[derive(Clone, Debug)]
pub(crate) struct Names {
    prefix: Arc<str>,
}

/// What a stream is for. Each has one stream, and so one epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// The history of the topics with these limits.
    History { size: usize, age: Duration },
    /// The ids of publications in topics without history.
    Ids,
    /// Who is present.
    Presence,
}

impl Names {
    /// `prefix` has letters, digits, `-` and `_` only.
    pub(crate) fn new(prefix: &str) -> Self {
        Self { prefix: prefix.into() }
    }

    /// Where the nodes get the publications of a topic.
    pub(crate) fn topic(&self, name: &TopicName) -> String {
        format!("{}.t.{}", self.prefix, token(name.as_str()))
    }

    /// Where streams republish to.
    pub(crate) fn topics(&self) -> String {
        format!("{}.t.>", self.prefix)
    }

    /// Where a publication is sent so that a stream stores it.
    pub(crate) fn stored(&self, purpose: Purpose, name: &TopicName) -> String {
        format!("{}.{}", self.root(purpose), token(name.as_str()))
    }

    /// Where a member's presence in a topic is.
    pub(crate) fn member(&self, name: &TopicName, member: MemberId) -> String {
        format!("{}.{}.{member}", self.root(Purpose::Presence), token(name.as_str()))
    }

    /// All members of a topic.
    pub(crate) fn members(&self, name: &TopicName) -> String {
        format!("{}.{}.*", self.root(Purpose::Presence), token(name.as_str()))
    }

    /// The subjects of a stream.
    pub(crate) fn all(&self, purpose: Purpose) -> String {
        format!("{}.>", self.root(purpose))
    }

    /// Where hubs talk to each other.
    pub(crate) fn control(&self) -> String {
        format!("{}.c", self.prefix)
    }

    /// Where a node gets replies, without the last token.
    pub(crate) fn replies(&self, node: &str) -> String {
        format!("{}.r.{node}", self.prefix)
    }

    /// A name for a new stream. `epoch` was never used before.
    pub(crate) fn stream(&self, purpose: Purpose, epoch: &str) -> String {
        let purpose = match purpose {
            Purpose::History { size, age } => format!("history-{size}x{}", age.as_millis()),
            Purpose::Ids => "ids".to_owned(),
            Purpose::Presence => "presence".to_owned(),
        };
        format!("{}-{purpose}-{epoch}", self.prefix)
    }

    fn root(&self, purpose: Purpose) -> String {
        match purpose {
            Purpose::History { size, age } => format!("{}.h.{size}x{}", self.prefix, age.as_millis()),
            Purpose::Ids => format!("{}.o", self.prefix),
            Purpose::Presence => format!("{}.p", self.prefix),
        }
    }
}

impl From<HistoryLimits> for Purpose {
    fn from(limits: HistoryLimits) -> Self {
        Self::History { size: limits.size, age: limits.age }
    }
}

/// Returns the epoch in the name of a stream: its last part, or all of it if an operator has named the stream.
pub(crate) fn epoch_of(stream: &str) -> &str {
    stream.rsplit_once('-').map_or(stream, |(_, epoch)| epoch)
}

/// Returns whether a text can be the first part of subjects and of streams' names.
pub(crate) fn is_prefix(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=MAX_PREFIX).contains(&text.len()) && text.bytes().all(is_plain)
}

/// Writes a topic's name as one token of a subject. Everything that has a meaning in subjects, and everything outside
/// of ASCII, becomes `%` and two hex digits.
pub(crate) fn token(name: &str) -> String {
    let mut token = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_graphic() && !matches!(byte, b'.' | b'*' | b'>' | b'%' | b'$') {
            token.push(byte.into());
        } else {
            // Writing to a string does not fail.
            let _ = write!(token, "%{byte:02X}");
        }
    }
    token
}

/// Long enough for a name, and short enough for a subject with the longest topic.
pub(crate) const MAX_PREFIX: usize = 32;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use silverback_hub::TopicName;

    use super::{Names, epoch_of, is_prefix, token};

    #[test]
    fn topic_names_with_a_space_a_dot_a_star_or_an_arrow_are_one_token() {
        for (name, expected) in [
            ("chat:7", "chat:7"),
            ("a b", "a%20b"),
            ("a.b", "a%2Eb"),
            ("*", "%2A"),
            (">", "%3E"),
            ("100%", "100%25"),
            ("$SYS", "%24SYS"),
            ("ü", "%C3%BC"),
        ] {
            assert_eq!(token(name), expected);
        }
    }

    #[test]
    fn the_longest_name_fits_into_a_line_of_the_protocol() {
        let name = TopicName::new(&"ü".repeat(127)).expect("a name of 254 bytes");
        // nats-server takes lines of 4,096 bytes.
        assert!(Names::new(&"p".repeat(super::MAX_PREFIX)).topic(&name).len() < 1024);
    }

    #[test]
    fn the_epoch_is_the_last_part_of_a_streams_name() {
        assert_eq!(epoch_of("hub-history-100x300000-0a1b"), "0a1b");
        assert_eq!(epoch_of("MINE"), "MINE");
        assert!(is_prefix("my_hub-2") && !is_prefix("") && !is_prefix("a.b") && !is_prefix(&"a".repeat(33)));
    }

    proptest! {
        #[test]
        fn different_names_are_different_tokens(names in prop::collection::hash_set("[^\\p{Cc}]{1,6}", 1..20)) {
            let tokens: HashSet<_> = names.iter().map(|name| token(name)).collect();
            prop_assert_eq!(tokens.len(), names.len());
            for token in tokens {
                prop_assert!(token.bytes().all(|b| b.is_ascii_graphic() && !matches!(b, b'.' | b'*' | b'>')));
            }
        }
    }
}
