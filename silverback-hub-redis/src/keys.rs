//! The names of keys and channels.
//!
//! The name of a topic stands in braces, so that a cluster keeps everything of a topic together. Braces and percent
//! signs in it are encoded, so that different topics never share a key.

use std::fmt::Write as _;

use silverback_hub::{Label, TopicName};

/// The keys of one topic, and its channel.
#[derive(Clone, Debug)]
pub(crate) struct Keys(String);

impl Keys {
    pub(crate) fn new(prefix: &str, topic: &TopicName) -> Self {
        let mut key = format!("{prefix}:{{");
        for c in topic.as_str().chars() {
            match c {
                '{' | '}' | '%' => _ = write!(key, "%{:02X}", u32::from(c)),
                c => key.push(c),
            }
        }
        key.push('}');
        Self(key)
    }

    /// The channel on which its publications are sent.
    pub(crate) fn channel(&self) -> &str {
        &self.0
    }

    /// A hash with the epoch, the newest offset and the run of the server that wrote it.
    pub(crate) fn position(&self) -> String {
        format!("{}:position", self.0)
    }

    /// A stream with the publications.
    pub(crate) fn history(&self) -> String {
        format!("{}:history", self.0)
    }

    /// A string with the position of the publication with this id.
    pub(crate) fn id(&self, id: &Label) -> String {
        format!("{}:id:{id}", self.0)
    }

    /// A sorted set of members and the times when their leases end.
    pub(crate) fn leases(&self) -> String {
        format!("{}:leases", self.0)
    }

    /// A hash of members and who they are.
    pub(crate) fn members(&self) -> String {
        format!("{}:members", self.0)
    }
}

/// The channel of the messages between hubs. No topic has it, because a topic stands in braces.
pub(crate) fn control(prefix: &str) -> String {
    format!("{prefix}:control")
}

#[cfg(test)]
mod tests {
    use silverback_hub::TopicName;

    use super::Keys;

    #[test]
    fn braces_and_percent_signs_are_encoded_and_nothing_else() {
        let channel = |name| Keys::new("p", &TopicName::new(name).expect("a name")).channel().to_owned();
        assert_eq!(channel("chat:7"), "p:{chat:7}");
        assert_eq!(channel("a b.*>\u{1f980}"), "p:{a b.*>\u{1f980}}");
        assert_eq!(channel("}{%7D"), "p:{%7D%7B%257D}");
    }
}
