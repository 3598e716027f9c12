//! The span of a handler.

use std::sync::{Arc, Mutex};

use axum::{
    Router,
    extract::Request,
    middleware::{Next, from_fn},
    routing::any,
};
use silverback_axum::WebSocketUpgrade;
use tokio::sync::mpsc;
use tracing::{Id, Instrument as _, Span, Subscriber, debug_span, span::Attributes, subscriber::set_default};
use tracing_subscriber::{
    Registry,
    layer::{Context, Layer, SubscriberExt as _},
    registry::LookupSpan,
};

use crate::support::{dial, serve, within};

/// Notes which span is inside another, and which one follows another.
#[derive(Clone, Default)]
struct Relations(Arc<Mutex<Vec<[&'static str; 3]>>>);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Relations {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let parent = context.span(id).and_then(|span| span.parent().map(|parent| parent.name()));
        let name = attributes.metadata().name();
        self.0.lock().unwrap().push([name, "is inside", parent.unwrap_or("none")]);
    }

    fn on_follows_from(&self, id: &Id, follows: &Id, context: Context<'_, S>) {
        let name = |id| context.span(id).unwrap().name();
        self.0.lock().unwrap().push([name(id), "follows", name(follows)]);
    }
}

#[tokio::test]
async fn a_handler_runs_in_the_span_of_its_connection_which_follows_from_that_of_the_request() {
    let relations = Relations::default();
    let _noting = set_default(Registry::default().with(relations.clone()));
    let (sender, mut names) = mpsc::unbounded_channel();
    let enter = move |ws: WebSocketUpgrade| async move {
        let handler = async move {
            sender.send(Span::current().metadata().unwrap().name()).unwrap();
        };
        ws.on_upgrade(|_| handler.instrument(debug_span!("talk")))
    };
    let in_span = |request: Request, next: Next| next.run(request).instrument(debug_span!("request"));
    let address = serve(Router::new().route("/ws", any(enter)).layer(from_fn(in_span))).await;
    let client = dial(address, "/ws").await;
    assert_eq!(within(names.recv()).await, Some("talk"));
    drop(client);
    let relations = relations.0.lock().unwrap().clone();
    // The client has one too, since it is in the same process.
    let expected = [
        ["connection", "is inside", "none"],
        ["connection", "follows", "request"],
        ["talk", "is inside", "connection"],
    ];
    for relation in expected {
        assert!(relations.contains(&relation), "{relations:?}");
    }
    assert!(!relations.contains(&["connection", "is inside", "request"]), "{relations:?}");
}
