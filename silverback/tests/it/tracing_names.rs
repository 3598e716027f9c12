//! Spans and events of `tracing` have stable names, which are those of the page `docs/reference/tracing.md`.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use silverback::{Conn, Dialer, Negotiated, Role, Settings, Upgrader};
use tokio::io::{AsyncWriteExt as _, duplex};
use tracing::{
    Event, Level, Metadata, Subscriber,
    span::{Attributes, Id, Record},
    subscriber::Interest,
};

/// Kind, target, name, level and fields.
type Row = (&'static str, String, String, String, BTreeSet<String>);

/// Collects the spans and events of the library.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<BTreeSet<Row>>>);

impl Subscriber for Collector {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("silverback") && *metadata.level() <= Level::TRACE
    }

    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.collect(attributes.metadata());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        self.collect(event.metadata());
    }

    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

impl Collector {
    fn collect(&self, metadata: &Metadata<'_>) {
        let fields = metadata.fields().iter().map(|field| field.name().to_owned());
        let fields = fields.filter(|field| field != "message").collect();
        let level = metadata.level().as_str().to_ascii_lowercase();
        let kind = if metadata.is_span() { "span" } else { "event" };
        let row = (kind, metadata.target().to_owned(), metadata.name().to_owned(), level, fields);
        self.0.lock().unwrap().insert(row);
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn page() -> BTreeSet<Row> {
    let page = fs::read_to_string(root().join("docs/reference/tracing.md")).unwrap();
    let (spans, events) = page.split_once("## Events").unwrap();
    fn rows(text: &str) -> impl Iterator<Item = &str> {
        text.lines().filter_map(|line| line.strip_prefix("| `silverback"))
    }
    let row = |kind, row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let fields = cells[3].split(", ").map(|word| word.trim_matches(['`', ' ', '|']).to_owned());
        let fields = fields.filter(|field| !field.is_empty()).collect();
        (
            kind,
            format!("silverback{}", cells[0].trim_matches('`')),
            cells[1].trim_matches('`').to_owned(),
            cells[2].to_owned(),
            fields,
        )
    };
    let spans = rows(spans).map(|line| row("span", line));
    spans.chain(rows(events).map(|line| row("event", line))).collect()
}

#[tokio::test]
async fn an_exchange_emits_the_spans_and_events_of_the_page_and_no_others() {
    let collector = Collector::default();
    let _collecting = tracing::subscriber::set_default(collector.clone());
    let (near, far) = duplex(64 * 1024);
    let (upgrader, dialer) = (Upgrader::new(), Dialer::new());
    let (server, client) = tokio::join!(upgrader.accept(near), dialer.dial_on(far, "ws://localhost/"));
    let (mut server, mut client) = (server.unwrap(), client.unwrap());
    client.write_message("hello").await.unwrap();
    client.flush().await.unwrap();
    server.read_message().await.unwrap();
    let (closed, ended) = tokio::join!(server.close(1000, ""), client.read_message());
    closed.unwrap();
    assert_eq!(ended.unwrap(), None);
    drop((server, client));

    let (near, mut far) = duplex(64 * 1024);
    far.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    far.shutdown().await.unwrap();
    Upgrader::new().accept(near).await.unwrap_err();

    // A server that sends a masked frame is at fault.
    let (near, mut far) = duplex(1024);
    far.write_all(&[0x81, 0x80, 0, 0, 0, 0]).await.unwrap();
    let settings = Settings::default();
    let mut client = Conn::from_handshake(near, Role::Client, Negotiated::default(), [], &settings);
    assert!(client.read_message().await.is_err());
    drop(client);

    let emitted = collector.0.lock().unwrap().clone();
    let page = page();
    let unknown: Vec<_> = emitted.difference(&page).collect();
    assert!(unknown.is_empty(), "docs/reference/tracing.md does not have {unknown:#?}");
    let names: BTreeSet<_> = emitted.iter().map(|(_, target, name, ..)| (target.as_str(), name.as_str())).collect();
    let expected = [
        ("silverback::conn", "closed"),
        ("silverback::conn", "connection"),
        ("silverback::conn", "fault"),
        ("silverback::conn", "opened"),
        ("silverback::dial", "step"),
        ("silverback::upgrade", "refused"),
    ];
    assert_eq!(names, BTreeSet::from(expected));
}

/// Reads the sources, because many events need a broker that fails in the right moment.
#[test]
fn the_page_has_every_span_and_event_of_the_sources_and_no_other() {
    let mut found = BTreeSet::new();
    for folder in fs::read_dir(root()).unwrap().map(|entry| entry.unwrap().path().join("src")) {
        let name = folder.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        if name.starts_with("silverback") && !name.ends_with("testkit") && folder.is_dir() {
            collect(&folder, &mut found);
        }
    }
    assert!(found.len() > 20, "{found:?}");
    let page: BTreeSet<_> =
        page().into_iter().map(|(kind, target, name, level, _)| (kind, target, name, level)).collect();
    assert_eq!(found, page, "docs/reference/tracing.md on the right");
}

fn collect(folder: &Path, found: &mut BTreeSet<(&'static str, String, String, String)>) {
    for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            let text = fs::read_to_string(&path).unwrap();
            for level in ["trace", "debug", "info", "warn", "error"] {
                for call in text.split(&format!("tracing::{level}!(")).skip(1) {
                    let quoted = |word: &str| Some(call.split_once(word)?.1.split('"').nth(1)?.to_owned());
                    let begins_well = call.trim_start().starts_with("name: \"");
                    assert!(begins_well, "an event without a name in {}: {call:.60}", path.display());
                    let (name, target) = (quoted("name:").unwrap(), quoted("target:").unwrap());
                    found.insert(("event", target, name, level.to_owned()));
                }
                for call in text.split(&format!("tracing::{level}_span!(")).skip(1) {
                    let begins_well = call.trim_start().starts_with("target: \"");
                    assert!(begins_well, "a span without a target in {}: {call:.60}", path.display());
                    let mut quoted = call.split('"').skip(1).step_by(2).map(str::to_owned);
                    let (target, name) = (quoted.next().unwrap(), quoted.next().unwrap());
                    found.insert(("span", target, name, level.to_owned()));
                }
            }
            // Forms that this does not read.
            let others = ["#[instrument", "tracing::event!(", "tracing::span!("];
            assert!(!others.iter().any(|word| text.contains(word)), "another form: {}", path.display());
        }
    }
}
