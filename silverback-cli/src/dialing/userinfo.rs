//! User name and password in a URL. The library refuses them, because URLs end up in logs. Users still write them on a
//! command line, so the program takes them out before it sends or shows the URL.

/// A user name, and a password if the URL has one.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Credentials {
    pub(super) user: String,
    pub(super) password: Option<String>,
}

/// Splits a URL into the URL without credentials, and the credentials.
pub(super) fn part(url: &str) -> Result<(String, Option<Credentials>), String> {
    let Some(start) = url.find("://").map(|at| at + 3) else { return Ok((url.to_owned(), None)) };
    let authority_len = url[start..].find(['/', '?', '#']).unwrap_or(url.len() - start);
    let Some((userinfo, _)) = url[start..start + authority_len].rsplit_once('@') else {
        return Ok((url.to_owned(), None));
    };
    let (user, password) = match userinfo.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (userinfo, None),
    };
    let credentials = Credentials { user: decode(user)?, password: password.map(decode).transpose()? };
    let bare = [&url[..start], &url[start + userinfo.len() + 1..]].concat();
    Ok((bare, Some(credentials)))
}

fn decode(text: &str) -> Result<String, String> {
    let wrong = || "user name and password in the URL must be percent-encoded UTF-8".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let digits = [rest.next().ok_or_else(wrong)?, rest.next().ok_or_else(wrong)?];
                let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(&digits).map_err(|_| wrong())?;
                bytes.extend(decoded);
            }
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
#[path = "userinfo_tests.rs"]
mod tests;
