//! Command lines of the service. Environment variables are tested on the real program: tests share their environment.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;

use super::*;
use crate::serving::args::{AllowedHost, AllowedOrigin};

fn parse(words: &[&str]) -> Result<Args, String> {
    let words = std::iter::once("silverback").chain(words.iter().copied()).map(OsString::from);
    let parsed = crate::args::Args::parse_from(words).map_err(|error| error.to_string())?;
    Ok(parsed.unwrap().service)
}

fn items<T>(lists: Vec<List<T>>) -> Vec<T> {
    lists.into_iter().flat_map(|list| list.0).collect()
}

#[test]
fn without_options_the_defaults_hold() {
    let args = parse(&[]).unwrap();
    assert_eq!(args.listen, [List(vec!["localhost:8000".parse().unwrap()])]);
    assert_eq!(args.threads, None);
    assert_eq!(args.max_message_size, 1024 * 1024);
    assert!(args.allow_origin.is_empty());
    assert_eq!(args.handshake_timeout, Duration::from_secs(10));
    assert_eq!(args.close_timeout, Duration::from_secs(5));
    assert_eq!(args.ping_interval, TimeOrOff(Some(Duration::from_secs(20))));
    assert_eq!(args.ping_timeout, Duration::from_secs(20));
    assert!(!args.quiet);
}

#[test]
fn options_can_be_repeated_or_listed() {
    let args = parse(&["--listen", "127.0.0.1:1", "--listen=[::1]:2,localhost:3"]).unwrap();
    let listen: Vec<_> = items(args.listen).iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:1", "[::1]:2", "localhost:3"]);
    let web = |text: &str| AllowedOrigin::Web(text.parse().unwrap());
    let args = parse(&["--allow-origin", "https://a.example", "--allow-origin", "http://b.example:81"]).unwrap();
    assert_eq!(items(args.allow_origin), [web("https://a.example"), web("http://b.example:81")]);
    let args = parse(&["--allow-host", "a.example,*.b.example", "--allow-host=[::2]"]).unwrap();
    let host = |text: &str| AllowedHost::Host(text.parse().unwrap());
    assert_eq!(items(args.allow_host), [host("a.example"), host("*.b.example"), host("[::2]")]);
}

#[test]
fn blanks_a_final_comma_and_a_final_slash_do_not_matter() {
    let args = parse(&["--listen", " 127.0.0.1:1 ,\t[::1]:2,, localhost:3 ,", "--listen", "127.0.0.1:4\r\n"]).unwrap();
    let listen: Vec<_> = items(args.listen).iter().map(ToString::to_string).collect();
    assert_eq!(listen, ["127.0.0.1:1", "[::1]:2", "localhost:3", "127.0.0.1:4"]);
    let web = |text: &str| AllowedOrigin::Web(text.parse().unwrap());
    let args = parse(&["--allow-origin", "http://a.example/, http://b.example , null, file://, file:///, *"]).unwrap();
    let (null, file, any) = (AllowedOrigin::Null, AllowedOrigin::File, AllowedOrigin::Any);
    assert_eq!(
        items(args.allow_origin),
        [web("http://a.example"), web("http://b.example"), null, file.clone(), file, any]
    );
    let args = parse(&["--allow-host", " a.example , *"]).unwrap();
    assert_eq!(items(args.allow_host), [AllowedHost::Host("a.example".parse().unwrap()), AllowedHost::Any]);
}

#[test]
fn heads_may_have_1_to_64_kib() {
    assert_eq!(parse(&[]).unwrap().max_head_size, 16 * 1024);
    assert_eq!(parse(&["--max-head-size", "64k"]).unwrap().max_head_size, 64 * 1024);
    for size in ["65KiB", "1000", "4GiB"] {
        let line = parse(&["--max-head-size", size]).unwrap_err();
        assert_eq!(line, format!("--max-head-size `{size}`: must be from 1KiB to 64KiB"));
    }
}

#[test]
fn the_ping_interval_can_be_off() {
    for off in ["off", "0"] {
        assert_eq!(parse(&["--ping-interval", off]).unwrap().ping_interval, TimeOrOff(None));
    }
}

#[test]
fn a_mistake_is_one_line_that_names_the_option() {
    for (words, expected) in [
        (&["--threads", "many"][..], "--threads `many`: must be a number from 1 to 256"),
        (&["--threads"], "--threads needs a value (see silverback --help)"),
        (&["--close-timeout=soon"], "--close-timeout `soon`: must be a time like 500ms, 10s or 2m"),
        (&["--allow-origin", "example.com"], "--allow-origin `example.com`: an origin begins with a scheme"),
        (&["--allow-origin", "https://a.example/page"], "--allow-origin `https://a.example/page`: an origin ends"),
        (&["--allow-host", "a.example:80"], "--allow-host `a.example:80`: write the host without its port"),
        (&["--allow-host", "https://a.example"], "--allow-host `https://a.example`: write the host alone"),
        (&["--max-message-size", "\u{1b}[1m"], "--max-message-size `\\u{1b}[1m`: must be a size"),
        (&["--zone", "80"], "unexpected argument '--zone' found (see silverback --help)"),
        (&["serve"], "unknown command `serve` (see silverback --help)"),
        (&["--allow-origin", "https://a.example, b"], "--allow-origin `https://a.example, b`: `b`: an origin begins"),
        (&["--listen", ""], "--listen ``: must not be empty"),
        (&["--allow-host", " , "], "--allow-host ` , `: must not be empty"),
        (&["--window-bits", "7"], "--window-bits `7`: must be a number from 8 to 15"),
        (&["--compression-level", "high"], "--compression-level `high`: must be a number from 1 to 9"),
        (&["--quiet=yes"], "unexpected value 'yes' for '--quiet' found; no more were expected"),
    ] {
        let line = parse(words).unwrap_err();
        assert!(line.starts_with(expected), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
    }
}

#[test]
fn every_option_has_an_environment_variable_of_its_name() {
    for argument in Args::augment_args(clap::Command::new("silverback")).get_arguments() {
        let long = argument.get_long().unwrap();
        let expected = format!("SILVERBACK_{}", long.to_uppercase().replace('-', "_"));
        assert_eq!(argument.get_env().unwrap().to_str(), Some(expected.as_str()));
    }
}
