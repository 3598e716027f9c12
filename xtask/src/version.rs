//! Versions as numbers, compared as far as both are written.

/// `1.85`, `cargo-deny 0.20.2` and `mdbook v0.5.4` are versions: the first word that begins with a digit or a `v` before one
/// counts.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let mut words = text.split_whitespace().map(|word| word.strip_prefix('v').unwrap_or(word));
    let word = words.find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    let mut numbers = [0; 3];
    let plain = word.split(['-', '+']).next()?;
    for (slot, part) in numbers.iter_mut().zip(plain.split('.')) {
        *slot = part.parse().ok()?;
    }
    Some(Version(numbers))
}

/// Major, minor and patch number. A missing number counts as zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u64; 3]);

#[cfg(test)]
#[path = "version_tests.rs"]
mod tests;
