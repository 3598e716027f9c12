//! The limit on open files. Each connection is one, and each WebSocket over HTTP/1.1 a connection.

/// Raises the soft limit of the process, which is often 1024, to the hard one. Returns the limit that holds then, or `None`
/// if there is none or the system has no such limit.
pub(crate) fn raise_limit() -> Option<u64> {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
        let limit = getrlimit(Resource::Nofile);
        // If this fails, the program serves fewer connections, and reports when it runs out of descriptors.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
        getrlimit(Resource::Nofile).current
    }
    #[cfg(not(unix))]
    None
}

/// How many WebSockets there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxConnections {
    /// Nobody has chosen: this many, or fewer if the files do not suffice.
    Default(usize),
    Chosen(usize),
}

impl MaxConnections {
    /// Returns how many there may be under a limit on files, and a warning if that is more than it allows.
    pub(crate) fn under(self, limit: Option<u64>) -> (usize, Option<String>) {
        let limit = limit.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
        let fitting = limit.saturating_sub(FOR_OTHERS).max(1);
        match self {
            Self::Default(most) => (most.min(fitting), None),
            Self::Chosen(most) if most <= fitting => (most, None),
            Self::Chosen(most) => (most, Some(warning(most, limit))),
        }
    }
}

fn warning(most: usize, limit: usize) -> String {
    format!(
        "warning: this process may open {limit} files, but --max-connections {most} needs {}; raise the limit \
         (LimitNOFILE= of systemd, `ulimit -Hn`)",
        most.saturating_add(FOR_OTHERS)
    )
}

/// Connections that are refused or have no WebSocket, of which there may be a hundred, listeners, and what the runtime needs.
const FOR_OTHERS: usize = 164;

#[cfg(test)]
mod tests {
    //! What fits.

    use super::*;

    #[test]
    fn the_default_is_as_large_as_the_files_allow() {
        for (limit, most) in [(None, 50_000), (Some(1 << 20), 50_000), (Some(50_164), 50_000), (Some(1024), 860)] {
            assert_eq!(MaxConnections::Default(50_000).under(limit), (most, None));
        }
        assert_eq!(MaxConnections::Default(50_000).under(Some(40)), (1, None));
    }

    #[test]
    fn a_number_that_somebody_chose_is_kept_with_a_warning() {
        assert_eq!(MaxConnections::Chosen(860).under(Some(1024)), (860, None));
        assert_eq!(MaxConnections::Chosen(10_000_000).under(None), (10_000_000, None));
        let (most, warning) = MaxConnections::Chosen(861).under(Some(1024));
        let warning = warning.unwrap_or_default();
        assert_eq!(most, 861);
        assert!(warning.contains("may open 1024 files, but --max-connections 861 needs 1025"), "{warning}");
    }
}
