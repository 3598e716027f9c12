//! Headers as people give them. Files and variables are tested with the program.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn a_header_has_a_name_and_a_value() {
    let found = headers(&["X-Tenant: blue".to_owned(), "Empty:".to_owned(), "Time: 12:30".to_owned()]).unwrap();
    let expected = [("X-Tenant", "blue"), ("Empty", ""), ("Time", "12:30")];
    assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
}

#[test]
fn what_is_no_header_is_refused_and_not_repeated() {
    for text in ["secret", ": secret"] {
        let error = headers(&[text.to_owned()]).unwrap_err();
        assert_eq!(error.code(), 2);
        assert!(!error.to_string().contains("secret"));
    }
}

#[test]
fn a_user_may_have_colons_in_the_password_only() {
    assert_eq!(parse_user("me:a:b"), Credentials { user: "me".to_owned(), password: Some("a:b".to_owned()) });
    assert_eq!(parse_user("me"), Credentials { user: "me".to_owned(), password: None });
    assert_eq!(parse_user("me:"), Credentials { user: "me".to_owned(), password: Some(String::new()) });
}
