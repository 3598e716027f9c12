//! The hosts whose requests a listener accepts.

use silverback::{HostPolicy, proto::handshake::HostPattern};

use super::{
    args::AllowedHost,
    listen::{Bound, Place},
};

/// A page can reach a service on loopback only through its visitor's browser, by DNS rebinding. Its requests then name
/// a host that is not loopback. A service on another address can have names that this program does not know. A page
/// cannot reach a Unix socket at all.
pub(super) fn host_policy(allowed: &[AllowedHost], bound: &[Bound], is_loopback: bool) -> HostPolicy {
    if allowed.contains(&AllowedHost::Any) || (allowed.is_empty() && !is_loopback) {
        return HostPolicy::Any;
    }
    let named = allowed.iter().filter_map(|allowed| match allowed {
        AllowedHost::Any => None,
        AllowedHost::Host(host) => Some(host.clone()),
    });
    // The addresses that the service announces.
    let announced = bound.iter().filter_map(|bound| match &bound.place {
        Place::Authority(authority) => HostPattern::parse(authority.rsplit_once(':')?.0).ok(),
        #[cfg(unix)]
        Place::File(_) => None,
    });
    HostPolicy::LoopbackOr(named.chain(announced).collect())
}
