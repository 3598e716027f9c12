//! The hook for cookies. The application stores them itself or with a crate for cookies.

use http::{HeaderValue, Uri};

/// Keeps cookies for a [`Dialer`](crate::Dialer).
///
/// ```
/// use std::sync::Mutex;
/// use silverback::dial::CookieJar;
/// use http::{HeaderValue, Uri};
///
/// /// Keeps the last cookie of the only server there is.
/// #[derive(Default)]
/// struct OneCookie(Mutex<Option<HeaderValue>>);
///
/// impl CookieJar for OneCookie {
///     fn cookies(&self, _url: &Uri) -> Option<HeaderValue> {
///         self.0.lock().ok()?.clone()
///     }
///     fn store(&self, _url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>) {
///         let pair = |line: &HeaderValue| line.to_str().ok()?.split(';').next()?.parse().ok();
///         if let (Ok(mut kept), Some(cookie)) = (self.0.lock(), set_cookie.filter_map(pair).last()) {
///             *kept = Some(cookie);
///         }
///     }
/// }
/// let dialer = silverback::Dialer::new().cookie_jar(OneCookie::default());
/// ```
///
/// The URLs begin with `http` or `https`, because the rules for cookies (RFC 6265) are written for HTTP.
pub trait CookieJar: Send + Sync + 'static {
    /// Returns the value of the header `Cookie` for a request to this URL, or `None` for no cookies. Not called if the
    /// application has set a `Cookie` header itself, which is sent instead.
    fn cookies(&self, url: &Uri) -> Option<HeaderValue>;

    /// Stores the `Set-Cookie` headers of a response from this URL: a 101, a refusal or a redirect. Called only if
    /// there are any.
    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>);
}
