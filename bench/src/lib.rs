//! The common parts of the servers: the command line, a runtime of one thread, and the accept loop. The files in `bin/`
//! drive each library.
#![allow(clippy::print_stdout, reason = "a server prints its address")]

#[cfg(feature = "batching")]
pub mod batching;
#[cfg(feature = "silverback")]
mod compression;
#[cfg(feature = "gathering")]
pub mod gathering;
pub mod options;
pub mod rounds;
#[cfg(any(feature = "axum", feature = "silverback-axum"))]
pub mod route;
pub mod sockets;

use std::{
    future::Future,
    net::{Ipv4Addr, TcpListener as StdTcpListener},
};

use tokio::{
    net::{TcpListener, TcpStream},
    runtime,
};

#[cfg(feature = "silverback")]
pub use compression::compression;
pub use options::Options;

/// Any failure: a measured server does not handle errors.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Serves each connection with the future that `handle` returns, all on one thread.
pub fn serve<F>(options: &Options, handle: impl Fn(TcpStream) -> F)
where
    F: Future<Output = Result<(), Failure>> + Send + 'static,
{
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listen(options)).expect("a listener of the runtime");
        options.run_rounds(listener.local_addr().expect("a listener has an address"));
        loop {
            // Failed connections are ignored: a load generator ends its connections by a reset.
            let Ok((stream, _)) = listener.accept().await else { continue };
            if stream.set_nodelay(true).is_ok() {
                tokio::spawn(handle(stream));
            }
        }
    });
}

/// Listens on the requested port and prints the address.
pub fn listen(options: &Options) -> StdTcpListener {
    let listener = StdTcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).expect("the port is free");
    listener.set_nonblocking(true).expect("a listener can be made non-blocking");
    println!("listening on {}", listener.local_addr().expect("a listener has an address"));
    listener
}
