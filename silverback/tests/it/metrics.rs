//! What a recorder of the crate `metrics` sees. Each test has a recorder of its own, on its own thread.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, SharedString, Unit,
};
use silverback::{Config, Conn, Dialer, Error, Event, MessageKind, PreparedMessage, Upgrader};
use tokio::io::{AsyncReadExt, AsyncWriteExt, duplex};

/// Keeps each value under its name with the labels, as in `name{role=server}`. A histogram keeps the number of values.
#[derive(Clone, Debug, Default)]
struct Recorder(Arc<Mutex<BTreeMap<String, Arc<Cell>>>>);

#[derive(Debug, Default)]
struct Cell {
    counted: AtomicU64,
    level: Mutex<f64>,
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.counted.fetch_add(value, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.counted.store(value, Ordering::Relaxed);
    }
}

impl GaugeFn for Cell {
    fn increment(&self, value: f64) {
        *self.level.lock().unwrap() += value;
    }

    fn decrement(&self, value: f64) {
        *self.level.lock().unwrap() -= value;
    }

    fn set(&self, value: f64) {
        *self.level.lock().unwrap() = value;
    }
}

impl HistogramFn for Cell {
    fn record(&self, value: f64) {
        assert!((0.0..60.0).contains(&value), "{value} s");
        self.counted.fetch_add(1, Ordering::Relaxed);
    }
}

impl Recorder {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> = key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        self.0.lock().unwrap().entry(name).or_default().clone()
    }

    /// Returns a counter, or the number of values in a histogram, without `websocket_` in its name.
    #[track_caller]
    fn count(&self, name: &str) -> u64 {
        let cells = self.0.lock().unwrap();
        cells.get(&format!("websocket_{name}")).map_or(0, |cell| cell.counted.load(Ordering::Relaxed))
    }

    fn level(&self, name: &str) -> f64 {
        let cells = self.0.lock().unwrap();
        cells.get(&format!("websocket_{name}")).map_or(0.0, |cell| *cell.level.lock().unwrap())
    }

    /// Waits until a counter has this value. The close sequence of a dropped connection ends in the background.
    async fn wait_for(&self, name: &str, count: u64) {
        let reached = async {
            while self.count(name) != count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if tokio::time::timeout(Duration::from_secs(30), reached).await.is_err() {
            self.check(&[(name, count)]);
        }
    }

    #[track_caller]
    fn check(&self, expected: &[(&str, u64)]) {
        for (name, count) in expected {
            assert_eq!(self.count(name), *count, "{name}: {:#?}", self.0.lock().unwrap());
        }
    }
}

impl ::metrics::Recorder for Recorder {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.cell(key))
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

async fn pair(upgrader: &Upgrader, dialer: &Dialer) -> (Conn, Conn) {
    let (near, far) = duplex(1024 * 1024);
    let (server, client) = tokio::join!(upgrader.accept(near), dialer.dial_on(far, "ws://localhost/"));
    (server.unwrap(), client.unwrap())
}

#[tokio::test]
async fn every_message_and_byte_of_an_exchange_is_counted_on_both_sides() {
    let recorder = Recorder::default();
    let _recording = ::metrics::set_default_local_recorder(&recorder);
    let (mut server, mut client) = pair(&Upgrader::new(), &Dialer::new()).await;
    assert_eq!((recorder.level("connections{role=server}"), recorder.level("connections{role=client}")), (1.0, 1.0));

    client.write_message("hello").await.unwrap();
    client.write_message(vec![0; 200]).await.unwrap();
    let mut streamed = client.next_writer(MessageKind::Text).await.unwrap();
    streamed.write_all(b"frag").await.unwrap();
    streamed.flush().await.unwrap();
    streamed.write_all(b"ments").await.unwrap();
    streamed.finish().await.unwrap();
    drop(streamed);
    // Its frame is built outside of the lock.
    client.write_message(vec![1; 100_000]).await.unwrap();
    client.ping(b"?").unwrap();
    client.flush().await.unwrap();
    for len in [5, 200, 9] {
        assert_eq!(server.read_message().await.unwrap().unwrap().len(), len);
    }
    let mut large = Vec::new();
    server.next_reader().await.unwrap().unwrap().read_to_end(&mut large).await.unwrap();
    assert_eq!(large.len(), 100_000);
    server.write_prepared(&PreparedMessage::new("to all")).await.unwrap();
    server.flush().await.unwrap();
    let reading = tokio::spawn(async move { server.read_message().await.map(|message| (message, server)) });
    assert!(matches!(client.read_event().await.unwrap(), Some(Event::Pong(_) | Event::Message(_))));
    assert!(matches!(client.read_event().await.unwrap(), Some(Event::Pong(_) | Event::Message(_))));
    client.close(1000, "").await.unwrap();
    let (end, server) = reading.await.unwrap().unwrap();
    assert_eq!(end, None);
    drop((client, server));
    for role in ["server", "client"] {
        recorder.wait_for(&format!("closes_total{{role={role},code=1000,side=client}}"), 1).await;
    }

    let to_server =
        (2 + 4 + 5) + (4 + 4 + 200) + (2 + 4 + 4) + (2 + 4 + 5) + (10 + 4 + 100_000) + (2 + 4 + 1) + (2 + 4 + 2);
    let to_client = (2 + 6) + (2 + 1) + (2 + 2);
    for (role, [received, sent], [bytes_in, bytes_out], [payload_in, payload_out], [ping, pong]) in [
        (
            "server",
            [(2, 2), (1, 0)],
            [to_server, to_client],
            [5 + 200 + 9 + 100_000, 6],
            [("in", "out"), ("out", "in")],
        ),
        (
            "client",
            [(1, 0), (2, 2)],
            [to_client, to_server],
            [6, 5 + 200 + 9 + 100_000],
            [("out", "in"), ("in", "out")],
        ),
    ] {
        let messages = |direction: &str, opcode: &str| {
            recorder.count(&format!("messages_total{{role={role},direction={direction},opcode={opcode}}}"))
        };
        let bytes =
            |name: &str, direction: &str| recorder.count(&format!("{name}{{role={role},direction={direction}}}"));
        assert_eq!((messages("in", "text"), messages("in", "binary")), received, "{role}");
        assert_eq!((messages("out", "text"), messages("out", "binary")), sent, "{role}");
        assert_eq!((messages(ping.0, "ping"), messages(ping.1, "ping")), (1, 0), "{role}");
        assert_eq!((messages(pong.0, "pong"), messages(pong.1, "pong")), (1, 0), "{role}");
        assert_eq!(
            (bytes("wire_bytes_total", "in"), bytes("wire_bytes_total", "out")),
            (bytes_in, bytes_out),
            "{role}"
        );
        assert_eq!(
            (bytes("payload_bytes_total", "in"), bytes("payload_bytes_total", "out")),
            (payload_in, payload_out),
            "{role}"
        );
        assert_eq!(recorder.level(&format!("connections{{role={role}}}")), 0.0);
        assert_eq!(recorder.level(&format!("send_queue_bytes{{role={role}}}")), 0.0);
        recorder.check(&[
            (&format!("connections_total{{role={role},http=1.1}}"), 1),
            (&format!("handshakes_total{{role={role},result=accepted}}"), 1),
            (&format!("handshake_duration_seconds{{role={role}}}"), 1),
            (&format!("connection_duration_seconds{{role={role}}}"), 1),
            (&format!("protocol_errors_total{{role={role},kind=protocol}}"), 0),
        ]);
    }
}

#[tokio::test]
async fn refused_handshakes_and_faults_are_counted_by_their_kind() {
    let recorder = Recorder::default();
    let _recording = ::metrics::set_default_local_recorder(&recorder);
    let upgrader = Upgrader::new();
    for (head, result) in [
        ("GET / HTTP/1.1\r\n\r\n", "malformed"),
        (
            "GET / HTTP/1.1\r\nHost: a.example\r\nOrigin: https://b.example\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
            "origin",
        ),
    ] {
        let (near, mut far) = duplex(4096);
        far.write_all(head.as_bytes()).await.unwrap();
        far.shutdown().await.unwrap();
        upgrader.accept(near).await.unwrap_err();
        recorder.check(&[(&format!("handshakes_total{{role=server,result={result}}}"), 1)]);
    }
    let (near, far) = duplex(4096);
    drop(far);
    assert!(Dialer::new().dial_on(near, "ws://localhost/").await.is_err());
    recorder.check(&[
        ("handshakes_total{role=client,result=unreachable}", 1),
        ("handshake_duration_seconds{role=server}", 0),
        ("handshake_duration_seconds{role=client}", 0),
    ]);

    let small = Upgrader::new().config(Config::default().max_message_size(10));
    let (mut server, mut client) = pair(&small, &Dialer::new()).await;
    client.write_message("longer than ten").await.unwrap();
    client.flush().await.unwrap();
    assert!(server.read_message().await.is_err());
    assert_eq!(client.read_message().await.unwrap(), None);
    drop((server, client));
    recorder.check(&[("protocol_errors_total{role=server,kind=message_too_big}", 1)]);
    recorder.wait_for("closes_total{role=server,code=1009,side=server}", 1).await;
    recorder.wait_for("closes_total{role=client,code=1009,side=server}", 1).await;
}

#[tokio::test]
async fn a_peer_that_takes_nothing_is_a_slow_consumer_and_its_queue_shows() {
    let recorder = Recorder::default();
    let _recording = ::metrics::set_default_local_recorder(&recorder);
    let config = Config::default().write_stall_timeout(Duration::from_millis(200)).max_queued_output(10_000);
    let (near, far) = duplex(1024);
    let (upgrader, dialer) = (Upgrader::new().config(config), Dialer::new());
    let (server, client) = tokio::join!(upgrader.accept(near), dialer.dial_on(far, "ws://localhost/"));
    let (mut server, client) = (server.unwrap(), client.unwrap());
    let error = loop {
        match server.write_message(vec![0; 500]).await {
            Ok(()) if recorder.level("send_queue_bytes{role=server}") > 20_000.0 => panic!("more than the limit"),
            Ok(()) => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(error, Error::Timeout(_)), "{error}");
    assert_eq!(recorder.level("send_queue_bytes{role=client}"), 0.0);
    drop((server, client));
    recorder.check(&[("slow_consumers_total{role=server,action=stall}", 1)]);
    recorder.wait_for("closes_total{role=server,code=1006,side=none}", 1).await;
    assert_eq!(recorder.level("send_queue_bytes{role=server}"), 0.0);
}

#[tokio::test]
async fn round_trips_of_keepalive_pings_are_recorded() {
    let recorder = Recorder::default();
    let _recording = ::metrics::set_default_local_recorder(&recorder);
    let config = Config::default().ping_interval(Duration::from_millis(20));
    let (mut server, mut client) = pair(&Upgrader::new().config(config), &Dialer::new()).await;
    let answering = tokio::spawn(async move { client.read_message().await.map(|_| ()) });
    let two_round_trips = async {
        while recorder.count("ping_rtt_seconds{role=server}") < 2 {
            let _ = tokio::time::timeout(Duration::from_millis(50), server.read_message()).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), two_round_trips).await.unwrap();
    assert_eq!(recorder.count("ping_rtt_seconds{role=client}"), 0, "pings of the peer are not ours");
    drop(server);
    let _ = answering.await.unwrap();
}

#[tokio::test]
async fn metrics_that_are_off_report_nothing() {
    let recorder = Recorder::default();
    let _recording = ::metrics::set_default_local_recorder(&recorder);
    let (mut server, mut client) = pair(&Upgrader::new().metrics(false), &Dialer::new().metrics(false)).await;
    client.write_message("quiet").await.unwrap();
    client.flush().await.unwrap();
    assert_eq!(server.read_message().await.unwrap().unwrap().len(), 5);
    drop((server, client));
    assert_eq!(recorder.0.lock().unwrap().len(), 0);
}
