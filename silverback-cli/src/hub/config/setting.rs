//! The values that are given, and where they come from.

use std::fmt;

use super::keys::{Key, NAMESPACE, find};
use crate::values;

/// The value of a key, and where it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    /// One text, or one for each item of a list.
    pub(crate) texts: Vec<String>,
    pub(crate) source: Source,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Default,
    File { line: usize },
    Variable,
    Option,
}

/// The settings of the topics that match a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Namespace {
    pub(crate) pattern: String,
    /// Those that are given.
    pub(crate) settings: Vec<(&'static str, Setting)>,
    pub(crate) source: Source,
}

impl Namespace {
    /// Returns the text of a key, or its default.
    pub(crate) fn text(&self, name: &str) -> String {
        let setting = self.settings.iter().find(|(found, _)| *found == name).map(|(_, setting)| setting);
        texts(&NAMESPACE, name, setting).pop().unwrap_or_default()
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        is_true(&self.text(name))
    }

    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.settings.iter().any(|(found, _)| *found == name)
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { line } => write!(f, "line {line} of the file"),
            Self::Variable => f.write_str("variable"),
            Self::Option => f.write_str("option"),
        }
    }
}

/// Returns the texts of a key, or its default.
pub(super) fn texts(keys: &'static [Key], name: &str, setting: Option<&Setting>) -> Vec<String> {
    match setting {
        Some(setting) => setting.texts.clone(),
        None => {
            let default = find(keys, name).map(|key| key.default).filter(|default| !default.is_empty());
            default.map(str::to_owned).into_iter().collect()
        }
    }
}

/// Reads true or false from a text that was checked.
pub(super) fn is_true(text: &str) -> bool {
    values::choice(text).unwrap_or(false)
}
