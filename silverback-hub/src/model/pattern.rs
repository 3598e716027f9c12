//! Patterns that choose the options of a topic by its name.

use std::sync::Arc;

use super::topic::Topic;

/// The options by pattern.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    /// Sorted so that the first match is the most specific one: exact names, then longer prefixes.
    rules: Vec<Rule>,
    otherwise: Arc<Topic>,
}

#[derive(Debug)]
struct Rule {
    text: String,
    is_prefix: bool,
    topic: Arc<Topic>,
}

impl Patterns {
    /// Adds a pattern: an exact name, or a prefix followed by `*`. The same pattern again replaces its options.
    pub(crate) fn add(&mut self, pattern: &str, topic: Topic) {
        let (text, is_prefix) = pattern.strip_suffix('*').map_or((pattern, false), |prefix| (prefix, true));
        self.rules.retain(|rule| (rule.text.as_str(), rule.is_prefix) != (text, is_prefix));
        self.rules.push(Rule { text: text.to_owned(), is_prefix, topic: Arc::new(topic) });
        self.rules.sort_by_key(|rule| (rule.is_prefix, std::cmp::Reverse(rule.text.len())));
    }

    /// Returns the options of the most specific pattern that matches, or the defaults.
    pub(crate) fn options(&self, name: &str) -> &Arc<Topic> {
        self.rules.iter().find(|rule| rule.matches(name)).map_or(&self.otherwise, |rule| &rule.topic)
    }

    /// Returns a pattern that can match no name as it was meant.
    pub(crate) fn invalid(&self) -> Option<String> {
        let is_invalid = |rule: &&Rule| rule.text.contains('*') || (rule.text.is_empty() && !rule.is_prefix);
        let rule = self.rules.iter().find(is_invalid)?;
        Some(if rule.is_prefix { format!("{}*", rule.text) } else { rule.text.clone() })
    }

    /// Returns all options.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Topic> {
        self.rules.iter().map(|rule| &*rule.topic)
    }
}

impl Rule {
    fn matches(&self, name: &str) -> bool {
        if self.is_prefix { name.starts_with(&self.text) } else { name == self.text }
    }
}

#[cfg(test)]
mod tests {
    use super::Patterns;
    use crate::model::topic::{Slow, Topic};

    #[test]
    fn the_most_specific_pattern_chooses_the_options_whatever_the_order() {
        let mut patterns = Patterns::default();
        patterns.add("*", Topic::new().when_slow(Slow::DropNewest));
        patterns.add("chat:7", Topic::new().when_slow(Slow::Disconnect(4007)));
        patterns.add("chat:*", Topic::new().when_slow(Slow::DropOldest));
        patterns.add("chat:public:*", Topic::new().when_slow(Slow::Conflate));
        for (name, slow) in [
            ("other", Slow::DropNewest),
            ("chat:7", Slow::Disconnect(4007)),
            ("chat:70", Slow::DropOldest),
            ("chat:public:1", Slow::Conflate),
        ] {
            assert_eq!(patterns.options(name).slow(), slow, "{name}");
        }
    }

    #[test]
    fn a_star_stands_at_the_end_only() {
        for (pattern, is_valid) in [("*", true), ("a*", true), ("a", true), ("", false), ("a*b", false), ("a**", false)]
        {
            let mut patterns = Patterns::default();
            patterns.add(pattern, Topic::new());
            assert_eq!(patterns.invalid(), (!is_valid).then(|| pattern.to_owned()));
        }
    }

    #[test]
    fn a_name_without_a_pattern_has_the_default_options() {
        assert_eq!(**Patterns::default().options("any"), Topic::new());
    }
}
