//! Who a member is.

use std::{fmt, sync::Arc};

use bytes::Bytes;

/// Who is behind a connection, as the application has authenticated it. Cloning shares it.
///
/// ```
/// use silverback_hub::Identity;
///
/// let identity = Identity::user("42").info(r#"{"name":"Ann"}"#);
/// assert_eq!(identity.user_id(), Some("42"));
/// assert_eq!(Identity::anonymous().user_id(), None);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    user: Option<Arc<str>>,
    info: Bytes,
}

impl Identity {
    /// A user with this id. `Hub::disconnect` and presence use it.
    pub fn user(id: impl Into<Arc<str>>) -> Self {
        Self { user: Some(id.into()), info: Bytes::new() }
    }

    /// Someone without a user id.
    pub fn anonymous() -> Self {
        Self::default()
    }

    /// Adds bytes that presence shows, such as a name in JSON. Default: none. At most
    /// [`Limits::identity`](crate::Limits::identity) bytes together with the user id.
    #[must_use]
    pub fn info(mut self, info: impl Into<Bytes>) -> Self {
        self.info = info.into();
        self
    }

    /// Returns the user id, or `None` for an anonymous member.
    pub fn user_id(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Returns the bytes that presence shows.
    pub fn info_bytes(&self) -> &Bytes {
        &self.info
    }

    pub(crate) fn shared_user(&self) -> Option<Arc<str>> {
        self.user.clone()
    }

    pub(crate) fn len(&self) -> usize {
        self.user.as_ref().map_or(0, |user| user.len()) + self.info.len()
    }
}

/// A member of any node. Ids are not used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId {
    node: u64,
    number: u64,
}

impl MemberId {
    /// Joins the random id of a node and the number of a member there. Engines need this to read an id from a broker.
    pub const fn new(node: u64, number: u64) -> Self {
        Self { node, number }
    }

    /// Returns the id of the node.
    pub const fn node(self) -> u64 {
        self.node
    }

    /// Returns the number of the member on its node.
    pub const fn number(self) -> u64 {
        self.number
    }
}

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}-{:x}", self.node, self.number)
    }
}

/// A member that is present in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Present {
    /// The member.
    pub member: MemberId,
    /// Who it is.
    pub identity: Identity,
}

impl Present {
    /// Joins both.
    pub fn new(member: MemberId, identity: Identity) -> Self {
        Self { member, identity }
    }
}
