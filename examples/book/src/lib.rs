//! Compiles the snippets of the book's pages, and runs those that are not `no_run`. The programs of the tutorial are in
//! `src/bin/`, and tests run them.
//!
//! Snippets of older guides are compiled in the crates that they are about.

/// Pages by their paths in docs/. `cargo xtask test --only promises` says if one is missing.
macro_rules! pages {
    ($($name:ident: $path:literal,)*) => {
        $(
            #[cfg(doctest)]
            #[doc = include_str!(concat!("../../../docs/", $path))]
            mod $name {}
        )*
    };
}

pages! {
    authentication: "how-to/authentication.md",
    axum: "how-to/axum.md",
    keepalive: "topics/keepalive.md",
    blocking: "how-to/blocking.md",
    broadcast: "how-to/broadcast.md",
    cancel_safety: "topics/cancel-safety.md",
    defaults: "reference/defaults.md",
    deploy: "deploy/index.md",
    errors: "reference/errors.md",
    faq: "faq.md",
    from_axum: "migrate/from-axum.md",
    from_broadcast: "migrate/from-broadcast.md",
    from_fastwebsockets: "migrate/from-fastwebsockets.md",
    hyper: "how-to/hyper.md",
    json: "how-to/json.md",
    large_messages: "how-to/large-messages.md",
    proxies: "how-to/proxies.md",
    reconnecting: "how-to/reconnecting.md",
    send_and_receive: "how-to/send-and-receive.md",
    shutdown: "how-to/shutdown.md",
    state: "how-to/state.md",
    tutorial_chat: "tutorial/chat.md",
    subprotocols: "how-to/subprotocols.md",
    testing: "how-to/testing.md",
    tls: "how-to/tls.md",
    tokio: "how-to/tokio.md",
    tracing: "reference/tracing.md",
    two_machines: "tutorial/two-machines.md",
    unix_sockets: "how-to/unix-sockets.md",
}
