//! The addresses of a name: which ones are tried, and how the error reports those that fail. Tests beside `race`
//! check their order in time.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use silverback::{
    DialError, Dialer, Upgrader,
    dial::{DialEvent, DialStep},
};
use tokio::net::TcpListener;

use crate::support::{echo, within};

/// An address of this machine where no server listens.
async fn deaf_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn serve() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(async move { echo(Upgrader::new().accept(stream).await.unwrap()).await });
        }
    });
    address
}

#[tokio::test]
async fn an_address_that_refuses_us_costs_nothing_when_another_answers() {
    let (deaf, address) = (deaf_address().await, serve().await);
    let log = Arc::new(Mutex::new(Vec::new()));
    let dialer = Dialer::new().resolve("two.example", deaf).resolve("two.example", address).observer({
        let log = log.clone();
        move |event| {
            log.lock().unwrap().push(match event {
                DialEvent::Resolved { host, addresses, .. } => format!("resolved {host} {}", addresses.len()),
                DialEvent::Connecting { address } => format!("connecting {address}"),
                DialEvent::ConnectFailed { address, .. } => format!("failed {address}"),
                DialEvent::Connected { target, address, .. } => format!("connected {target} {}", address.unwrap()),
                DialEvent::Requested { request } => format!("requested {}", request.uri()),
                DialEvent::Answered { status, .. } => format!("answered {status}"),
                other => panic!("{other:?}"),
            })
        }
    });
    let mut conn = within(dialer.dial("ws://two.example/")).await.unwrap();
    conn.write_message("one of two").await.unwrap();
    assert_eq!(within(conn.read_message()).await.unwrap(), Some("one of two".into()));
    let expected = [
        "resolved two.example 2".to_owned(),
        format!("connecting {deaf}"),
        format!("failed {deaf}"),
        format!("connecting {address}"),
        format!("connected two.example:80 {address}"),
        "requested /".to_owned(),
        "answered 101 Switching Protocols".to_owned(),
    ];
    assert_eq!(*log.lock().unwrap(), expected);
}

#[tokio::test]
async fn when_no_address_answers_each_is_told() {
    let (one, other) = (deaf_address().await, deaf_address().await);
    let dialer = Dialer::new().resolve("none.example", one).resolve("none.example", other);
    let error = within(dialer.dial("ws://none.example:99/")).await.unwrap_err();
    assert_eq!((error.step(), error.target()), (Some(DialStep::Connect), Some("none.example:99")));
    let told: Vec<SocketAddr> = error.attempts().iter().map(|attempt| attempt.address).collect();
    assert_eq!(told, [one, other]);
    assert!(error.attempts().iter().all(|attempt| attempt.error.kind() == io::ErrorKind::ConnectionRefused));
    for words in ["none.example:99", &one.to_string(), &other.to_string(), "refused"] {
        assert!(error.to_string().contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_name_that_nobody_has_is_told_by_its_step() {
    let error = within(Dialer::new().dial("ws://nobody.invalid/")).await.unwrap_err();
    assert!(matches!(&error, DialError::Io { step: DialStep::Resolve, .. }), "{error}");
    assert!(error.to_string().contains("nobody.invalid:80"), "{error}");
}

#[tokio::test]
async fn an_address_of_ours_decides_the_family_that_is_tried() {
    let address = serve().await;
    let dialer = Dialer::new().resolve("a.example", "[::1]:9".parse().unwrap()).resolve("a.example", address);
    within(dialer.clone().local_address("127.0.0.1".parse().unwrap()).dial("ws://a.example/")).await.unwrap();
    let only_six = dialer.clone().local_address("::1".parse().unwrap());
    let error = within(only_six.dial("ws://a.example/")).await.unwrap_err();
    assert_eq!(error.attempts().len(), 1, "{error}");
    let foreign = dialer.local_address("192.0.2.1".parse().unwrap());
    let error = within(foreign.dial("ws://a.example/")).await.unwrap_err();
    assert_eq!(error.step(), Some(DialStep::Connect), "{error}");
}
