use super::super::results::Results;
use super::super::suite::{Case, Catalogue};
use super::{differences, render};

#[test]
fn each_group_has_its_heading_and_each_case_its_line() {
    let case = |id: &str, title: &str, group: &str| Case { id: id.into(), title: title.into(), group: group.into() };
    let catalogue = Catalogue {
        versions: vec!["suite 1".to_owned()],
        cases: vec![case("1.1.1", "empty text", "1 Framing"), case("2.1", "ping | pong", "2 Pings")],
    };
    let results = |text| Results::parse(text).expect("a report");
    let server = results(
        r#"{"silverback": {"1.1.1": {"behavior": "OK", "behaviorClose": "OK"},
                           "2.1": {"behavior": "OK", "behaviorClose": "WRONG CODE"}}}"#,
    );
    let client = results(r#"{"silverback": {"1.1.1": {"behavior": "OK", "behaviorClose": "OK"}}}"#);
    let text = render(&catalogue, &server, &client, "2026-01-31");
    assert!(text.contains("Versions: suite 1. In "));
    assert!(text.contains("\n## 1 Framing\n\n| case |"));
    assert!(text.contains("\n| 1.1.1 | empty text | OK | OK |\n\n## 2 Pings\n"));
    assert!(text.ends_with("\n| 2.1 | ping \\| pong | OK (close: WRONG CODE) | did not run |\n"));
    assert!(differences(&text, &catalogue, &server, &client).is_empty());
    assert_eq!(differences(&text, &catalogue, &client, &server), ["2.1"]);
}
