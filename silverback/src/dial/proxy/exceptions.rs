//! `NO_PROXY`: the servers that are reached directly.

use std::net::IpAddr;

use silverback_proto::handshake::ascii_host;

#[derive(Clone, Debug, Default)]
pub(super) struct Exceptions {
    everything: bool,
    rules: Vec<(Rule, Option<u16>)>,
}

#[derive(Clone, Debug, PartialEq)]
enum Rule {
    /// The network's address, and the number of its bits that count.
    Addresses(IpAddr, u32),
    /// This host and every host below it.
    Name(String),
    /// Only the hosts below this name, which begins with a dot.
    Under(String),
}

impl Exceptions {
    /// Adds the entries of a list. An entry that cannot be parsed is ignored, because programs with other rules share
    /// the variable.
    pub(super) fn add(&mut self, list: &str) {
        for word in list.split(|separator: char| separator == ',' || separator.is_whitespace()) {
            match word {
                "" => {}
                "*" => self.everything = true,
                word => self.rules.extend(parse(&word.to_ascii_lowercase())),
            }
        }
    }

    /// Returns whether the server is reached directly. `host` is in lower case, without brackets and without a final
    /// dot.
    pub(super) fn match_host(&self, host: &str, port: u16) -> bool {
        let address = host.parse::<IpAddr>().ok().map(|address| address.to_canonical());
        let fits =
            |(rule, only): &(Rule, Option<u16>)| only.is_none_or(|only| only == port) && rule.matches(host, address);
        self.everything || self.rules.iter().any(fits)
    }
}

impl Rule {
    fn matches(&self, host: &str, address: Option<IpAddr>) -> bool {
        match (self, address) {
            (Self::Addresses(network, bits), Some(address)) => same_network(*network, address, *bits),
            (Self::Name(name), None) => {
                host.strip_suffix(name.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
            }
            (Self::Under(name), None) => host.len() > name.len() && host.ends_with(name.as_str()),
            _ => false,
        }
    }
}

fn parse(word: &str) -> Option<(Rule, Option<u16>)> {
    if let Some(rule) = parse_addresses(word) {
        return Some((rule, None));
    }
    let (host, port) = match word.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (word, None),
    };
    let host = host.trim_end_matches('.');
    let rule = match parse_addresses(host) {
        Some(rule) => rule,
        None if host.is_empty() || host == "*" => return None,
        None => match host.strip_prefix('*').unwrap_or(host) {
            under if under.starts_with('.') => Rule::Under(format!(".{}", ascii_host(&under[1..])?)),
            name => Rule::Name(ascii_host(name)?.into_owned()),
        },
    };
    Some((rule, port))
}

fn parse_addresses(word: &str) -> Option<Rule> {
    let (address, bits) = match word.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse().ok()?)),
        None => (word, None),
    };
    let address: IpAddr = address.trim_matches(['[', ']']).parse().ok()?;
    let width = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(width);
    (bits <= width).then_some(Rule::Addresses(address, bits))
}

fn same_network(network: IpAddr, address: IpAddr, bits: u32) -> bool {
    let differing = match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => (network.to_bits() ^ address.to_bits()).leading_zeros(),
        (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits() ^ address.to_bits()).leading_zeros(),
        _ => return false,
    };
    differing >= bits
}
