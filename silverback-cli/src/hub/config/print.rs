//! Prints the effective configuration as a file that has the same effect, except for secrets.

use std::fmt::Write as _;

use super::{
    Config,
    keys::{Key, Kind, NAMESPACE, TOP},
    setting::is_true,
};

/// Returns the configuration as a file.
pub(crate) fn print(config: &Config) -> String {
    let mut text = "# The configuration of `silverback hub`. Secrets are not shown.\n".to_owned();
    for key in &TOP {
        let texts = config.texts(key.name);
        let source = config.source(key.name);
        let _ = writeln!(text, "\n# {}", key.meaning);
        let _ = match texts.is_empty() {
            true => writeln!(text, "# {} =", key.name),
            false => writeln!(text, "{} = {}  # {source}", key.name, value(key, &texts)),
        };
    }
    for namespace in &config.namespaces {
        let (pattern, source) = (quoted(&namespace.pattern), &namespace.source);
        let _ = writeln!(text, "\n[namespaces.{pattern}]  # {source}");
        for key in &NAMESPACE {
            let comment = if namespace.is_given(key.name) { "" } else { "# " };
            let _ = writeln!(text, "{comment}{} = {}", key.name, value(key, &[namespace.text(key.name)]));
        }
    }
    text
}

fn value(key: &Key, texts: &[String]) -> String {
    let shown = |text: &String| match key.kind {
        Kind::Choice => is_true(text).to_string(),
        _ if is_number(text) => text.clone(),
        _ => quoted(&key.shown(text)),
    };
    let items: Vec<_> = texts.iter().map(shown).collect();
    if key.is_list() { format!("[{}]", items.join(", ")) } else { items.join("") }
}

/// Whether it may stand without quotes. TOML allows no zeros at the front.
fn is_number(text: &str) -> bool {
    let is_decimal = !text.is_empty() && text.len() <= 18 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_decimal && (text == "0" || !text.starts_with('0'))
}

/// A basic string of TOML.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for letter in text.chars() {
        match letter {
            '"' | '\\' => quoted.extend(['\\', letter]),
            letter if letter.is_control() => _ = write!(quoted, "\\u{:04X}", u32::from(letter)),
            letter => quoted.push(letter),
        }
    }
    quoted + "\""
}
