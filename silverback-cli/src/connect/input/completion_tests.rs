//! Completion of commands, and hints.
#![allow(clippy::unwrap_used)]

use std::env;

use super::*;
use crate::connect::commands::{self, HELP};

fn replaced(start: usize, text: &str) -> Completion {
    Completion::Replace { start, text: text.to_owned() }
}

fn listed(text: &str) -> Completion {
    Completion::List(text.to_owned())
}

#[test]
fn names_of_commands_are_completed() {
    for (typed, completion) in [
        ("/", listed("/bin  /close  /file  /help  /json  /ping  /pong  /quit  /stats  /textfile")),
        ("/p", listed("/ping  /pong")),
        ("/pi", replaced(0, "/ping ")),
        ("/ping", replaced(0, "/ping ")),
        ("/j", replaced(0, "/json")),
        ("/c", replaced(0, "/close ")),
        ("/x", Completion::Nothing),
    ] {
        assert_eq!(complete(typed), completion, "{typed}");
    }
}

#[test]
fn messages_are_not_completed_and_have_no_hint() {
    for typed in ["", "p", "hello /p", " /p", "//p", "//", "{\"a\": 1", "\t"] {
        assert_eq!(complete(typed), Completion::Nothing, "{typed}");
        assert_eq!(hint(typed), None, "{typed}");
    }
}

#[test]
fn close_codes_are_completed_with_their_names() {
    assert_eq!(complete("/close 2"), Completion::Nothing);
    assert_eq!(complete("/close "), replaced(7, "10"));
    assert_eq!(complete("/close 1"), replaced(7, "10"));
    assert_eq!(complete("/close 1003"), replaced(7, "1003 "));
    assert_eq!(complete("/close 1000 b"), Completion::Nothing);
    let Completion::List(codes) = complete("/close 100") else { panic!("no list") };
    assert!(codes.starts_with("1000 (normal closure)  1001 (going away)  "), "{codes}");
    for unsendable in ["1005", "1006", "1015"] {
        assert_eq!(complete(&format!("/close {unsendable}")), Completion::Nothing);
    }
}

#[test]
fn forms_of_bytes_are_completed() {
    assert_eq!(complete("/bin "), listed("hex:  base64:"));
    assert_eq!(complete("/bin h"), replaced(5, "hex:"));
    assert_eq!(complete("/bin hex:00"), Completion::Nothing);
    assert_eq!(complete("/ping h"), Completion::Nothing);
    assert_eq!(complete("/json h"), Completion::Nothing);
}

#[test]
fn files_are_completed_where_they_are() {
    let folder = env::temp_dir().join(format!("silverback-completion-{}", std::process::id()));
    fs::create_dir_all(folder.join("sub dir")).unwrap();
    for name in ["one.json", "once é.json", ".hidden", " blank", "es\u{1b}cape", "sub dir/inside"] {
        fs::write(folder.join(name), "").unwrap();
    }
    #[cfg(unix)]
    {
        use std::{ffi::OsStr, os::unix::ffi::OsStrExt};
        fs::write(folder.join(OsStr::from_bytes(b"bytes\xff")), "").unwrap();
    }
    let at = format!("{}/", folder.display());
    for command in ["/file ", "/textfile   "] {
        let check = |typed: &str, completion: Completion| {
            assert_eq!(complete(&format!("{command}{at}{typed}")), completion, "{typed}");
        };
        let replaced = |text: &str| replaced(command.len(), &format!("{at}{text}"));
        check("", listed("once é.json  one.json  sub dir/"));
        check("o", replaced("on"));
        check("on", listed("once é.json  one.json"));
        check("onc", replaced("once é.json"));
        check("s", replaced("sub dir/"));
        check("sub dir/", replaced("sub dir/inside"));
        check(".h", replaced(".hidden"));
        for nothing in ["x", "es", "bytes", "missing/"] {
            check(nothing, Completion::Nothing);
        }
    }
    assert_eq!(complete("/file ~"), replaced(6, "~/"));
    for number in 0..MOST_LISTED {
        fs::write(folder.join(format!("many{number:03}")), "").unwrap();
    }
    let Completion::List(all) = complete(&format!("/file {at}")) else { panic!("no list") };
    assert!(all.ends_with("many096  … 4 more") || all.ends_with("  … 3 more"), "{all}");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn hints_show_what_may_follow() {
    for (typed, shown, completes) in [
        ("/", " Tab lists commands", None),
        ("/cl", "ose [CODE [REASON]]", Some("ose ")),
        ("/close", " [CODE [REASON]]", None),
        ("/close ", "[CODE [REASON]]", None),
        ("/close 1001", " (going away)", None),
        ("/close 4001", " (private to the application)", None),
        ("/close 1005", " (sends no code)", None),
        ("/close 1006", " (cannot be sent)", None),
        ("/j", "son", Some("son")),
        ("/bin ", "hex:00ff or base64:AP8=", None),
        ("/te", "xtfile PATH", Some("xtfile ")),
    ] {
        let expected = Hint { shown: shown.to_owned(), completes: completes.map(str::to_owned) };
        assert_eq!(hint(typed), Some(expected), "{typed}");
    }
    for typed in ["/p", "/x", "/close 10", "/close soon", "/ping are", "/file a"] {
        assert_eq!(hint(typed), None, "{typed}");
    }
    // There is nothing to show.
    assert_eq!(hint("/json").unwrap().shown, "");
}

#[test]
fn every_command_is_known_to_the_parser_and_to_the_help() {
    for command in &COMMANDS {
        let unknown = |text: String| text.contains("unknown command");
        assert!(!commands::parse(&format!("/{}", command.name)).is_err_and(unknown), "{}", command.name);
        assert!(HELP.contains(&format!("/{} ", command.name)), "{}", command.name);
    }
    let words = HELP.split_whitespace().filter_map(|word| word.strip_prefix('/'));
    for word in words.filter(|word| word.chars().all(|c| c.is_ascii_lowercase()) && !word.is_empty()) {
        assert!(COMMANDS.iter().any(|command| command.name == word), "{word}");
    }
}
