//! The document and its policy, without a browser. `tests/browser` tests the page in one.
#![allow(clippy::unwrap_used)]

use super::*;

#[test]
fn the_page_holds_one_style_and_one_script_and_no_placeholder() {
    for serves in [Serves::Echo, Serves::Hub] {
        let html = &document(serves).html;
        assert_eq!(html.matches("<style").count(), 1);
        assert_eq!(html.matches("<script").count(), 1);
        assert_eq!(html.matches("</script").count(), 1, "the script must not end itself");
        assert!(!html.contains("{{"), "a placeholder was left");
    }
}

#[test]
fn the_policy_allows_exactly_the_style_and_the_script_of_the_page() {
    let document = document(Serves::Echo);
    for (directive, open, close) in
        [("script-src", "<script type=\"module\">", "</script>"), ("style-src", "<style>", "</style>")]
    {
        let content = document.html.split_once(open).unwrap().1.split_once(close).unwrap().0;
        let expected = format!("{directive} {};", hash_source(content));
        assert!(document.content_security_policy.contains(&expected), "{directive}");
    }
}

#[test]
fn a_hash_source_is_the_sha_256_in_base64() {
    // FIPS 180-2, B.1.
    assert_eq!(hash_source("abc"), "'sha256-ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0='");
}

#[test]
fn the_policy_begins_by_allowing_nothing_and_never_allows_inline_or_eval() {
    let policy = &document(Serves::Echo).content_security_policy;
    assert!(policy.starts_with("default-src 'none';"));
    assert!(!policy.contains("unsafe"));
    assert!(policy.contains("frame-ancestors 'none'"));
}

#[test]
fn the_page_fetches_nothing_from_elsewhere() {
    let html = &document(Serves::Echo).html;
    for outside in ["src=\"", "url(", "@import", "href=\"http", "import(", "XMLHttpRequest"] {
        assert!(!html.contains(outside), "{outside}");
    }
    // It asks its own service why it was refused, and for the version of its WebSocket. The policy allows no other.
    assert_eq!(html.matches("fetch(").count(), 2);
    assert!(document(Serves::Echo).content_security_policy.contains("connect-src 'self' ws: wss:;"));
}

#[test]
fn no_string_becomes_markup_or_a_handler() {
    let html = &document(Serves::Echo).html;
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", " style=\""]
    {
        assert!(!html.contains(sink), "{sink}");
    }
    let markup = unix_lines(PAGE);
    for handler in [" onclick", " onload", " onerror", " onsubmit", " oninput", " onchange", "javascript:"] {
        assert!(!markup.contains(handler), "{handler}");
    }
}

#[test]
fn every_element_that_the_script_looks_up_exists() {
    let script = join(&SCRIPTS);
    let names = script.split("byId(\"").skip(1).map(|rest| rest.split_once('"').unwrap().0);
    for name in names {
        assert!(PAGE.contains(&format!("id=\"{name}\"")), "{name}");
    }
}

#[test]
fn every_label_and_description_points_at_an_element() {
    for attribute in ["for=\"", "aria-describedby=\"", "aria-labelledby=\""] {
        for rest in PAGE.split(attribute).skip(1) {
            for name in rest.split_once('"').unwrap().0.split_whitespace() {
                assert!(PAGE.contains(&format!("id=\"{name}\"")), "{attribute}{name}");
            }
        }
    }
}

#[test]
fn line_ends_of_a_checkout_do_not_change_the_page() {
    assert_eq!(unix_lines("a\r\nb\nc"), "a\nb\nc");
}

#[test]
fn the_page_says_which_server_it_is_from() {
    for (serves, name) in [(Serves::Echo, "echo"), (Serves::Hub, "hub")] {
        let html = &document(serves).html;
        assert!(html.contains(&format!("<title>silverback {name}</title>")));
        assert!(html.contains(&format!("data-serves=\"{name}\"")));
    }
}
