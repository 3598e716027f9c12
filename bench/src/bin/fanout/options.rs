//! The command line.

use std::{net::SocketAddr, time::Duration};

use silverback_bench::Failure;

use crate::protocol::Protocol;

#[derive(Debug)]
pub struct Options {
    pub address: SocketAddr,
    pub protocol: Protocol,
    pub path: String,
    /// Where the publisher connects.
    pub publish_path: String,
    pub subscribers: usize,
    /// Bytes of a message.
    pub size: usize,
    /// Offer compression without context takeover, so that the load can share what it inflates.
    pub compress: bool,
    /// The server, whose children count too.
    pub pid: u32,
    /// How long each kind of load lasts.
    pub duration: Duration,
    /// Subscribers that stop reading. Without them, the load is single messages and bursts.
    pub stopped: usize,
    /// Messages in a second, while some have stopped.
    pub rate: u32,
}

impl Options {
    pub fn parse() -> Result<Self, Failure> {
        let mut options = Self {
            address: SocketAddr::from(([127, 0, 0, 1], 0)),
            protocol: Protocol::Raw,
            path: "/".to_owned(),
            publish_path: String::new(),
            subscribers: 1000,
            size: 128,
            compress: false,
            pid: 0,
            duration: Duration::from_secs(1),
            stopped: 0,
            rate: 30,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| format!("{word} needs a value"));
            match word.as_str() {
                "--address" => options.address = value()?.parse()?,
                "--protocol" => options.protocol = Protocol::named(&value()?)?,
                "--path" => options.path = value()?,
                "--publish-path" => options.publish_path = value()?,
                "--subscribers" => options.subscribers = value()?.parse()?,
                "--size" => options.size = value()?.parse()?,
                "--compress" => options.compress = true,
                "--pid" => options.pid = value()?.parse()?,
                "--milliseconds" => options.duration = Duration::from_millis(value()?.parse()?),
                "--stopped" => options.stopped = value()?.parse()?,
                "--rate" => options.rate = value()?.parse()?,
                _ => return Err(format!("unknown option {word}").into()),
            }
        }
        if options.publish_path.is_empty() {
            options.publish_path.clone_from(&options.path);
        }
        Ok(options)
    }
}
