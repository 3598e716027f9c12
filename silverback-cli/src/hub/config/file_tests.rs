//! Files, and the place and words of every fault.
#![allow(clippy::unwrap_used)]

use super::*;

#[track_caller]
fn faults(text: &str) -> Vec<String> {
    read(text).map(|_| Vec::new()).unwrap_or_else(|faults| faults.iter().map(Fault::to_string).collect())
}

#[test]
fn a_fault_has_its_line_and_column_and_an_unknown_key_the_nearest_name() {
    for (text, expected) in [
        ("lisen = [\"localhost:1\"]", "1:1: unknown key `lisen`; did you mean `listen`?"),
        ("\n  max-connections = 5", "2:3: unknown key `max-connections`; did you mean `max_connections`?"),
        ("namespace = 1", "1:1: unknown key `namespace`; did you mean `namespaces`?"),
        ("zzz = 1", "1:1: unknown key `zzz`"),
        ("drain = \"soon\"", "1:9: drain: must be a time like 500ms, 10s or 2m"),
        ("max_connections = 0", "1:19: max_connections: must be a number from 1 to 10000000"),
        ("max_connections = [1]", "1:19: max_connections: must be one value"),
        ("max_connections = 1.5", "1:19: max_connections: must be a text, a number, or true or false"),
        ("open = \"maybe\"", "1:8: open: must be true or false"),
        ("listen = [\"localhost:1\", \"host\"]", "1:26: listen: the port is missing: must be HOST:PORT"),
        ("engine = \"kafka://me:pass@a\"", "1:10: engine: must be memory, or a URL that begins with nats://"),
        ("token_secret = \"\"", "1:16: token_secret: must not be empty"),
        ("namespaces = 1", "1:14: write each namespace as a table"),
        ("[namespaces.\"chat:*\"]\npublsh = true", "2:1: unknown key `publsh`; did you mean `publish`?"),
        ("[namespaces.\"chat:*\"]\njoins = \"some\"", "2:9: joins: must be one of off, asked, always"),
        ("[namespaces.\"a*b\"]", "1:13: `a*b` must be a name, or a prefix and one `*` at its end"),
        ("[namespaces.\"\"]", "1:13: `` must be a name"),
        ("[namespaces]\nchat = true", "2:8: write each namespace as a table"),
        ("drain = ", "1:9: "),
        ("# \u{fc}\n\u{fc} = 1", "2:1: "),
        ("open = true\nopen = true", "2:1: duplicate key"),
        ("tls = { cert = \"a\" }", "1:1: unknown key `tls`"),
        ("drain = { s = 1 }", "1:9: drain: must be a value, not a table"),
    ] {
        let found = faults(text);
        assert!(found[0].starts_with(expected), "{text:?}: {found:?}");
    }
}

#[test]
fn all_faults_are_reported_in_the_order_of_the_file() {
    let found = faults("drain = \"x\"\nanonymos = true\n[namespaces.\"b\"]\nopen = 3\n[namespaces.\"a\"]\nopen = 4");
    let places: Vec<_> = found.iter().map(|fault| fault.split(": ").next().unwrap()).collect();
    assert_eq!(places, ["1:9", "2:1", "4:8", "6:8"]);
}

#[test]
fn no_fault_quotes_a_value() {
    for text in
        ["engine = \"kafka://me:hunter2@a\"", "token_secret = hunter2", "token_secret = \"hunter2", "api_key = hunter2"]
    {
        assert!(!faults(text).concat().contains("hunter2"), "{text}: {:?}", faults(text));
    }
}

#[test]
fn values_may_be_texts_or_numbers_and_a_list_may_be_one_value() {
    let text = "max_connections = 7\nmax_message_size = \"1KiB\"\ndrain = 5\nopen = true\nlisten = \"localhost:1\"\n\
                allow_host = [\"a\", \"b\"]\n[namespaces.\"chat:*\"]\npublish = true";
    let file = read(text).unwrap();
    let texts = |name| {
        let (_, setting) = file.settings.iter().find(|(found, _)| *found == name).unwrap();
        setting.texts.clone()
    };
    for (name, expected) in [
        ("max_connections", &["7"][..]),
        ("max_message_size", &["1KiB"]),
        ("drain", &["5"]),
        ("open", &["true"]),
        ("listen", &["localhost:1"]),
        ("allow_host", &["a", "b"]),
    ] {
        assert_eq!(texts(name), expected, "{name}");
    }
    assert_eq!(file.namespaces[0].pattern, "chat:*");
    assert!(file.namespaces[0].is("publish") && !file.namespaces[0].is("open"));
}

#[test]
fn every_default_is_valid() {
    for key in TOP.iter().chain(&NAMESPACE).filter(|key| !key.default.is_empty()) {
        assert_eq!(key.check(key.default), Ok(()), "{}", key.name);
    }
}
