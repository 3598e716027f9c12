//! How many rows a list has.

/// Reads the value of `limit` in a query. The error is the answer to it.
pub(super) fn limit(count: &str) -> Result<usize, String> {
    let limit = count.parse().ok().filter(|limit| (1..=MOST).contains(limit));
    limit.ok_or_else(|| format!("limit must be a number from 1 to {MOST}\n"))
}

/// The rows of a list whose query has no limit.
pub(super) const DEFAULT_LIMIT: usize = 100;

/// The most rows in one answer.
const MOST: usize = 1000;
