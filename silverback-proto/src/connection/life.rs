//! Signs of life that only the transport can report: output that the peer has acknowledged.

/// The amount that the peer had acknowledged at the last report. Kept only while no byte has arrived from the peer
/// since, or while our transport is full.
#[derive(Debug, Default)]
pub(super) struct Acknowledged(Option<Box<Report>>);

#[derive(Clone, Copy, Debug)]
struct Report {
    acknowledged: u64,
    /// How much the peer must acknowledge before it gets to our keepalive ping.
    before_ping: u64,
}

impl Acknowledged {
    /// Notes that the peer has acknowledged this many bytes since the connection began, and that `outstanding` more are
    /// on their way to it. Returns whether that is a sign of life.
    ///
    /// Bytes behind our ping do not count: the kernel of a peer that hangs still acknowledges some. While our own
    /// transport is full (`is_blocked`), all progress counts.
    pub(super) fn note(&mut self, acknowledged: u64, outstanding: u64, awaits_pong: bool, is_blocked: bool) -> bool {
        let before = self.0.as_deref().copied();
        let before_ping = match before {
            Some(before) if awaits_pong => before.before_ping,
            _ => acknowledged.saturating_add(outstanding),
        };
        self.0 = Some(Box::new(Report { acknowledged, before_ping }));
        before.is_some_and(|before| {
            let has_moved = before.acknowledged < acknowledged;
            has_moved && (is_blocked || before.acknowledged < before.before_ping)
        })
    }

    /// Forgets the last report, because the peer has shown in another way that it is alive.
    #[inline]
    pub(super) fn forget(&mut self) {
        if self.0.is_some() {
            self.0 = None;
        }
    }
}
