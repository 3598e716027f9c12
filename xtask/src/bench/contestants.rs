//! The servers of `bench/` that are measured, each with its feature and how it is driven.

/// A server and how it is started.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Contestant {
    pub(super) name: &'static str,
    pub(super) group: Group,
    pub(super) program: Program,
    pub(super) arguments: &'static [&'static str],
    /// What the load needs for this server, beside the options of the cell.
    pub(super) load: &'static str,
}

/// The servers that are compared with each other. The first of a group is the base of its ratios.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    Echo,
    Compressed,
    /// The versions of HTTP.
    Versions,
    /// Each message of one connection goes to all.
    Broadcast,
    /// Settings of compression against memory.
    Settings,
    /// Those of them with a compressor to give back.
    Released,
}

/// Where a server comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Program {
    /// A program of `bench/`, built with one feature, if it needs one.
    Bench { bin: &'static str, feature: Option<&'static str> },
    /// The program that is shipped, through its real route.
    Silverback,
    /// The same with TLS.
    SilverbackTls,
}

impl Contestant {
    /// The server speaks raw TCP, without handshake and frames.
    pub(super) fn is_tcp(&self) -> bool {
        matches!(self.program, Program::Bench { feature: None, .. })
    }
}

const fn echo(
    name: &'static str,
    bin: &'static str,
    feature: &'static str,
    arguments: &'static [&'static str],
) -> Contestant {
    Contestant {
        name,
        group: Group::Echo,
        program: Program::Bench { bin, feature: Some(feature) },
        arguments,
        load: "",
    }
}

const fn tcp(name: &'static str, bin: &'static str) -> Contestant {
    Contestant { name, group: Group::Echo, program: Program::Bench { bin, feature: None }, arguments: &[], load: "" }
}

const fn compressed(
    name: &'static str,
    bin: &'static str,
    feature: &'static str,
    arguments: &'static [&'static str],
) -> Contestant {
    Contestant { group: Group::Compressed, ..echo(name, bin, feature, arguments) }
}

const fn broadcast(
    name: &'static str,
    bin: &'static str,
    feature: &'static str,
    arguments: &'static [&'static str],
) -> Contestant {
    Contestant { group: Group::Broadcast, ..echo(name, bin, feature, arguments) }
}

const fn version(name: &'static str, program: Program, load: &'static str) -> Contestant {
    let arguments: &[&str] = match program {
        Program::Silverback => &["--no-compression"],
        Program::SilverbackTls => &["--no-compression", "--tls-self-signed"],
        Program::Bench { .. } => &[],
    };
    Contestant { name, group: Group::Versions, program, arguments, load }
}

const YAWC: Program = Program::Bench { bin: "yawc", feature: Some("yawc") };
const YAWC_HTTP2: Program = Program::Bench { bin: "yawc", feature: Some("yawc-http2") };

const fn setting(name: &'static str, arguments: &'static [&'static str]) -> Contestant {
    let program = Program::Bench { bin: "silverback", feature: Some("silverback") };
    Contestant { name, group: Group::Settings, program, arguments, load: "" }
}

const fn released(name: &'static str, arguments: &'static [&'static str]) -> Contestant {
    Contestant { group: Group::Released, ..setting(name, arguments) }
}

pub(super) const ALL: &[Contestant] = &[
    tcp("raw-epoll", "raw_epoll"),
    tcp("raw-tokio", "raw_tokio"),
    Contestant {
        name: "silverback-program",
        group: Group::Echo,
        program: Program::Silverback,
        arguments: &["--no-compression", "--max-message-size", "16MiB"],
        load: "",
    },
    echo("silverback", "silverback", "silverback", &[]),
    echo("silverback-lending", "silverback", "silverback", &["--style", "lending"]),
    echo("silverback-split", "silverback", "silverback", &["--style", "split"]),
    echo("silverback-axum", "silverback_axum", "silverback-axum", &[]),
    echo("tungstenite", "tungstenite", "tungstenite", &[]),
    echo("tungstenite-best", "tungstenite", "tungstenite", &["--style", "best"]),
    echo("fastwebsockets", "fastwebsockets", "fastwebsockets", &[]),
    echo("fastwebsockets-best", "fastwebsockets", "fastwebsockets", &["--style", "best"]),
    echo("tokio-websockets", "tokio_websockets", "tokio-websockets", &[]),
    echo("tokio-websockets-best", "tokio_websockets", "tokio-websockets", &["--style", "best"]),
    echo("yawc", "yawc", "yawc", &[]),
    echo("yawc-best", "yawc", "yawc", &["--style", "best"]),
    echo("sockudo-ws", "sockudo", "sockudo", &[]),
    echo("sockudo-ws-best", "sockudo", "sockudo", &["--style", "best"]),
    echo("actix-ws", "actix_ws", "actix-ws", &[]),
    echo("async-tungstenite", "async_tungstenite", "async-tungstenite", &[]),
    echo("async-tungstenite-best", "async_tungstenite", "async-tungstenite", &["--style", "best"]),
    echo("soketto", "soketto", "soketto", &[]),
    echo("soketto-best", "soketto", "soketto", &["--style", "best"]),
    echo("ratchet", "ratchet", "ratchet", &[]),
    echo("ratchet-best", "ratchet", "ratchet", &["--style", "best"]),
    echo("web-socket", "web_socket", "web-socket", &[]),
    echo("web-socket-best", "web_socket", "web-socket", &["--style", "best"]),
    echo("axum", "axum", "axum", &[]),
    echo("axum-best", "axum", "axum", &["--style", "best"]),
    compressed("yawc level 1", "yawc", "yawc-zlib", &["--level", "1"]),
    compressed("yawc level 1 best", "yawc", "yawc-zlib", &["--level", "1", "--style", "best"]),
    Contestant {
        name: "silverback-program (level 1)",
        group: Group::Compressed,
        program: Program::Silverback,
        arguments: &["--max-message-size", "16MiB"],
        load: "",
    },
    compressed("silverback (level 1)", "silverback", "silverback", &["--deflate"]),
    compressed("silverback (level 1) lending", "silverback", "silverback", &["--deflate", "--style", "lending"]),
    compressed("sockudo-ws level 1", "sockudo", "sockudo", &["--level", "1", "--style", "best"]),
    compressed("yawc (level 6)", "yawc", "yawc-zlib", &["--deflate"]),
    compressed("yawc (level 6) miniz_oxide", "yawc", "yawc", &["--deflate"]),
    compressed("silverback level 6", "silverback", "silverback", &["--level", "6"]),
    compressed("sockudo-ws (level 6)", "sockudo", "sockudo", &["--deflate", "--style", "best"]),
    compressed("yawc level 1 no takeover", "yawc", "yawc-zlib", &["--level", "1", "--no-context-takeover"]),
    compressed("silverback no takeover", "silverback", "silverback", &["--no-context-takeover"]),
    compressed("sockudo-ws level 1 no takeover", "sockudo", "sockudo", &["--level", "1", "--no-context-takeover"]),
    version("HTTP/1.1", Program::Silverback, "--http1.1"),
    version("HTTP/2, 1 on each connection", Program::Silverback, "--http2 --streams 1"),
    version("HTTP/2, 10 on each connection", Program::Silverback, "--http2 --streams 10"),
    version("HTTP/2, 100 on each connection", Program::Silverback, "--http2 --streams 100"),
    version("yawc HTTP/1.1", YAWC, "--http1.1"),
    version("yawc HTTP/2, 1 on each connection", YAWC_HTTP2, "--http2 --streams 1"),
    version("yawc HTTP/2, 10 on each connection", YAWC_HTTP2, "--http2 --streams 10"),
    version("yawc HTTP/2, 100 on each connection", YAWC_HTTP2, "--http2 --streams 100"),
    version("HTTP/1.1 with TLS", Program::SilverbackTls, "--insecure --http1.1"),
    version("HTTP/2 with TLS, 1 on each connection", Program::SilverbackTls, "--insecure --http2 --streams 1"),
    version("HTTP/2 with TLS, 100 on each connection", Program::SilverbackTls, "--insecure --http2 --streams 100"),
    version("HTTP/3, 1 on each connection", Program::SilverbackTls, "--insecure --http3 --streams 1"),
    version("HTTP/3, 10 on each connection", Program::SilverbackTls, "--insecure --http3 --streams 10"),
    version("HTTP/3, 100 on each connection", Program::SilverbackTls, "--insecure --http3 --streams 100"),
    broadcast("broadcast raw-epoll", "broadcast_epoll", "silverback", &[]),
    broadcast("broadcast silverback", "broadcast_silverback", "silverback", &[]),
    broadcast("broadcast tungstenite", "broadcast_tungstenite", "tungstenite-broadcast", &[]),
    broadcast("broadcast tungstenite best", "broadcast_tungstenite", "tungstenite-broadcast", &["--style", "best"]),
    setting("no compression", &["--style", "lending"]),
    setting("default", &["--style", "lending", "--deflate"]),
    setting("server_no_context_takeover", &["--style", "lending", "--server-no-context-takeover"]),
    setting("client_no_context_takeover", &["--style", "lending", "--client-no-context-takeover"]),
    setting("no_context_takeover", &["--style", "lending", "--no-context-takeover"]),
    setting("window bits 8", &["--style", "lending", "--window-bits", "8"]),
    setting("window bits 9", &["--style", "lending", "--window-bits", "9"]),
    setting("window bits 10", &["--style", "lending", "--window-bits", "10"]),
    setting("window bits 11", &["--style", "lending", "--window-bits", "11"]),
    setting("window bits 12", &["--style", "lending", "--window-bits", "12"]),
    setting("window bits 13", &["--style", "lending", "--window-bits", "13"]),
    setting("window bits 14", &["--style", "lending", "--window-bits", "14"]),
    setting("memory level 1", &["--style", "lending", "--memory-level", "1"]),
    setting("memory level 4", &["--style", "lending", "--memory-level", "4"]),
    setting("memory level 9", &["--style", "lending", "--memory-level", "9"]),
    setting("window bits 12 and memory level 4", &["--style", "lending", "--window-bits", "12", "--memory-level", "4"]),
    setting("window bits 9 and memory level 1", &["--style", "lending", "--window-bits", "9", "--memory-level", "1"]),
    setting("level 6", &["--style", "lending", "--level", "6"]),
    setting("level 9", &["--style", "lending", "--level", "9"]),
    released("default: idle again", &["--style", "lending", "--deflate"]),
    released("client_no_context_takeover: idle again", &["--style", "lending", "--client-no-context-takeover"]),
    released("window bits 9: idle again", &["--style", "lending", "--window-bits", "9"]),
    released("window bits 12: idle again", &["--style", "lending", "--window-bits", "12"]),
];
