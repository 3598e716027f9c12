//! What clients may do in a channel.

/// What clients may do in the channels of a pattern. What a channel keeps is up to the hub's
/// [`Topic`](silverback_hub::Topic).
///
/// ```
/// use silverback_centrifugo::Channel;
///
/// let chat = Channel::new().publish().history().presence();
/// let news = Channel::new().open();
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Channel {
    pub(crate) is_open: bool,
    pub(crate) may_publish: bool,
    pub(crate) may_read_history: bool,
    pub(crate) may_see_presence: bool,
    pub(crate) joins: Joins,
}

/// Who is told that clients join and leave a channel. Each costs a message to every subscriber, so it is not for large
/// channels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Joins {
    /// Nobody.
    #[default]
    Off,
    /// Subscribers that ask for it.
    Asked,
    /// All subscribers.
    Always,
}

impl Channel {
    /// Subscribing needs a token, and a subscriber may do nothing but listen.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lets every client subscribe without a token. Default: a token is needed, except for channels that name their users
    /// after a `#`, such as `dialog#41,42`.
    #[must_use]
    pub fn open(mut self) -> Self {
        self.is_open = true;
        self
    }

    /// Lets subscribers publish. Default: only the server publishes.
    #[must_use]
    pub fn publish(mut self) -> Self {
        self.may_publish = true;
        self
    }

    /// Lets subscribers read the history. Default: they only recover what they have missed.
    #[must_use]
    pub fn history(mut self) -> Self {
        self.may_read_history = true;
        self
    }

    /// Lets subscribers see who is present. The topic must have presence too. Default: they may not.
    #[must_use]
    pub fn presence(mut self) -> Self {
        self.may_see_presence = true;
        self
    }

    /// Sets who is told about joins and leaves. Default: nobody.
    #[must_use]
    pub fn joins(mut self, joins: Joins) -> Self {
        self.joins = joins;
        self
    }
}

/// The rules by pattern: a name, or a prefix and `*`.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    /// The most specific first.
    rules: Vec<(String, bool, Channel)>,
    otherwise: Channel,
}

impl Channels {
    pub(crate) fn add(&mut self, pattern: &str, channel: Channel) {
        let (text, is_prefix) = pattern.strip_suffix('*').map_or((pattern, false), |prefix| (prefix, true));
        self.rules.retain(|(old, was_prefix, _)| (old.as_str(), *was_prefix) != (text, is_prefix));
        self.rules.push((text.to_owned(), is_prefix, channel));
        self.rules.sort_by_key(|(text, is_prefix, _)| (*is_prefix, std::cmp::Reverse(text.len())));
    }

    pub(crate) fn get(&self, name: &str) -> &Channel {
        let matches = |text: &str, is_prefix: bool| if is_prefix { name.starts_with(text) } else { name == text };
        let rule = self.rules.iter().find(|(text, is_prefix, _)| matches(text, *is_prefix));
        rule.map_or(&self.otherwise, |(_, _, channel)| channel)
    }
}

/// Whether a channel's own name lets a user in: `dialog#41,42`. `None` if it names no users.
pub(crate) fn names_user(channel: &str, user: Option<&str>) -> Option<bool> {
    let (_, users) = channel.rsplit_once('#')?;
    Some(user.is_some_and(|user| users.split(',').any(|one| one == user)))
}

#[cfg(test)]
mod tests {
    use super::{Channel, Channels, names_user};

    #[test]
    fn the_most_specific_pattern_gives_the_rules() {
        let mut channels = Channels::default();
        channels.add("*", Channel::new().open());
        channels.add("chat:*", Channel::new().publish());
        channels.add("chat:admins", Channel::new());
        assert!(channels.get("news").is_open);
        assert!(channels.get("chat:7").may_publish);
        assert_eq!(*channels.get("chat:admins"), Channel::new());
    }

    #[test]
    fn a_channel_that_names_its_users_is_for_them_alone() {
        assert_eq!(names_user("dialog#41,42", Some("42")), Some(true));
        assert_eq!(names_user("dialog#41,42", Some("4")), Some(false));
        assert_eq!(names_user("dialog#41,42", None), Some(false));
        assert_eq!(names_user("#", Some("")), Some(true));
        assert_eq!(names_user("chat", Some("42")), None);
    }
}
