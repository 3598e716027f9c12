//! The parts of a URL that a report may show.

use super::*;

#[test]
fn a_url_is_shown_without_user_name_password_and_query() {
    for (url, shown) in [
        ("ws://host/path", "ws://host/path"),
        ("ws://host", "ws://host"),
        ("ws://host:8000?", "ws://host:8000?"),
        ("wss://host?token=S3CRET", "wss://host?…"),
        ("wss://host/a?S3CRET?S3CRET#S3CRET", "wss://host/a?…"),
        ("wss://host/a#S3CRET", "wss://host/a#…"),
        ("ws://host/?q={\"a\": \"S3CRET\"}", "ws://host/?…"),
        ("ws://me:S3CRET@host:80/a?b", "ws://host:80/a?…"),
        ("ws://me:S3CRET@S3CRET@[::1]:80/", "ws://[::1]:80/"),
        ("host:80/a?next=http://S3CRET", "host:80/a?…"),
        ("me:S3CRET@host/a?mail=me@S3CRET", "host/a?…"),
        ("ws://host/@a", "ws://host/@a"),
        ("ws://me:S3/S3CRET@host/", "ws://…"),
        ("me:S3?S3CRET@host/", "…"),
        ("https:/me:S3CRET@host/?S3CRET", "https:/host/?…"),
        ("//me:S3CRET@host/a", "//host/a"),
        ("ws:///me:S3CRET@host/a", "ws:///host/a"),
        ("<ws://me:S3CRET@host/>", "…"),
        ("ws//me:S3CRET@host/", "…"),
        ("/a//b", "/a//b"),
        ("a//b", "a//b"),
        ("ws://[::1]:80/@", "ws://[::1]:80/@"),
        ("", ""),
    ] {
        assert_eq!(shown_url(url), shown, "{url}");
    }
}

#[test]
fn a_text_is_shown_without_the_secrets_of_its_urls() {
    for (text, shown) in [
        ("Cannot GET /ws?token=S3CRET", "Cannot GET /ws?…"),
        ("<pre>Cannot GET /ws?a=1&amp;token=S3CRET</pre>", "<pre>Cannot GET /ws?…</pre>"),
        ("see 'https://me:S3CRET@host/?S3CRET', please", "see 'https://host/?…', please"),
        ("What? Who? (/x?S3CRET)", "What? Who? (/x?…)"),
        ("unexpected argument 'ws://me:S3CRET@h/#S3CRET' found", "unexpected argument 'ws://h/#…' found"),
        (" a\n b ", " a\n b "),
        ("übergroß", "übergroß"),
    ] {
        assert_eq!(without_secrets(text), shown, "{text}");
    }
}
