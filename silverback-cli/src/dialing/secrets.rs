//! User names, passwords, tokens and headers from the command line, files and variables. Other users of the machine
//! cannot see files and variables.

use std::{fs, path::Path};

use http::HeaderName;
use silverback::proto::handshake::headers::is_reserved;

use super::{options::DialOptions, userinfo::Credentials};
use crate::{error::Error, values::variable};

/// The credentials to send.
#[derive(PartialEq, Eq)]
pub(super) enum Authorization {
    Basic { user: String, password: String },
    Bearer(String),
}

impl Authorization {
    pub(super) fn resolve(options: &DialOptions, in_url: Option<Credentials>) -> Result<Option<Self>, Error> {
        let credentials = match &options.user {
            Some(text) => Some(parse_user(text)),
            None => in_url,
        };
        if let Some(credentials) = credentials {
            return Self::basic(options, credentials).map(Some);
        }
        let token = match (&options.bearer, &options.bearer_file) {
            (Some(token), _) => Some(token.clone()),
            (None, Some(path)) => Some(first_line("--bearer-file", path)?),
            (None, None) => variable(BEARER)?,
        };
        Ok(token.map(Self::Bearer))
    }

    fn basic(options: &DialOptions, credentials: Credentials) -> Result<Self, Error> {
        let password = match (credentials.password, &options.password_file) {
            (Some(password), None) => password,
            (Some(_), Some(_)) => {
                return Err(Error::Usage(
                    "--password-file cannot be used with a password beside the user name".to_owned(),
                ));
            }
            (None, Some(path)) => first_line("--password-file", path)?,
            (None, None) => variable(PASSWORD)?.ok_or_else(|| {
                Error::Usage(format!(
                    "--user has no password: add :PASSWORD, --password-file or the variable {PASSWORD}"
                ))
            })?,
        };
        Ok(Self::Basic { user: credentials.user, password })
    }
}

/// Parses the headers of `-H`: `Name: value`, or `@FILE` with one header per line.
pub(super) fn headers(given: &[String]) -> Result<Vec<(String, String)>, Error> {
    let mut headers = Vec::new();
    for text in given {
        let Some(path) = text.strip_prefix('@') else {
            headers.push(header(text)?);
            continue;
        };
        let lines = fs::read_to_string(path).map_err(|error| cannot_read("--header", Path::new(path), &error))?;
        for line in lines.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#')) {
            headers.push(header(line)?);
        }
    }
    Ok(headers)
}

fn header(text: &str) -> Result<(String, String), Error> {
    match text.split_once(':') {
        Some((name, value)) if !name.is_empty() => {
            refuse_reserved(name.trim())?;
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        // The error does not quote the text, which may be a secret without its header's name.
        _ => Err(Error::Usage("--header must be like 'Name: value'".to_owned())),
    }
}

/// Headers that the handshake sets. Users copy them from a browser's request. `Host` is allowed, because the dialer has
/// a setting for it.
fn refuse_reserved(name: &str) -> Result<(), Error> {
    let Ok(header) = HeaderName::from_bytes(name.as_bytes()) else { return Ok(()) };
    if !is_reserved(&header) {
        return Ok(());
    }
    let advice = match header.as_str() {
        "sec-websocket-protocol" => "use --subprotocol NAME",
        "sec-websocket-extensions" => "compression has --no-compression, and in bench --compress",
        "content-length" | "transfer-encoding" => "leave it out, a handshake has no body",
        _ => "leave it out, the handshake sends it by itself",
    };
    Err(Error::Usage(format!("--header cannot set {name}: {advice}")))
}

fn parse_user(text: &str) -> Credentials {
    match text.split_once(':') {
        Some((user, password)) => Credentials { user: user.to_owned(), password: Some(password.to_owned()) },
        None => Credentials { user: text.to_owned(), password: None },
    }
}

fn first_line(option: &str, path: &Path) -> Result<String, Error> {
    let text = fs::read_to_string(path).map_err(|error| cannot_read(option, path, &error))?;
    match text.lines().next() {
        Some(line) if !line.is_empty() => Ok(line.to_owned()),
        _ => Err(Error::Usage(format!("{option} found nothing in the first line of {}", path.display()))),
    }
}

fn cannot_read(option: &str, path: &Path, error: &std::io::Error) -> Error {
    Error::Usage(format!("{option} cannot read {}: {error}", path.display()))
}

const PASSWORD: &str = "SILVERBACK_PASSWORD";
const BEARER: &str = "SILVERBACK_BEARER";

#[cfg(test)]
#[path = "secrets_tests.rs"]
mod tests;
