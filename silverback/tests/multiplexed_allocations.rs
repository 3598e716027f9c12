//! Allocations of messages over HTTP/2 and HTTP/3, counted on the thread of the server, with everything that h2 and
//! quinn allocate there. The client runs on another thread. The figures are in docs/http2.md and docs/http3.md.

#![cfg(all(unix, feature = "http2", feature = "http3", feature = "with-rustls-0_23", feature = "ring"))]
#![allow(clippy::unwrap_used)]

use std::{
    os::unix::net::UnixStream as PlainStream,
    sync::Arc,
    thread::{self, JoinHandle},
};

use allocation_counter::measure;
use silverback::{Conn, Http3Endpoint, Upgrader};
use silverback_testkit::{
    http2, http3,
    wire::{CLIENT_KEY, text},
};
use tokio::{
    net::UnixStream,
    runtime::{Builder, Runtime},
    task::yield_now,
};

/// Half of the rounds come before the measurement.
const ROUNDS: usize = 200;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

fn burst(messages: usize) -> Vec<u8> {
    (0..messages).flat_map(|_| text("x".repeat(32)).masked(CLIENT_KEY).encode()).collect()
}

async fn echo(conn: &mut Conn, messages: usize) {
    let (writer, reader) = conn.halves();
    for _ in 0..messages {
        let message = reader.read_borrowed().await.unwrap().unwrap();
        writer.write_borrowed(message).await.unwrap();
    }
}

/// Returns the allocations for each message that is borrowed and answered, in bursts of this length.
fn count(runtime: &Runtime, mut conn: Conn, messages: usize, client: JoinHandle<()>) -> f64 {
    runtime.block_on(echo(&mut conn, ROUNDS * messages));
    let info = measure(|| runtime.block_on(echo(&mut conn, ROUNDS * messages)));
    // The last answers may be on their way.
    runtime.block_on(async {
        while !client.is_finished() {
            yield_now().await;
        }
    });
    client.join().unwrap();
    info.count_total as f64 / (ROUNDS * messages) as f64
}

fn over_http2(messages: usize) -> f64 {
    let (near, far) = PlainStream::pair().unwrap();
    let client = thread::spawn(move || {
        runtime().block_on(async {
            far.set_nonblocking(true).unwrap();
            let client = http2::Client::connect(UnixStream::from_std(far).unwrap()).await;
            let mut stream = client.open(&[]).await;
            let burst = burst(messages);
            for _ in 0..2 * ROUNDS {
                stream.send(&burst);
                for _ in 0..messages {
                    stream.receive().await.unwrap().unwrap();
                }
            }
        });
    });
    let runtime = runtime();
    let conn = runtime.block_on(async {
        near.set_nonblocking(true).unwrap();
        let mut http2 = Upgrader::new().serve_http2(UnixStream::from_std(near).unwrap());
        let (conn, _) = http2.accept().await.unwrap().unwrap();
        tokio::spawn(async move { while http2.accept().await.is_some() {} });
        conn
    });
    count(&runtime, conn, messages, client)
}

fn over_http3(messages: usize) -> f64 {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().to_vec();
    let key = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let builder = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let tls = builder.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
    let runtime = runtime();
    let _entered = runtime.enter();
    let endpoint = Http3Endpoint::bind("127.0.0.1:0".parse().unwrap(), tls).unwrap();
    let address = endpoint.local_addr().unwrap();
    let client = thread::spawn(move || {
        self::runtime().block_on(async {
            let client = http3::Connection::connect(address, &certificate).await;
            let mut stream = client.open_websocket(&[]).await;
            let burst = http3::data(&burst(messages));
            for _ in 0..2 * ROUNDS {
                stream.send_raw(&burst).await;
                for _ in 0..messages {
                    stream.receive().await.unwrap().unwrap();
                }
            }
        });
    });
    let (conn, _http3) = runtime.block_on(async {
        let mut http3 = Upgrader::new().serve_http3(endpoint.accept().await.unwrap());
        (http3.accept().await.unwrap().unwrap().0, http3)
    });
    count(&runtime, conn, messages, client)
}

/// One for each DATA frame, because h2 takes ownership of it.
#[test]
fn over_http2_an_answer_allocates_once_and_a_burst_of_answers_hardly_more() {
    let (single, burst) = (over_http2(1), over_http2(32) * 32.0);
    assert!(single < 1.5, "{single}");
    assert!(burst < 3.0, "{burst}");
}

/// One for the DATA frame. The others are those of quinn for packets in both directions and their acknowledgements, whose
/// number depends on the time that the client takes.
#[test]
fn over_http3_a_burst_of_answers_hardly_allocates_more_than_one_answer() {
    let (single, burst) = (over_http3(1), over_http3(32) * 32.0);
    assert!(single < 10.0, "{single}");
    assert!(burst < 16.0, "{burst}");
}
