//! No password reaches a log, whatever its level.

use std::{
    fmt::{self, Write as _},
    sync::Mutex,
};

use silverback_hub::Topic;
use silverback_hub_nats::Nats;
use silverback_testkit::broker::{Broker, nats};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span::{Attributes, Id, Record},
};

use crate::support::{builder, hub, with_history};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_log_shows_a_password_or_a_token_of_any_level() {
    let Some(nats) = nats::Nats::installed() else { return };
    tracing::subscriber::set_global_default(Log).expect("no other test sets it");
    let mut broker = Broker::start(nats.config("authorization { user: ann, password: s3cret-right }"));
    let url = |login: &str| format!("nats://{login}@127.0.0.1:{}", broker.port());
    let right = hub(Nats::builder(&url("ann:s3cret-right")), with_history()).await;
    for login in ["ann:s3cret-wrong", "s3cret-token"] {
        let engine = Nats::connect(&url(login)).await.expect("a valid URL");
        let wrong = builder(Topic::new()).engine(engine).start().await.expect("the hub starts");
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        assert!(!wrong.is_ready());
        tracing::trace!("{wrong:?}");
    }
    broker.restart();
    tracing::trace!("{right:?}");
    let lines = LINES.lock().expect("no panic under this lock");
    let has = |text: &str| lines.contains(text);
    assert!(has("authorization violation") && has("127.0.0.1"), "the log has what it should have");
    let shown = lines.lines().find(|line| line.contains("s3cret"));
    assert_eq!(shown, None);
}

/// Everything that this process has logged.
static LINES: Mutex<String> = Mutex::new(String::new());

struct Log;

struct Line(String);

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut line = Line(String::new());
        span.record(&mut line);
        line.keep();
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        let mut line = Line(String::new());
        values.record(&mut line);
        line.keep();
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(event.metadata().target().to_owned());
        event.record(&mut line);
        line.keep();
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a string does not fail.
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Line {
    fn keep(self) {
        let mut lines = LINES.lock().expect("no panic under this lock");
        // Other tests log at the same time.
        if lines.len() < 64 * 1024 * 1024 {
            lines.push_str(&self.0.replace('\n', " "));
            lines.push('\n');
        }
    }
}
