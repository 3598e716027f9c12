//! The hook for cookies: keeping them is the application's business, or that of a crate it uses.

use http::{HeaderValue, Uri};

/// Keeps cookies for a [`Dialer`](crate::Dialer).
///
/// ```
/// use std::sync::Mutex;
/// use silverback::CookieJar;
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
/// The URLs begin with `http` or `https`, because that is what the rules for cookies (RFC 6265) speak of.
pub trait CookieJar: Send + Sync + 'static {
    /// The value of the header `Cookie` for a request to this URL, or none. Where the application has set a `Cookie`
    /// of its own, that is sent and this is not asked.
    fn cookies(&self, url: &Uri) -> Option<HeaderValue>;

    /// Takes note of the `Set-Cookie` headers of an answer from this URL, be it 101, a refusal or a redirect. Called
    /// only where there are any.
    fn store(&self, url: &Uri, set_cookie: &mut dyn Iterator<Item = &HeaderValue>);
}
