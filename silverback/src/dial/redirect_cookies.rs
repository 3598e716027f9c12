//! Cookies that redirects set (RFC 6265, 5), for the later requests of the same dial. Login pages in front of a service
//! set a cookie and redirect the client, and do so again until the cookie comes back. A [`CookieJar`](super::CookieJar)
//! keeps cookies for longer than a dial.

use std::{net::IpAddr, time::SystemTime};

use http::{HeaderMap, HeaderValue, header::SET_COOKIE};
use silverback_proto::handshake::ClientRequest;

/// At most [`MAX_COOKIES`] cookies over all hosts, the oldest first.
#[derive(Default)]
pub(super) struct RedirectCookies(Vec<Cookie>);

struct Cookie {
    name: Vec<u8>,
    value: Vec<u8>,
    /// The host that set the cookie, or the domain that it named.
    domain: String,
    /// Whether hosts below the domain must not get the cookie.
    is_host_only: bool,
    path: String,
    is_secure: bool,
}

impl RedirectCookies {
    /// Stores the cookies that the response to a request sets.
    pub(super) fn store(&mut self, request: &ClientRequest, answer: &HeaderMap, now: SystemTime) {
        for line in answer.get_all(SET_COOKIE) {
            let Some((cookie, is_expired)) = Cookie::parse(line.as_bytes(), request, now) else { continue };
            let known = self.0.iter().position(|other| other.is_same(&cookie));
            match (known, is_expired) {
                (Some(at), true) => _ = self.0.remove(at),
                (None, true) => {}
                (Some(at), false) => self.0[at] = cookie,
                (None, false) => self.0.push(cookie),
            }
            if self.0.len() > MAX_COOKIES {
                self.0.remove(0);
            }
        }
    }

    /// Returns the value of `Cookie` for a request, or `None` if redirects have set no cookie for it. The value holds
    /// the application's own cookies and those of redirects. A redirect can replace a cookie of the application.
    pub(super) fn join<'a>(
        &self,
        request: &ClientRequest,
        own: impl Iterator<Item = &'a HeaderValue>,
    ) -> Option<HeaderValue> {
        let mut found: Vec<&Cookie> = self.0.iter().filter(|cookie| cookie.is_for(request)).collect();
        if found.is_empty() {
            return None;
        }
        // 5.4, 2: cookies with longer paths come first.
        found.sort_by_key(|cookie| std::cmp::Reverse(cookie.path.len()));
        let own = own.flat_map(|line| line.as_bytes().split(|&byte| byte == b';')).map(<[u8]>::trim_ascii);
        let is_kept = |pair: &&[u8]| !pair.is_empty() && !found.iter().any(|cookie| cookie.name == split(pair, b'=').0);
        let mut pairs: Vec<Vec<u8>> = own.filter(is_kept).map(<[u8]>::to_vec).collect();
        pairs.extend(found.iter().map(|cookie| [&cookie.name, &b"="[..], &cookie.value].concat()));
        let mut value = HeaderValue::from_bytes(&pairs.join(&b"; "[..])).ok()?;
        value.set_sensitive(true);
        Some(value)
    }
}

impl Cookie {
    /// Parses a `Set-Cookie` line (5.2, 5.3). Also returns whether the cookie has expired, which removes it.
    fn parse(line: &[u8], request: &ClientRequest, now: SystemTime) -> Option<(Self, bool)> {
        let mut parts = line.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let pair = parts.next().filter(|pair| pair.contains(&b'=') && pair.len() <= MAX_COOKIE)?;
        let (name, value) = split(pair, b'=');
        if name.is_empty() {
            return None;
        }
        let mut attributes = Attributes::default();
        parts.for_each(|part| attributes.add(part));
        let domain = attributes.domain.as_deref().filter(|domain| *domain != request.host());
        let cookie = Self {
            name: name.to_vec(),
            value: value.to_vec(),
            domain: domain.unwrap_or(request.host()).to_owned(),
            is_host_only: attributes.domain.as_ref().is_none_or(|domain| !domain.contains('.')),
            path: attributes.path.clone().unwrap_or_else(|| default_path(request.target().path()).to_owned()),
            is_secure: attributes.is_secure,
        };
        let is_expired = attributes.is_expired(now);
        (cookie.may_be_set_by(request) && cookie.keeps_its_prefix()).then_some((cookie, is_expired))
    }

    /// Returns whether a server may set this cookie. A server may name its own domain and the domains above it, but not
    /// one like `com`, which many servers share (5.3, 5).
    fn may_be_set_by(&self, request: &ClientRequest) -> bool {
        let is_own = self.domain == request.host();
        let is_above = self.domain.contains('.') && is_below(request.host(), &self.domain);
        (is_own || is_above) && (request.is_secure() || !self.is_secure)
    }

    /// Returns whether the cookie meets the conditions of a prefix in its name (RFC 6265bis, 4.1.3).
    fn keeps_its_prefix(&self) -> bool {
        let has_prefix = |prefix: &str| {
            self.name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
        };
        match self {
            _ if has_prefix("__Host-") => self.is_secure && self.is_host_only && self.path == "/",
            _ if has_prefix("__Secure-") => self.is_secure,
            _ => true,
        }
    }

    /// Returns whether the cookie may be sent with a request (5.4, 1).
    fn is_for(&self, request: &ClientRequest) -> bool {
        let is_of_host =
            self.domain == request.host() || (!self.is_host_only && is_below(request.host(), &self.domain));
        is_of_host && covers(&self.path, request.target().path()) && (request.is_secure() || !self.is_secure)
    }

    fn is_same(&self, other: &Self) -> bool {
        let identity = |cookie: &Self| (cookie.name.clone(), cookie.domain.clone(), cookie.path.clone());
        identity(self) == identity(other)
    }
}

/// The attributes after the first `;`. If an attribute comes twice, the last one counts.
#[derive(Default)]
struct Attributes {
    domain: Option<String>,
    path: Option<String>,
    is_secure: bool,
    max_age_is_over: Option<bool>,
    expires: Option<SystemTime>,
}

impl Attributes {
    fn add(&mut self, part: &[u8]) {
        let (name, value) = split(part, b'=');
        let value = String::from_utf8_lossy(value);
        match name.to_ascii_lowercase().as_slice() {
            b"domain" if !value.is_empty() => {
                self.domain = Some(value.strip_prefix('.').unwrap_or(&value).to_ascii_lowercase());
            }
            b"path" => self.path = value.starts_with('/').then(|| value.into_owned()),
            b"secure" => self.is_secure = true,
            b"max-age" => self.max_age_is_over = max_age_is_over(&value).or(self.max_age_is_over),
            b"expires" => self.expires = parse_date(&value).or(self.expires),
            // `HttpOnly` and `SameSite` matter only for pages.
            _ => {}
        }
    }

    /// Returns whether the cookie has expired. `Max-Age` takes precedence over `Expires` (5.3, 3). A positive `Max-Age`
    /// never expires here, because a dial is short.
    fn is_expired(&self, now: SystemTime) -> bool {
        self.max_age_is_over.unwrap_or_else(|| self.expires.is_some_and(|expires| expires <= now))
    }
}

fn max_age_is_over(value: &str) -> Option<bool> {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| digits.len() < value.len() || digits.bytes().all(|byte| byte == b'0'))
}

/// Parses a date. Servers also send the old form of Netscape: `Thu, 01-Jan-1970 00:00:00 GMT`.
fn parse_date(value: &str) -> Option<SystemTime> {
    httpdate::parse_http_date(value).or_else(|_| httpdate::parse_http_date(&value.replace('-', " "))).ok()
}

/// Returns whether a host is below a domain (5.1.3). The case that both are the same is not included.
fn is_below(host: &str, domain: &str) -> bool {
    let is_address = host.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
    !is_address && host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'))
}

/// Returns the default path of a cookie (5.1.4).
fn default_path(path: &str) -> &str {
    match path.rfind('/') {
        None | Some(0) => "/",
        Some(end) => &path[..end],
    }
}

/// Returns whether the path of a cookie matches the path of a request (5.1.4).
fn covers(cookie_path: &str, path: &str) -> bool {
    let rest = path.strip_prefix(cookie_path);
    rest.is_some_and(|rest| rest.is_empty() || cookie_path.ends_with('/') || rest.starts_with('/'))
}

/// Splits at the first such byte and trims both sides.
fn split(text: &[u8], at: u8) -> (&[u8], &[u8]) {
    let end = text.iter().position(|&byte| byte == at).unwrap_or(text.len());
    (text[..end].trim_ascii(), text.get(end + 1..).unwrap_or_default().trim_ascii())
}

/// RFC 6265, 6.1 asks for at least 50 for each domain. We count over all domains, because a dial visits few.
const MAX_COOKIES: usize = 50;
/// Bytes of name and value: RFC 6265, 6.1 asks for at least 4096.
const MAX_COOKIE: usize = 4096;

#[cfg(test)]
#[path = "redirect_cookies_tests.rs"]
mod tests;
