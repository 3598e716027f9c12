//! What the server does on each path. `tests/interop/README.md` is the contract.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use http::Request;
use silverback::{Conn, Error};
use tokio::sync::Notify;

/// The paths, with what they remember for each other.
#[derive(Clone, Default)]
pub(crate) struct Paths {
    ended: Arc<Mutex<VecDeque<String>>>,
    added: Arc<Notify>,
}

impl Paths {
    pub(crate) async fn serve(&self, mut conn: Conn, request: &Request<()>) {
        let outcome = match request.uri().path() {
            "/echo" => {
                let outcome = echo(&mut conn).await;
                self.remember(&conn);
                outcome
            }
            "/close" => close(conn, request.uri().query().unwrap_or_default()).await,
            "/last-close" => self.last_close(conn).await,
            "/abort" => abort(conn).await,
            "/unread" => unread(conn).await,
            _ => tell_request(conn, request).await,
        };
        match outcome {
            Err(error) if !error.is_disconnect() => println!("{} {error}", request.uri().path()),
            _ => {}
        }
    }

    fn remember(&self, conn: &Conn) {
        let end = match conn.close_info() {
            Some(info) => format!("{} {}", info.code.get(), info.reason),
            None => "1006 ".to_owned(),
        };
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).push_back(end);
        self.added.notify_one();
    }

    async fn last_close(&self, mut conn: Conn) -> Result<(), Error> {
        let end = loop {
            let added = self.added.notified();
            if let Some(end) = self.ended.lock().unwrap_or_else(PoisonError::into_inner).pop_front() {
                break end;
            }
            added.await;
        };
        conn.write_message(end).await?;
        conn.close(1000, "").await
    }
}

async fn echo(conn: &mut Conn) -> Result<(), Error> {
    while let Some(message) = conn.read_message().await? {
        conn.write_message(message).await?;
    }
    Ok(())
}

async fn close(mut conn: Conn, query: &str) -> Result<(), Error> {
    let value = |name: &str| {
        let pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.filter(|(found, _)| *found == name).map(|(_, value)| value.replace("%20", " ")).next()
    };
    let code: u16 = value("code").and_then(|code| code.parse().ok()).unwrap_or(1000);
    conn.close(code, &value("reason").unwrap_or_default()).await
}

/// Drops the connection after the first message, without a Close frame and without an echo, which a reset could overtake.
async fn abort(mut conn: Conn) -> Result<(), Error> {
    conn.read_message().await.map(drop)
}

/// Reads nothing from the connection, until the server ends.
async fn unread(mut conn: Conn) -> Result<(), Error> {
    conn.write_message("not reading").await?;
    conn.flush().await?;
    std::future::pending().await
}

async fn tell_request(mut conn: Conn, request: &Request<()>) -> Result<(), Error> {
    conn.write_message(format!("{:?}", request.version())).await?;
    conn.close(1000, "").await
}

pub(crate) const SUBPROTOCOL: &str = "silverback.test";
pub(crate) const ALL: [&str; 6] = ["/echo", "/close", "/last-close", "/abort", "/unread", "/version"];
