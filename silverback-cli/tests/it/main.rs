//! The real program, started for each test on a free port, and talked to from outside.
#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod activation;
mod admin;
mod alike;
mod bench;
mod check;
mod completions;
mod compression;
mod connect;
mod container;
mod disconnects;
mod echo;
mod exits;
mod fronts;
mod http2;
mod http3;
mod hub;
mod invisible;
mod limits;
mod options;
mod pages;
mod paused;
mod printing;
mod proxy_protocol;
mod requests;
mod robustness;
mod secrets;
mod shutdown;
mod signals;
mod strangers;
mod support;
mod threads;
mod tls;
mod units;
mod unix_sockets;
mod usage;
mod versions;
