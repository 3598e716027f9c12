use std::path::Path;

use serde_json::json;

use super::{Lines, lines_of_files, verdict};
use crate::error::Error;

#[test]
fn only_the_cores_own_source_counts() {
    let file = |name: &str, count: u64, covered: u64| json!({ "filename": name, "summary": { "lines": { "count": count, "covered": covered } } });
    let exported = json!({ "data": [{ "files": [
        file("/core/src/close.rs", 10, 9),
        file("/core/src/connection/send.rs", 20, 20),
        file("/core/src/close/tests.rs", 100, 1),
        file("/core/src/connection/tests/closing.rs", 100, 1),
        file("/testkit/src/wire.rs", 100, 1),
    ] }] });
    let files = lines_of_files(&exported, Path::new("/core/src"));
    let counted: Vec<_> = files.iter().map(|(name, lines)| (name.as_str(), lines.all, lines.reached)).collect();
    assert_eq!(counted, [("close.rs", 10, 9), ("connection/send.rs", 20, 20)]);
}

#[test]
fn the_mark_is_on_the_sum_of_all_files() {
    let with = |reached| {
        [("a.rs".to_owned(), Lines { all: 100, reached }), ("b.rs".to_owned(), Lines { all: 300, reached: 300 })].into()
    };
    assert!(matches!(verdict(&with(80)), Ok(note) if note == "95.00 % of 400 lines of silverback-proto"));
    assert!(matches!(verdict(&with(79)), Err(Error::Failed(_))));
    assert!(matches!(verdict(&[].into()), Err(Error::Failed(_))), "an empty report must fail");
}
