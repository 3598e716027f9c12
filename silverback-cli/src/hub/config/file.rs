//! Reads the file. Every fault has its line and column, and all of them are reported at once.

use std::{fmt, ops::Range};

use toml::{
    Spanned,
    de::{DeString, DeTable, DeValue},
};

use super::{
    keys::{Key, NAMESPACE, TOP, find},
    setting::{Namespace, Setting, Source},
};

/// What a file says.
#[derive(Debug, Default)]
pub(crate) struct File {
    /// By the name of their key.
    pub(crate) settings: Vec<(&'static str, Setting)>,
    pub(crate) namespaces: Vec<Namespace>,
}

/// Something in a file that is not valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// From 1.
    pub(crate) line: usize,
    /// From 1, in characters.
    pub(crate) column: usize,
    pub(crate) what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.what)
    }
}

/// Reads a file.
pub(crate) fn read(text: &str) -> Result<File, Vec<Fault>> {
    let mut reader = Reader { text, file: File::default(), faults: Vec::new() };
    match DeTable::parse(text) {
        Ok(table) => reader.top(table.get_ref()),
        Err(error) => reader.fault(error.span().unwrap_or_default(), error.message().to_owned()),
    }
    // Tables are sorted by name.
    reader.faults.sort_by_key(|fault| (fault.line, fault.column));
    if reader.faults.is_empty() { Ok(reader.file) } else { Err(reader.faults) }
}

struct Reader<'a> {
    text: &'a str,
    file: File,
    faults: Vec<Fault>,
}

type Table<'a> = DeTable<'a>;

impl Reader<'_> {
    fn top(&mut self, table: &Table<'_>) {
        for (name, value) in table {
            match (name.get_ref().as_ref(), value.get_ref()) {
                ("namespaces", DeValue::Table(namespaces)) => self.namespaces(namespaces),
                ("namespaces", _) => self.fault(value.span(), NAMESPACES_FORM.to_owned()),
                _ => {
                    if let Some((key, setting)) = self.setting(&TOP, name, value, &["namespaces"]) {
                        self.file.settings.push((key.name, setting));
                    }
                }
            }
        }
    }

    fn namespaces(&mut self, table: &Table<'_>) {
        for (pattern, value) in table {
            let text = pattern.get_ref().as_ref();
            let name = text.strip_suffix('*').unwrap_or(text);
            if text.is_empty() || name.contains('*') {
                self.fault(pattern.span(), format!("`{text}` must be a name, or a prefix and one `*` at its end"));
            }
            let DeValue::Table(options) = value.get_ref() else {
                self.fault(value.span(), NAMESPACES_FORM.to_owned());
                continue;
            };
            let mut settings = Vec::new();
            for (name, value) in options {
                let setting = self.setting(&NAMESPACE, name, value, &[]);
                settings.extend(setting.map(|(key, setting)| (key.name, setting)));
            }
            let (line, _) = self.place(pattern.span().start);
            self.file.namespaces.push(Namespace { pattern: text.to_owned(), settings, source: Source::File { line } });
        }
    }

    /// Reads a key and its value.
    fn setting(
        &mut self,
        keys: &'static [Key],
        name: &Spanned<DeString<'_>>,
        value: &Spanned<DeValue<'_>>,
        others: &[&str],
    ) -> Option<(&'static Key, Setting)> {
        let Some(key) = find(keys, name.get_ref()) else {
            let known = keys.iter().map(|key| key.name).chain(others.iter().copied());
            let advice = nearest(name.get_ref(), known).map(|name| format!("; did you mean `{name}`?"));
            let what = format!("unknown key `{}`{}", name.get_ref().escape_debug(), advice.unwrap_or_default());
            self.fault(name.span(), what);
            return None;
        };
        let items: Vec<&Spanned<DeValue<'_>>> = match value.get_ref() {
            DeValue::Array(items) if key.is_list() => items.iter().collect(),
            _ => vec![value],
        };
        let mut texts = Vec::new();
        for item in items {
            match text_of(item.get_ref()).and_then(|text| key.check(&text).map(|()| text)) {
                Ok(text) => texts.push(text),
                Err(reason) => self.fault(item.span(), format!("{}: {reason}", key.name)),
            }
        }
        let (line, _) = self.place(name.span().start);
        Some((key, Setting { texts, source: Source::File { line } }))
    }

    fn fault(&mut self, span: Range<usize>, what: String) {
        let (line, column) = self.place(span.start);
        self.faults.push(Fault { line, column, what });
    }

    /// The line and column of a byte.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = self.text.get(..at).unwrap_or(self.text);
        let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        (line, column)
    }
}

/// A value as it would be written in a variable.
fn text_of(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Boolean(choice) => Ok(choice.to_string()),
        DeValue::Array(_) => Err("must be one value".to_owned()),
        DeValue::Table(_) => Err("must be a value, not a table".to_owned()),
        _ => Err("must be a text, a number, or true or false".to_owned()),
    }
}

/// The known name that is most like another one.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    // As people also write them.
    let name = name.replace('-', "_").to_lowercase();
    let scored = known.map(|known| (strsim::jaro(&name, known), known)).filter(|(likeness, _)| *likeness > LIKE_ENOUGH);
    scored.max_by(|(one, _), (other, _)| one.total_cmp(other)).map(|(_, known)| known)
}

/// The same as clap's for options.
const LIKE_ENOUGH: f64 = 0.7;

const NAMESPACES_FORM: &str = "write each namespace as a table, like [namespaces.\"chat:*\"]";

#[cfg(test)]
#[path = "file_tests.rs"]
mod tests;
