//! Command lines that are not valid: one line explains the error and suggests the likely intent.

use crate::support::run;

#[track_caller]
fn check(words: &[&str], environment: &[(&str, &str)], said: &[&str]) -> String {
    let (code, out, err) = run(words, environment);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{words:?}: {err}");
    assert_eq!(err.lines().count(), 1, "{err}");
    for word in said {
        assert!(err.contains(word), "{words:?}: {word}: {err}");
    }
    err
}

#[test]
fn a_command_that_is_misspelt_is_blamed_and_not_the_url_after_it() {
    check(&["conect", "ws://localhost/"], &[], &["`conect`", "did you mean `connect`?"]);
    check(&["5", "ws://localhost/"], &[], &["unknown command `5`"]);
    check(&["hub", "config"], &[], &["`silverback hub config` needs a command: check or print (see"]);
}

#[test]
fn an_option_that_is_misspelt_is_compared_with_those_of_its_command() {
    check(&["connect", "ws://h/", "--colr"], &[], &["--colr", "'--color'", "silverback connect --help"]);
    check(&["ws://h/", "--colr"], &[], &["'--color'", "silverback connect --help"]);
    check(&["check", "ws://h/", "--nonsense"], &[], &["--nonsense", "silverback check --help"]);
    check(&["--nonsense"], &[], &["--nonsense", "(see silverback --help)"]);
}

#[test]
fn an_option_of_another_command_is_said_to_be_one() {
    check(&["--record", "f"], &[], &["--record is an option of `silverback connect` (see silverback --help)"]);
    check(&["check", "ws://h/", "--count", "1"], &[], &["--count is an option of `silverback connect` (see"]);
    check(&["ws://h/", "--accept-rate", "1"], &[], &["--accept-rate is an option of `silverback`", "connect --help"]);
    check(&["--cacert", "f"], &[], &["`silverback connect` and `silverback bench` and `silverback check`"]);
}

#[test]
fn a_value_that_is_none_of_the_choices_is_told_them() {
    check(&["completions", "tcsh"], &[], &["`tcsh`", "bash", "zsh"]);
    check(&["connect", "ws://h/", "--format", "xml"], &[], &["--format `xml`", "text, json, raw, hex"]);
    check(&["connect", "ws://h/", "--format"], &[], &["--format needs a value", "silverback connect --help"]);
}

#[test]
fn a_number_that_needs_an_equals_sign_is_told_so() {
    check(&["connect", "--reconnect", "5", "ws://h/"], &[], &["--reconnect=5"]);
    check(&["connect", "ws://h/", "--reconnect", "5"], &[], &["--reconnect=5"]);
}

#[test]
fn a_url_without_its_scheme_is_shown_with_one() {
    check(&["localhost:8000/x"], &[], &["ws://localhost:8000/x"]);
    for command in ["connect", "check", "bench"] {
        check(&[command, "localhost:8000/x"], &[], &["ws://localhost:8000/x", "wss://"]);
        let err = check(&[command, "me:secret1@localhost/x?token=secret2"], &[], &["ws://localhost/x"]);
        assert!(!err.contains("secret"), "{err}");
    }
}

#[test]
fn what_begins_with_another_scheme_gets_no_advice_that_is_wrong() {
    for url in ["ftp://x", "file:///etc/x", "mailto:me", "wsss://x"] {
        for words in [&[url][..], &["connect", url], &["check", url], &["bench", url]] {
            let err = check(words, &[], &["ws:// or wss://", url]);
            assert!(!err.contains(&format!("ws://{url}")), "{err}");
        }
    }
}

#[test]
fn what_is_said_instead_of_a_wrong_url_would_work() {
    let advice = [
        ("::1", "say ws://[::1],"),
        ("2001:db8::1/chat", "say ws://[2001:db8::1]/chat,"),
        ("fe80::1%eth0", "say ws://[fe80::1%eth0],"),
        ("ws//h:9/x", "say ws://h:9/x,"),
        ("wss//h/x", "say ws://h/x,"),
        ("http//h", "say ws://h,"),
        ("ws;//h", "say ws://h,"),
        (r"ws:\\h", "say ws://h,"),
        (":8000", "say ws://localhost:8000"),
        ("127.0.0.1:80000", "the port of `127.0.0.1:80000` must be from 0 to 65535"),
        ("localhost:80:90/", "`localhost:80:90` is not a host with an optional port"),
    ];
    for (url, said) in advice {
        for words in [&[url][..], &["connect", url], &["check", url], &["bench", url]] {
            check(words, &[], &["ws:// or wss://", said]);
        }
    }
    for url in ["ws://::1/", "ws://::1:8000/", "ws://user@2001:db8::1/"] {
        for command in ["connect", "check", "bench"] {
            let err = check(&[command, url], &[], &["an IPv6 address needs brackets, like ws://[::1]:8000/"]);
            assert!(!err.contains("has no host"), "{err}");
        }
    }
    for words in [&[""][..], &[" "], &["connect", ""], &["check", " "], &["bench", ""]] {
        let err = check(words, &[], &["is empty"]);
        assert!(!err.contains('`'), "nothing is quoted: {err}");
    }
    check(&["--listen", "[::1]"], &[], &["the port is missing"]);
}

#[test]
fn what_lacks_a_part_of_its_scheme_is_shown_with_all_of_it() {
    for url in ["127.0.0.1:8000", "localhost:80/", "[::1]:80", "example.com", "ws:h/x", "ws:/h/x", "//h/x"] {
        let whole = format!("ws://{}", url.trim_start_matches("ws:").trim_start_matches('/'));
        for words in [&[url][..], &["connect", url], &["check", url], &["bench", url]] {
            check(words, &[], &["ws:// or wss://", &format!("say {whole}")]);
        }
    }
    check(&["connect", ":8000/x"], &[], &["say ws://localhost:8000/x"]);
    check(&["connect", "/x"], &[], &["say ws://HOST/x"]);
}

#[test]
fn nothing_empty_is_quoted() {
    for url in ["ws://", "wss://", "ws:///x", "ws://:80/", "ws://?x", "://", "://x", ""] {
        for command in ["connect", "check", "bench"] {
            let err = check(&[command, url], &[], &["ws://"]);
            assert!(url.is_empty() || !err.contains("``"), "{err}");
        }
    }
    check(&["ws://"], &[], &["has no host", "ws://localhost:8000/"]);
}

#[test]
fn a_port_that_is_too_large_is_blamed_and_not_the_form() {
    check(&["--listen", "localhost:80000"], &[], &["port 80000 is not from 0 to 65535"]);
    check(&["connect", "ws://h/", "--resolve", "h:80000:127.0.0.1"], &[], &["port 80000 is not from 0 to 65535"]);
    check(&["connect", "ws://h/", "--proxy", "http://h:80000"], &[], &["--proxy", "from 0 to 65535"]);
    check(&["connect", "ws://localhost:80000/"], &[], &["port of `localhost:80000` must be from 0 to 65535"]);
}

#[test]
fn a_host_outside_ascii_that_is_no_name_is_told() {
    for command in ["connect", "check", "bench"] {
        check(&[command, "ws://b\u{fc}cher..\u{2100}.example/"], &[], &["b\u{fc}cher", "international host name"]);
    }
}

#[test]
fn one_authorization_is_enough() {
    let header = ["connect", "ws://127.0.0.1:1/", "-H", "authorization: Basic YTpi"];
    let with = |more: &[&'static str]| [&header[..], more].concat();
    check(&with(&["-u", "a:b"]), &[], &["Authorization", "--user"]);
    check(&with(&["--bearer", "abc"]), &[], &["Authorization", "--bearer"]);
    check(&header, &[("SILVERBACK_BEARER", "abc")], &["Authorization", "SILVERBACK_BEARER"]);
    let in_url = ["connect", "ws://a:b@127.0.0.1:1/", "-H", "Authorization: Basic YTpi"];
    check(&in_url, &[], &["Authorization", "in the URL"]);
    assert_eq!(run(&header, &[]).0, Some(3));
}
