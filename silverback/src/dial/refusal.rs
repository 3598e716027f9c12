//! What was answered instead of what was hoped for, and no more of it than is useful.

use http::{HeaderMap, Response, StatusCode, header};
use tokio::{
    io::AsyncReadExt,
    time::{Instant, timeout_at},
};

use super::wire::Wire;

/// What a server said instead of 101, or a proxy instead of 200.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Refusal {
    /// The status.
    pub status: StatusCode,
    /// The headers. `Set-Cookie` is marked as sensitive, so that it does not appear in debug output.
    pub headers: HeaderMap,
    /// At most 4 KiB of the body.
    pub body: Vec<u8>,
}

impl Refusal {
    /// Reads as much of the body as its length announces, until the deadline; without a length, what came along.
    pub(super) async fn read(
        stream: &mut Wire,
        response: Response<()>,
        mut body: Vec<u8>,
        deadline: Instant,
    ) -> Box<Self> {
        let (parts, ()) = response.into_parts();
        let mut headers = parts.headers;
        hide_cookies(&mut headers);
        let outstanding = content_length(&headers).min(MAX_BODY).saturating_sub(body.len());
        // A body that does not come whole is still worth what came of it.
        let _ = timeout_at(deadline, stream.take(outstanding as u64).read_to_end(&mut body)).await;
        body.truncate(MAX_BODY);
        Box::new(Self { status: parts.status, headers, body })
    }
}

pub(super) fn hide_cookies(headers: &mut HeaderMap) {
    if let header::Entry::Occupied(mut cookies) = headers.entry(header::SET_COOKIE) {
        cookies.iter_mut().for_each(|cookie| cookie.set_sensitive(true));
    }
}

fn content_length(headers: &HeaderMap) -> usize {
    let value = headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
}

const MAX_BODY: usize = 4 * 1024;
