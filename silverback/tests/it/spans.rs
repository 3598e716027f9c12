//! One span for each connection: its events and its handler are in it, whichever task they come from.

use std::{
    io::{self, Write},
    sync::{Arc, Mutex},
};

use silverback::{Conn, Dialer, Negotiated, Role, Settings, Upgrader};
use tokio::{
    io::{AsyncWriteExt as _, duplex},
    net::{TcpListener, TcpStream},
    task::yield_now,
};
use tracing::{Instrument as _, Level, subscriber::DefaultGuard};
use tracing_subscriber::fmt::MakeWriter;

/// The lines of a subscriber, as an operator reads them.
#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    /// Prints what this thread reports, up to a level, until the guard is dropped.
    fn start(level: Level) -> (Self, DefaultGuard) {
        let printed = Self::default();
        let subscriber = tracing_subscriber::fmt()
            .without_time()
            .with_ansi(false)
            .with_max_level(level)
            .with_writer(printed.clone());
        (printed, tracing::subscriber::set_default(subscriber.finish()))
    }

    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that have a text.
    fn lines(&self, with: &str) -> Vec<String> {
        self.text().lines().filter(|line| line.contains(with)).map(str::to_owned).collect()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Write::write(&mut *self.0.lock().unwrap(), bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Printed {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// Returns the span of a line, from its name to its last field.
fn span(line: &str) -> &str {
    let begin = line.find("connection{").unwrap_or_else(|| panic!("no span: {line}"));
    &line[begin..=line.find('}').unwrap()]
}

async fn handle(mut conn: Conn) {
    while let Some(message) = conn.read_message().await.unwrap() {
        tracing::info!("the handler has got {message:?}");
    }
    drop(conn);
    tracing::info!("the handler ends");
}

/// Lets a client connect, send a message and close. Returns its address.
async fn converse() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let peer = stream.local_addr().unwrap().to_string();
    let (near, _) = listener.accept().await.unwrap();
    let upgrader = Upgrader::new().subprotocols(["chat"]);
    let dialer = Dialer::new().subprotocols(["chat"]).header("X-Api-Key", "a-secret");
    let dialing = dialer.dial_on(stream, "ws://localhost/room?token=a-secret");
    let (server, client) = tokio::join!(upgrader.accept(near), dialing);
    let handler = server.unwrap().spawn(handle);
    let mut client = client.unwrap();
    client.write_message("hello").await.unwrap();
    client.close(1000, "").await.unwrap();
    drop(client);
    handler.await.unwrap();
    peer
}

#[tokio::test]
async fn the_story_of_a_connection_is_in_one_span() {
    let (printed, _printing) = Printed::start(Level::DEBUG);
    let peer = converse().await;
    let lines = printed.lines(r#"{id="#);
    let server: Vec<_> = lines.iter().filter(|line| span(line).contains(r#"role="server""#)).collect();
    let ends = ["a WebSocket is open", "the handler has got", "a WebSocket has ended", "the handler ends"];
    assert_eq!(server.len(), ends.len(), "{server:#?}");
    for (line, end) in server.iter().zip(ends) {
        assert!(line.contains(end), "{server:#?}");
    }
    let opened = span(server[0]);
    let fields = format!(r#"role="server" http="1.1" peer={peer} path="/room" subprotocol="chat""#);
    assert!(opened.ends_with(&format!(" {fields}}}")), "{opened}");
    assert_eq!([span(server[1]), span(server[2])], [opened; 2]);
    // How it ended is known afterwards.
    assert_eq!(span(server[3]), opened.replace('}', r#" code=1000 side="client"}"#));

    let client: Vec<_> = lines.iter().filter(|line| span(line).contains(r#"role="client""#)).collect();
    assert_eq!(client.len(), 2, "{client:#?}");
    assert_ne!(span(client[0]).split(' ').next(), opened.split(' ').next(), "the ids differ");
    assert!(!printed.text().contains("secret"), "{}", printed.text());
}

#[tokio::test]
async fn the_handler_has_no_span_if_the_subscriber_does_not_want_it() {
    let (printed, _printing) = Printed::start(Level::INFO);
    converse().await;
    let lines = printed.lines("the handler");
    assert_eq!(lines.len(), 2, "{lines:#?}");
    assert!(!printed.text().contains("connection{"), "{}", printed.text());
}

#[tokio::test]
async fn the_span_is_inside_that_of_the_task_which_opens_the_connection() {
    let (printed, _printing) = Printed::start(Level::DEBUG);
    converse().instrument(tracing::info_span!("visit", number = 7)).await;
    let opened = printed.lines("a WebSocket is open");
    assert_eq!(opened.len(), 2, "{opened:#?}");
    assert!(opened.iter().all(|line| line.contains("visit{number=7}:connection{")), "{opened:#?}");
}

#[tokio::test]
async fn a_fault_and_an_end_in_the_background_are_in_the_span() {
    let (printed, _printing) = Printed::start(Level::DEBUG);
    let (near, mut far) = duplex(1024);
    // A client must mask its frames.
    far.write_all(&[0x81, 0]).await.unwrap();
    let mut conn = Conn::from_handshake(near, Role::Server, Negotiated::default(), [], &Settings::default());
    conn.read_message().await.unwrap_err();
    // It still waits for the end of the client.
    assert!(printed.lines("a WebSocket has ended").is_empty(), "{}", printed.text());
    drop(conn);
    drop(far);
    while printed.lines("a WebSocket has ended").is_empty() {
        yield_now().await;
    }
    let text = printed.text();
    let spans: Vec<_> = text.lines().map(span).collect();
    assert_eq!(spans, [spans[0]; 3], "{text}");
}

#[tokio::test]
async fn only_the_first_256_bytes_of_a_path_are_kept() {
    let (printed, _printing) = Printed::start(Level::DEBUG);
    let (near, far) = duplex(64 * 1024);
    let (upgrader, dialer) = (Upgrader::new(), Dialer::new());
    let url = format!("ws://localhost/{}", "x".repeat(300));
    let (server, client) = tokio::join!(upgrader.accept(near), dialer.dial_on(far, &url));
    drop((server.unwrap(), client.unwrap()));
    let opened = printed.lines("a WebSocket is open");
    let path = format!(r#" path="/{}"}}"#, "x".repeat(255));
    assert!(opened.len() == 2 && opened.iter().all(|line| line.contains(&path)), "{opened:#?}");
}
