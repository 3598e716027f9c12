//! The list of topics, for a site that has them.

use super::{
    limit::{DEFAULT_LIMIT, limit},
    operated::Operated,
};
use crate::serving::query::Query;

/// Returns the list that the query asks for, or says what is wrong with the query. `None` if the site has no topics.
pub(super) fn list(site: &Operated, query: &str) -> Option<Result<String, String>> {
    match wanted(query) {
        Ok((pattern, limit)) => site.site.topics(&pattern, limit).map(|list| Ok(list.to_string())),
        Err(mistake) => Some(Err(mistake)),
    }
}

/// Reads the pattern and the length of the list from a query.
fn wanted(query: &str) -> Result<(String, usize), String> {
    let known = |pair: &str| ["q=", "limit="].iter().any(|name| pair.starts_with(name));
    if !query.split('&').filter(|pair| !pair.is_empty()).all(known) {
        return Err("the query may have q=TEXT and limit=COUNT\n".to_owned());
    }
    let parameters = Query::of(query);
    let text = match parameters.get("q") {
        Some(text) if text.len() <= MOST_TEXT => text,
        None if !query.split('&').any(|pair| pair.starts_with("q=")) => String::new(),
        _ => return Err(format!("q must be at most {MOST_TEXT} bytes of UTF-8\n")),
    };
    let limit = parameters.get("limit").map_or(Ok(DEFAULT_LIMIT), |count| limit(&count))?;
    let has_wildcard = text.contains(['*', '?']);
    Ok((if text.is_empty() || has_wildcard { text } else { format!("*{text}*") }, limit))
}

/// The longest name of a topic has about as many bytes.
const MOST_TEXT: usize = 255;

#[cfg(test)]
mod tests {
    //! Queries.

    use super::*;

    #[test]
    fn a_query_has_a_text_and_a_limit() {
        for (query, expected) in [
            ("", Ok(("", 100))),
            ("q=&limit=5", Ok(("", 5))),
            ("q=chat", Ok(("*chat*", 100))),
            ("q=a%20b%3A%2A", Ok(("a b:*", 100))),
            ("q=%ff", Err("q must be")),
            ("limit=0", Err("limit must be")),
            ("limit=1001", Err("limit must be")),
            ("limit=x", Err("limit must be")),
            ("sort=name", Err("the query may have")),
        ] {
            match (wanted(query), expected) {
                (Ok((pattern, limit)), Ok(expected)) => assert_eq!((pattern.as_str(), limit), expected, "{query}"),
                (Err(error), Err(start)) => assert!(error.starts_with(start), "{query}: {error}"),
                (found, _) => panic!("{query}: {found:?}"),
            }
        }
        assert!(wanted(&format!("q={}", "x".repeat(256))).is_err());
    }
}
