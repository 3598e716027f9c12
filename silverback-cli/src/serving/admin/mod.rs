//! The listener for operators: metrics, figures as JSON, a page, and two actions: close one connection, and drain.
//!
//! It is apart from the listeners for clients, because what it shows and does is not for them.

mod actions;
mod connections;
mod figures;
mod kept;
mod limit;
pub(super) mod metrics_site;
pub(super) mod operated;
mod page;
mod process;
pub(super) mod site;
mod topics;

use super::{
    args::AllowedHost,
    hosts::host_policy,
    listen::{self, Address, Bound, Place},
    routes::Hosts,
    tls::Tls,
    token::Token,
};
use crate::error::Error;

/// The listener, and who may use it.
#[derive(Debug)]
pub(crate) struct AdminPlan {
    pub(super) bound: Bound,
    pub(super) hosts: Hosts,
    pub(super) token: Option<Token>,
    /// Only on addresses that other machines can reach.
    pub(super) tls: Option<Tls>,
}

impl AdminPlan {
    /// Binds the address, unless the program is given the socket. `None` if there is neither.
    pub(super) fn bind(given: Option<Bound>, address: Option<&Address>) -> Result<Option<Bound>, Error> {
        match (given, address) {
            (Some(given), _) => Ok(Some(given)),
            (None, Some(address)) => bind(address).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Validates the settings.
    pub(super) fn resolve(
        bound: Bound,
        token: Option<Token>,
        hosts: &[AllowedHost],
        tls: Option<&Tls>,
    ) -> Result<Self, Error> {
        if bound.is_public() && token.is_none() {
            return Err(Error::Usage(NO_TOKEN.to_owned()));
        }
        let hosts = hosts_of(&bound, hosts);
        let tls = tls.filter(|_| bound.is_public()).cloned();
        Ok(Self { bound, hosts, token, tls })
    }

    /// The listener with the metrics alone, which any address may have.
    pub(super) fn of_metrics(bound: Bound, hosts: &[AllowedHost]) -> Self {
        let hosts = hosts_of(&bound, hosts);
        Self { bound, hosts, token: None, tls: None }
    }

    pub(super) fn sends_token_in_plain_text(&self) -> bool {
        self.bound.is_public() && self.tls.is_none()
    }

    /// How to reach a path of it.
    pub(super) fn shown(&self, path: &str) -> String {
        match &self.bound.place {
            Place::Authority(authority) => {
                format!("http{}://{authority}/{path}", if self.tls.is_some() { "s" } else { "" })
            }
            #[cfg(unix)]
            Place::File(file) => {
                format!("http://localhost/{path} through the Unix socket {}", file.path.display())
            }
        }
    }
}

fn bind(address: &Address) -> Result<Bound, Error> {
    let mut bound = listen::bind_all(std::slice::from_ref(address), Some(OWNER_ONLY), || {})?;
    bound.pop().ok_or_else(|| Error::System("there is no address for operators".to_owned()))
}

fn hosts_of(bound: &Bound, hosts: &[AllowedHost]) -> Hosts {
    let bound = std::slice::from_ref(bound);
    Hosts {
        tcp: host_policy(hosts, bound, !bound.iter().any(Bound::is_public)),
        #[cfg(unix)]
        unix: host_policy(hosts, bound, false),
    }
}

/// Who may read and write the Unix socket decides who is an operator.
const OWNER_ONLY: u32 = 0o600;

const NO_TOKEN: &str = "\
other machines can reach the address of --admin, so it needs a token: set SILVERBACK_ADMIN_TOKEN, or give \
--admin-token-file FILE";
