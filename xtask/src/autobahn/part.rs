//! What of silverback a run of the suite tests.

use crate::command_line::{Http, Role};

/// A role and a version of HTTP.
#[derive(Clone, Copy)]
pub(super) struct Part {
    pub(super) role: Role,
    pub(super) http: Http,
}

impl Part {
    /// For the folder of its reports, its logs, and people.
    pub(super) fn name(self) -> String {
        match self.http {
            Http::Http1 => self.role.word().to_owned(),
            http => format!("{}-http{}", self.role.word(), http.word()),
        }
    }
}
