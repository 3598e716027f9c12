//! Versions as numbers, compared as far as both are written.

/// `1.85` and `cargo-deny 0.20.2` are both versions: the first word that begins with a digit counts.
pub(crate) fn parse(text: &str) -> Option<Version> {
    let word = text.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
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
