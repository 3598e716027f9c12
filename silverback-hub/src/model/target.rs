//! The members that the server acts on.

use super::identity::{MemberId, Present};

/// The members of any node that a call of the server acts on: all connections of a user, or one member.
///
/// ```
/// use silverback_hub::{MemberId, Target};
///
/// # fn example(member: MemberId) {
/// let all_of_a_user = Target::user("42");
/// let one_of_them = Target::user("42").only(member);
/// let the_others = Target::user("42").except([member]);
/// let one = Target::member(member);
/// # }
/// ```
///
/// A text is a user id, and a [`MemberId`] is that member: `hub.disconnect("42", 4501, "banned")`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub(crate) user: Option<String>,
    pub(crate) member: Option<MemberId>,
    pub(crate) except: Vec<MemberId>,
}

impl Target {
    /// All connections of a user.
    pub fn user(id: impl Into<String>) -> Self {
        Self { user: Some(id.into()), member: None, except: Vec::new() }
    }

    /// One member.
    pub fn member(id: MemberId) -> Self {
        Self { user: None, member: Some(id), except: Vec::new() }
    }

    /// Narrows the target down to one member. It is empty if the member does not belong to the user.
    #[must_use]
    pub fn only(mut self, member: MemberId) -> Self {
        self.member = Some(member);
        self
    }

    /// Leaves out some members.
    #[must_use]
    pub fn except(mut self, members: impl IntoIterator<Item = MemberId>) -> Self {
        self.except.extend(members);
        self
    }

    pub(crate) fn includes(&self, present: &Present) -> bool {
        self.user.as_deref().is_none_or(|user| present.identity.user_id() == Some(user))
            && self.member.is_none_or(|member| present.member == member)
            && !self.except.contains(&present.member)
    }
}

impl From<&str> for Target {
    fn from(user: &str) -> Self {
        Self::user(user)
    }
}

impl From<&String> for Target {
    fn from(user: &String) -> Self {
        Self::user(user)
    }
}

impl From<String> for Target {
    fn from(user: String) -> Self {
        Self::user(user)
    }
}

impl From<MemberId> for Target {
    fn from(member: MemberId) -> Self {
        Self::member(member)
    }
}
