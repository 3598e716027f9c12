//! Hides the secrets of URLs in reports, errors and logs, which often end up in tickets. User name, password and query
//! are hidden everywhere in the same way: `ws://host/path?…`.

/// Returns a URL, with or without a scheme, without its secrets.
pub(crate) fn shown_url(url: &str) -> String {
    let (scheme, rest) = url.split_at(scheme_len(url));
    let (before, after) = rest.split_at(rest.find(['?', '#']).unwrap_or(rest.len()));
    let (authority, path) = before.split_at(before.find('/').unwrap_or(before.len()));
    let authority = match authority.rsplit_once('@') {
        Some((_, host)) => host,
        // A `/`, `?` or `#` in a password ends the authority early: `ws://me:pass/word@host`.
        None if has_odd_port(authority) && [path, after].concat().contains('@') => return format!("{scheme}{HIDDEN}"),
        // The text before the slashes is not a scheme: `<ws://me:password@host/>`, `ws//me:password@host`.
        None if scheme.is_empty() && path.starts_with("//") && path.contains('@') => return HIDDEN.to_owned(),
        None => authority,
    };
    let hidden = match after.len() {
        0 | 1 => after.to_owned(),
        _ => format!("{}{HIDDEN}", &after[..1]),
    };
    [scheme, authority, path, &hidden].concat()
}

/// Returns a text of another party, such as the body of an answer, without the secrets of the URLs in it. Servers quote
/// the request's target: "Cannot GET /ws?token=…".
pub(crate) fn without_secrets(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let len = rest.find(is_word_end).unwrap_or(rest.len());
        let (word, behind) = rest.split_at(len);
        out.push_str(&shown_word(word));
        let mut behind = behind.chars();
        out.extend(behind.next());
        rest = behind.as_str();
    }
    out
}

fn shown_word(word: &str) -> String {
    if scheme_len(word) > 0 {
        return shown_url(word);
    }
    match word.find('?') {
        Some(at) if at + 1 < word.len() => format!("{}{HIDDEN}", &word[..=at]),
        _ => word.to_owned(),
    }
}

/// Returns the length of `scheme://`, even if a part of it is missing (`https:/`, `//`), or 0.
fn scheme_len(url: &str) -> usize {
    let behind = url.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || "+-.".contains(c));
    let rest = behind.strip_prefix(':').unwrap_or(behind);
    let host = rest.trim_start_matches('/');
    let is_scheme = rest.len() < behind.len() || (behind.len() == url.len() && rest.starts_with("//"));
    match is_scheme && host.len() < rest.len() {
        true => url.len() - host.len(),
        false => 0,
    }
}

fn has_odd_port(authority: &str) -> bool {
    let behind_address = authority.rsplit(']').next().unwrap_or(authority);
    behind_address.split_once(':').is_some_and(|(_, port)| !port.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Characters that end a URL within a text.
fn is_word_end(c: char) -> bool {
    c.is_whitespace() || c.is_control() || "\"'`<>()".contains(c)
}

const HIDDEN: &str = "…";

#[cfg(test)]
#[path = "shown_tests.rs"]
mod tests;
