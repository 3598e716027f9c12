//! Which of the suite's cases are run when.

/// Every case of the suite.
pub(super) fn everything() -> Vec<String> {
    vec!["*".to_owned()]
}

/// The cases that `cargo xtask test` runs, which take minutes instead of most of an hour.
pub(super) fn selection() -> Vec<String> {
    let whole_groups = ["1", "2", "3", "4", "5", "6", "7", "9", "10"].map(|group| format!("{group}.*"));
    let subgroups =
        (1..=5).map(|subgroup| format!("12.{subgroup}")).chain((1..=7).map(|subgroup| format!("13.{subgroup}")));
    let compressed = subgroups.flat_map(|subgroup| FROM_EACH.map(|case| format!("{subgroup}.{case}")));
    whole_groups.into_iter().chain(compressed).collect()
}

/// The cases that `cargo xtask test` runs over HTTP/2 and HTTP/3. Compression does not know what is below it, so that few
/// of its cases are among them.
pub(super) fn selection_over_streams() -> Vec<String> {
    let whole_groups = ["1", "2", "3", "4", "5", "6", "7", "9", "10"].map(|group| format!("{group}.*"));
    let compressed = ["12.1.11", "12.5.4", "13.1.4", "13.7.11"].map(str::to_owned);
    whole_groups.into_iter().chain(compressed).collect()
}

/// Messages of 16 bytes, of 1 KiB, and of 8 KiB in fragments of 256 bytes.
const FROM_EACH: [u8; 3] = [1, 4, 11];
/// The selection, for people.
pub(super) const WORDS: &str = "all of groups 1 to 10, and cases 1, 4 and 11 of each\n\
     subgroup of 12 and 13 (compression). It leaves out the other 15 of each, 180 of 517";
/// What runs over HTTP/2 and HTTP/3, for people.
pub(super) const WORDS_OVER_STREAMS: &str = "all of groups 1 to 10, and cases 12.1.11, 12.5.4, 13.1.4 and 13.7.11";
