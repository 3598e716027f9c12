//! The configuration of the hub: options over variables over the file over defaults. All values are texts until `plan`
//! reads them, so that `config print` shows them as they were written.

pub(crate) mod check;
pub(crate) mod file;
pub(crate) mod keys;
pub(crate) mod print;
pub(crate) mod setting;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use self::{
    file::File,
    keys::{Key, TOP},
    setting::{Namespace, Setting, Source, is_true, texts},
};
use super::engine::REDACTED;
use crate::{error::Error, values};

/// The effective configuration.
#[derive(Debug, Default)]
pub(crate) struct Config {
    /// The settings that are given.
    settings: BTreeMap<&'static str, Setting>,
    pub(crate) namespaces: Vec<Namespace>,
    /// The file, if there is one.
    pub(crate) path: Option<PathBuf>,
    /// Whether no hub will start with it.
    pub(crate) is_checked_only: bool,
}

impl Config {
    /// Joins all layers. `options` are those of the command line.
    pub(crate) fn load(path: Option<&Path>, options: Vec<(&'static str, Vec<String>)>) -> Result<Self, Error> {
        let mut config = match path {
            Some(path) => Self::read(path)?,
            None => Self::default(),
        };
        for key in &TOP {
            if let Some(texts) = from_environment(key)? {
                config.settings.insert(key.name, Setting { texts, source: Source::Variable });
            }
        }
        for (name, texts) in options {
            config.settings.insert(name, Setting { texts, source: Source::Option });
        }
        Ok(config)
    }

    /// Reads the file alone.
    pub(crate) fn read(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let text = fs::read_to_string(path).map_err(|error| Error::Usage(format!("cannot read {shown}: {error}")))?;
        let File { settings, namespaces } = file::read(&text).map_err(|mut faults| {
            let last = faults.pop();
            for fault in faults {
                crate::error::report(&format_args!("{shown}:{fault}"));
            }
            Error::Usage(last.map_or_else(String::new, |fault| format!("{shown}:{fault}")))
        })?;
        Ok(Self {
            settings: settings.into_iter().collect(),
            namespaces,
            path: Some(path.to_owned()),
            is_checked_only: false,
        })
    }

    /// Whether a key is given anywhere.
    pub(crate) fn is_given(&self, name: &str) -> bool {
        self.settings.contains_key(name)
    }

    /// Returns where a value comes from.
    pub(crate) fn source(&self, name: &str) -> &Source {
        self.settings.get(name).map_or(&Source::Default, |setting| &setting.source)
    }

    /// Returns the texts of a key, or its default.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        texts(&TOP, name, self.settings.get(name))
    }

    /// Returns the text of a key, or its default. `None` if there is neither.
    pub(crate) fn text(&self, name: &str) -> Option<String> {
        self.texts(name).pop()
    }

    pub(crate) fn is(&self, name: &str) -> bool {
        self.text(name).is_some_and(|text| is_true(&text))
    }

    /// Returns the value of a key. Fails if it is not valid, which was checked, or if there is neither value nor default.
    pub(crate) fn get<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<T, Error> {
        let text = self.text(name).ok_or_else(|| Error::System(format!("{name} has no default")))?;
        read(&text).map_err(|reason| self.wrong(name, &reason))
    }

    /// Returns the items of a list.
    pub(crate) fn list<T>(&self, name: &str, read: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, Error> {
        let texts = self.texts(name);
        texts.iter().map(|text| read(text).map_err(|reason| self.wrong(name, &reason))).collect()
    }

    /// Returns a secret: given itself, or in a file.
    pub(crate) fn secret(&self, name: &str, file: &str) -> Result<Option<String>, Error> {
        let given = self.settings.get(name).and_then(|setting| setting.texts.first().cloned());
        given.iter().try_for_each(|text| self.check_redacted(name, text))?;
        match (given, self.text_of_file(file)?) {
            (Some(_), Some(_)) => Err(self.wrong(name, &format!("and {file} cannot be given together"))),
            (given, from_file) => Ok(given.or_else(|| from_file.map(|text| text.trim().to_owned()))),
        }
    }

    /// Fails if a text stands for a secret that was not printed. A well-known secret would let everybody in.
    pub(crate) fn check_redacted(&self, name: &str, text: &str) -> Result<(), Error> {
        let is_refused = text.contains(REDACTED) && !self.is_checked_only;
        if is_refused { Err(self.wrong(name, NOT_PRINTED)) } else { Ok(()) }
    }

    /// Returns what the file has that a key names. Relative paths begin at the folder of the configuration.
    pub(crate) fn text_of_file(&self, name: &str) -> Result<Option<String>, Error> {
        let Some(path) = self.path_of(name) else { return Ok(None) };
        let text = fs::read_to_string(&path);
        let text = text.map_err(|error| self.wrong(name, &format!("cannot read {}: {error}", path.display())))?;
        if text.trim().is_empty() {
            return Err(self.wrong(name, &format!("{} is empty", path.display())));
        }
        Ok(Some(text))
    }

    /// Returns the path that a key names.
    pub(crate) fn path_of(&self, name: &str) -> Option<PathBuf> {
        let path = PathBuf::from(self.text(name)?);
        let is_of_file = matches!(self.source(name), Source::File { .. });
        let folder = self.path.as_deref().filter(|_| is_of_file).and_then(Path::parent);
        Some(folder.map_or(path.clone(), |folder| folder.join(path)))
    }

    /// An error about a key, with the place where it is given.
    pub(crate) fn wrong(&self, name: &str, reason: &str) -> Error {
        Error::Usage(format!("{}: {reason}", self.place(name)))
    }

    /// The place where a key is given, for people.
    pub(crate) fn place(&self, name: &str) -> String {
        let of_file = |line: &usize| {
            let path = self.path.as_deref().unwrap_or(Path::new("")).display();
            format!("{path}:{line}: {name}")
        };
        match self.source(name) {
            Source::File { line } => of_file(line),
            Source::Variable => format!("SILVERBACK_{}", name.to_uppercase()),
            Source::Option => format!("--{}", name.replace('_', "-")),
            Source::Default => name.to_owned(),
        }
    }
}

/// Reads the variable of a key. One that is empty counts as not set.
fn from_environment(key: &Key) -> Result<Option<Vec<String>>, Error> {
    let variable = key.variable();
    let Some(text) = values::variable(&variable)? else { return Ok(None) };
    let wrong = |reason: &str| Error::Usage(format!("{variable}: {reason}"));
    let texts: Vec<String> = match key.is_list() {
        true => text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect(),
        false => vec![text.trim().to_owned()],
    };
    for text in &texts {
        key.check(text).map_err(|reason| wrong(&reason))?;
    }
    Ok(Some(texts).filter(|texts| !texts.is_empty()))
}

const NOT_PRINTED: &str = "has REDACTED, which stands for a secret; put the secret in its place";
