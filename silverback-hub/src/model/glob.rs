//! Patterns for questions about names.

/// Returns whether a name matches a pattern, in which `*` stands for any characters and `?` for one.
pub(crate) fn matches(pattern: &str, name: &str) -> bool {
    let (pattern, name): (Vec<char>, Vec<char>) = (pattern.chars().collect(), name.chars().collect());
    let (mut p, mut n) = (0, 0);
    // Where to go on if the rest does not match: after the last `*`, with one more character for it. Going back to the
    // last one is enough, so the time is at most the product of both lengths.
    let mut retry = None;
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                retry = Some((p + 1, n));
                p += 1;
            }
            Some(one) if *one == '?' || *one == name[n] => (p, n) = (p + 1, n + 1),
            _ => {
                let Some((after, from)) = retry else { return false };
                retry = Some((after, from + 1));
                (p, n) = (after, from + 1);
            }
        }
    }
    pattern[p..].iter().all(|rest| *rest == '*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn a_star_is_any_characters_and_a_question_mark_is_one() {
        for (pattern, name, expected) in [
            ("*", "chat:7", true),
            ("chat:*", "chat:7", true),
            ("chat:*", "chat:", true),
            ("chat:*", "news", false),
            ("*:7", "chat:7", true),
            ("c*t:?", "chat:7", true),
            ("c*t:?", "chat:77", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("ü?", "üö", true),
            ("chat", "chat", true),
            ("chat", "chats", false),
            ("", "a", false),
            ("**", "", true),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} and {name}");
        }
        assert!(!matches(&"*a".repeat(100), &"a".repeat(99)));
    }
}
