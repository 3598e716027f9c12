//! The command line without its secrets.
#![allow(clippy::unwrap_used)]

use super::*;

fn of(words: &[&str]) -> String {
    shown(["silverback", "bench"].iter().chain(words).map(OsString::from))
}

#[test]
fn options_stand_in_their_order_and_by_their_long_names() {
    assert_eq!(
        of(&["-c", "64", "ws://localhost/ws/echo", "--pipeline=32", "-qk", "--fail-if", "p99>5ms,errors>0", "--text"]),
        "silverback bench --connections 64 ws://localhost/ws/echo --pipeline 32 --quiet --insecure \
         --fail-if 'p99>5ms,errors>0' --text"
    );
    assert_eq!(of(&["ws://a/", "--broadcast=2"]), "silverback bench ws://a/ --broadcast=2");
    assert_eq!(of(&["ws://a/", "--broadcast"]), "silverback bench ws://a/ --broadcast=1");
    assert_eq!(
        of(&["ws://a/", "--report", "my report's.html"]),
        "silverback bench ws://a/ --report 'my report'\\''s.html'"
    );
}

#[test]
fn no_secret_is_shown_however_it_is_given() {
    for words in [
        &["wss://me:S3CRET@host/path?token=S3CRET#S3CRET"][..],
        &["ws://a/", "-H", "Authorization: Bearer S3CRET", "-HCookie:a=S3CRET"],
        &["ws://a/", "--header=X-Api-Key: S3CRET"],
        &["ws://a/", "-u", "me:S3CRET"],
        &["ws://a/", "-qu", "S3CRET:pass word"],
        &["ws://a/", "--bearer", "S3CRET"],
        &["ws://a/", "--bearer=S3CRET"],
        &["ws://a/", "--proxy", "http://me:S3CRET@proxy:3128"],
        &["ws://a/", "-x", "me:S3CRET@proxy:3128"],
        &["ws://a/", "-s", "bearer,S3CRET"],
    ] {
        let line = of(words);
        assert!(!line.contains("S3CRET") && line.len() > "silverback bench".len(), "{line}");
    }
    assert_eq!(
        of(&["wss://me:S3CRET@host/path?token=S3CRET", "-H", "X-Api-Key: S3CRET", "-u", "me:S3CRET"]),
        "silverback bench 'wss://host/path?…' --header 'X-Api-Key: …' --user …"
    );
}

/// A new option must be added to one of the lists. Until then its value is hidden.
#[test]
fn every_option_with_a_value_is_shown_or_known_to_be_secret() {
    const SECRET: [&str; 4] = ["header", "user", "bearer", "subprotocol"];
    let command = Args::augment_args(Command::new(COMMAND));
    let options = command.get_arguments();
    let with_values = options.filter(|option| option.get_action().takes_values());
    let known: Vec<&str> = PLAIN.iter().chain(&URLS).chain(&SECRET).copied().collect();
    let mut seen: Vec<String> = with_values.map(|option| option.get_id().to_string()).collect();
    seen.sort();
    let mut expected: Vec<String> = known.into_iter().map(str::to_owned).collect();
    expected.sort();
    assert_eq!(seen, expected);
}

#[test]
fn a_line_that_cannot_be_read_shows_nothing() {
    assert_eq!(of(&["--no-such-option=S3CRET"]), "silverback bench");
}
