//! The version of HTTP of a page's WebSocket. A browser tells a page how the page itself came, but not its WebSocket. So the
//! page opens it with a random tag in the query, and then asks the service about the tag.

use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use http::{Request, Version};

/// The WebSockets that pages have opened last.
#[derive(Debug, Default)]
pub(crate) struct PageSockets(Mutex<VecDeque<(u128, Version)>>);

impl PageSockets {
    /// Notes the version of a handshake, if it has a tag.
    pub(crate) fn note(&self, handshake: &Request<()>) {
        let Some(tag) = tag(handshake) else { return };
        let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sockets.len() == MOST {
            sockets.pop_front();
        }
        sockets.push_back((tag, handshake.version()));
    }

    /// Returns the version of the handshake with the same tag, if it is among the last ones.
    pub(crate) fn version(&self, question: &Request<()>) -> Option<Version> {
        let asked = tag(question)?;
        let sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sockets.iter().rev().find(|(tag, _)| *tag == asked).map(|(_, version)| *version)
    }
}

/// Reads the tag, which has 128 bits.
fn tag(request: &Request<()>) -> Option<u128> {
    let parameters = request.uri().query()?.split('&');
    let digits = parameters.filter_map(|parameter| parameter.strip_prefix("tag=")).next()?;
    let is_tag = digits.len() == 32 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    u128::from_str_radix(digits, 16).ok().filter(|_| is_tag)
}

/// A page asks at once. More pages than this do not open WebSockets meanwhile.
const MOST: usize = 1024;

#[cfg(test)]
mod tests {
    //! Tags, and how many are kept.
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn request(query: &str, version: Version) -> Request<()> {
        Request::get(format!("/ws/echo?{query}")).version(version).body(()).unwrap()
    }

    fn number(tag: usize) -> Request<()> {
        request(&format!("a=b&tag={tag:032x}&c"), Version::HTTP_2)
    }

    #[test]
    fn the_last_handshakes_with_a_tag_are_known() {
        let sockets = PageSockets::default();
        for tag in 0..MOST + 10 {
            sockets.note(&number(tag));
        }
        assert_eq!(sockets.version(&number(9)), None);
        assert_eq!(sockets.version(&number(10)), Some(Version::HTTP_2));
        assert_eq!(sockets.0.lock().unwrap().len(), MOST);
    }

    #[test]
    fn other_queries_are_not_kept() {
        let sockets = PageSockets::default();
        for query in
            ["", "tag=", "tag=12", "tag=+0000000000000000000000000000001", "id=00000000000000000000000000000001"]
        {
            sockets.note(&request(query, Version::HTTP_11));
            assert_eq!(sockets.version(&request(query, Version::HTTP_11)), None, "{query}");
        }
        assert!(sockets.0.lock().unwrap().is_empty());
    }
}
