//! A problem that `check` found, and advice.

/// A problem in plain words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Diagnosis {
    /// The cause for programs: one word that does not change.
    pub(super) cause: &'static str,
    pub(super) meaning: String,
    /// Advice, the most likely first.
    pub(super) advice: Vec<String>,
}

impl Diagnosis {
    pub(super) fn new(cause: &'static str, meaning: impl Into<String>) -> Self {
        Self { cause, meaning: meaning.into(), advice: Vec::new() }
    }

    /// Adds advice.
    pub(super) fn advise(mut self, advice: impl Into<String>) -> Self {
        self.advice.push(advice.into());
        self
    }

    pub(super) fn advise_if(self, is_so: bool, advice: impl Into<String>) -> Self {
        if is_so { self.advise(advice) } else { self }
    }
}
