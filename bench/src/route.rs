//! A router of axum, on one thread.

use axum::Router;
use tokio::{net::TcpListener, runtime};

use crate::{Options, listen};

/// Serves the router as axum itself does.
pub fn serve(options: &Options, router: Router) {
    use axum::serve::ListenerExt as _;
    let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let listener = TcpListener::from_std(listen(options)).expect("a listener of the runtime");
        let listener = listener.tap_io(|stream| _ = stream.set_nodelay(true));
        axum::serve(listener, router).await.expect("serving never ends");
    });
}
