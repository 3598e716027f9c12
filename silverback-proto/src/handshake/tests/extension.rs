//! RFC 6455, 9.1: the grammar of `Sec-WebSocket-Extensions`.

use http::header::SEC_WEBSOCKET_EXTENSIONS;
use http::{HeaderMap, HeaderValue};

use crate::handshake::{
    error::HandshakeError,
    extension::{ExtensionListError, ExtensionOffer, parse_extensions},
    extension_header::encode_extensions,
};

fn parse(lines: &[&str]) -> Result<Vec<ExtensionOffer>, ExtensionListError> {
    let value = |line: &&str| HeaderValue::from_str(line).expect("a value");
    let headers: HeaderMap = lines.iter().map(|line| (SEC_WEBSOCKET_EXTENSIONS, value(line))).collect();
    parse_extensions(&headers)
}

#[track_caller]
fn check(lines: &[&str], expected: &[ExtensionOffer]) {
    assert_eq!(parse(lines).as_deref(), Ok(expected));
}

fn named(name: &str) -> ExtensionOffer {
    ExtensionOffer::new(name)
}

#[test]
fn the_examples_of_the_section_are_read() {
    check(&["deflate-stream"], &[named("deflate-stream")]);
    check(
        &["mux; max-channels=4; flow-control, deflate-stream"],
        &[named("mux").param("max-channels", "4").flag("flow-control"), named("deflate-stream")],
    );
    check(&["private-extension"], &[named("private-extension")]);
}

#[test]
fn several_lines_are_one_list() {
    let both = [named("foo"), named("bar").param("baz", "2")];
    check(&["foo", "bar; baz=2"], &both);
    check(&["foo, bar; baz=2"], &both);
    check(&[], &[]);
}

#[test]
fn blanks_and_empty_elements_make_no_difference() {
    let expected = [named("a").param("b", "c").flag("d"), named("e")];
    for line in ["a;b=c;d,e", "a ; b = c ;d , e", "\ta\t;\tb\t=\tc;d,\te\t", ",a;b=c;d,, ,e,"] {
        check(&[line], &expected);
    }
}

#[test]
fn quoted_values_are_unquoted_and_unescaped() {
    check(&[r#"a; b="c""#], &[named("a").param("b", "c")]);
    check(&[r#"a; b="c\d" , e"#], &[named("a").param("b", "cd"), named("e")]);
}

#[test]
fn a_quoted_value_must_be_a_token_once_unquoted() {
    for line in [r#"a; b="""#, r#"a; b="c d""#, r#"a; b="c,d""#, r#"a; b="c\"d""#, r#"a; b="c;d""#] {
        assert_eq!(parse(&[line]), Err(ExtensionListError::QuotedNotToken { offset: 5 }), "{line}");
    }
}

#[test]
fn repeated_parameters_are_kept_for_the_extension_to_judge() {
    check(&["a; b=1; b=2; b"], &[named("a").param("b", "1").param("b", "2").flag("b")]);
}

#[test]
fn malformed_lists_are_errors_that_say_where() {
    use ExtensionListError::*;
    for (line, error) in [
        ("", Empty),
        (" , ,", Empty),
        (";", ExpectedToken { offset: 0 }),
        ("a;", ExpectedToken { offset: 2 }),
        ("a; , b", ExpectedToken { offset: 3 }),
        ("a; =1", ExpectedToken { offset: 3 }),
        ("a; b=", ExpectedToken { offset: 5 }),
        ("a; b=;", ExpectedToken { offset: 5 }),
        ("a b", ExpectedSeparator { offset: 2 }),
        ("a; b c", ExpectedSeparator { offset: 5 }),
        ("a=b", ExpectedSeparator { offset: 1 }),
        ("a; b=c=d", ExpectedSeparator { offset: 6 }),
        ("a/b", ExpectedSeparator { offset: 1 }),
        ("\"a\"", ExpectedToken { offset: 0 }),
        (r#"a; b="c"d"#, ExpectedSeparator { offset: 8 }),
        (r#"a; b="c"#, UnfinishedQuote { offset: 5 }),
        (r#"a; b="c\"#, UnfinishedQuote { offset: 5 }),
        (r#"a; b="c\""#, UnfinishedQuote { offset: 5 }),
    ] {
        assert_eq!(parse(&[line]), Err(error), "{line}");
    }
}

#[test]
fn a_quote_does_not_reach_into_the_next_line() {
    assert_eq!(parse(&["a; b=\"c", "d\""]), Err(ExtensionListError::UnfinishedQuote { offset: 5 }));
}

#[test]
fn an_empty_line_beside_a_full_one_does_no_harm() {
    check(&["", "a"], &[named("a")]);
}

#[test]
fn a_list_beyond_its_limit_is_refused_over_lines_and_parameters() {
    let names = |count: usize| vec!["a"; count].join(",");
    assert_eq!(parse(&[&names(128)]).map(|list| list.len()), Ok(128));
    let too_many = Err(ExtensionListError::TooMany { limit: 128 });
    assert_eq!(parse(&[&names(129)]), too_many);
    assert_eq!(parse(&[&names(64), &names(65)]), too_many);
    assert_eq!(parse(&[&format!("a{}", "; b".repeat(128))]), too_many);
    assert_eq!(parse(&[&format!("a{}", "; b".repeat(127))]).map(|list| list.len()), Ok(1));
}

#[test]
fn what_is_written_reads_back_the_same() {
    let list = [named("foo").param("bar", "1").flag("baz"), named("qux")];
    let value = encode_extensions(&list).expect("tokens").expect("not empty");
    assert_eq!(value, "foo; bar=1; baz, qux");
    check(&[value.to_str().expect("ASCII")], &list);
}

#[test]
fn an_empty_list_gives_no_header() {
    assert_eq!(encode_extensions(&[]), Ok(None));
}

#[test]
fn names_and_values_that_are_not_tokens_are_not_written() {
    for offer in [
        named(""),
        named("a b"),
        named("a\r\nEvil: x"),
        named("a").flag(""),
        named("a").flag("b, c"),
        named("a").param("b", ""),
        named("a").param("b", "c\r\nd"),
        named("a").param("b", "\"c\""),
    ] {
        let error = encode_extensions(&[named("fine"), offer.clone()]).expect_err("not a token");
        assert!(matches!(error, HandshakeError::InvalidExtension(_)), "{offer:?}");
    }
}
