//! The reference of the configuration in the documents.
#![allow(clippy::unwrap_used)]

use std::{env, fmt::Write as _, fs, path::PathBuf};

use super::*;

/// To write the tables anew: `SILVERBACK_WRITE_DOCS=1 cargo test -p silverback-cli --bin silverback reference`.
#[test]
fn the_reference_in_the_documents_has_every_key() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/hub-server.md");
    let mut page = fs::read_to_string(&path).unwrap();
    for (name, keys) in [("the configuration", &TOP[..]), ("a namespace", &NAMESPACE[..])] {
        let (begin, end) = (format!("<!-- keys of {name} -->\n"), "<!-- end of keys -->\n");
        let (before, rest) = page.split_once(&begin).unwrap();
        let (found, after) = rest.split_once(end).unwrap();
        let expected = table(keys);
        if env::var_os("SILVERBACK_WRITE_DOCS").is_none() {
            assert_eq!(found, expected, "of {name}");
        }
        page = [before, &begin, &expected, end, after].concat();
    }
    if env::var_os("SILVERBACK_WRITE_DOCS").is_some() {
        fs::write(&path, page).unwrap();
    }
}

fn table(keys: &[Key]) -> String {
    let mut text = "\n| key | default | meaning |\n|---|---|---|\n".to_owned();
    for key in keys {
        let default = if key.default.is_empty() { String::new() } else { format!("`{}`", key.default) };
        let _ = writeln!(text, "| `{}` | {default} | {} |", key.name, key.meaning);
    }
    text + "\n"
}

#[test]
fn each_option_of_the_command_line_is_a_key() {
    use clap::Args as _;
    for argument in crate::hub::args::Options::augment_args(clap::Command::new("hub")).get_arguments() {
        let name = argument.get_long().unwrap().replace('-', "_");
        let variable = argument.get_env().unwrap().to_str().unwrap();
        assert_eq!(variable, format!("SILVERBACK_{}", name.to_uppercase()));
        assert!(name == "config" || find(&TOP, &name).is_some(), "{name}");
    }
}

#[test]
fn secrets_are_not_shown() {
    for (name, text, shown) in [
        ("token_secret", "hunter2", "REDACTED"),
        ("api_key", "hunter2", "REDACTED"),
        ("engine", "memory", "memory"),
        ("engine", "nats://broker:4222", "nats://broker:4222"),
        ("engine", "nats://me:hunter2@broker:4222", "nats://REDACTED@broker:4222"),
        ("engine", "nats://hunter2@a:1,nats://hunter2@b:1", "nats://REDACTED@a:1,nats://REDACTED@b:1"),
        ("engine", "redis://broker/0?password=hunter2", "redis://REDACTED@broker/0"),
        ("drain", "25s", "25s"),
    ] {
        assert_eq!(find(&TOP, name).unwrap().shown(text), shown);
    }
}
