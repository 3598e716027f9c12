//! Command lines of `bench`, and the resulting plans.
#![allow(clippy::unwrap_used)]

use std::ffi::OsString;

use silverback::MessageKind;

use super::*;
use crate::{
    args::Task as Command,
    bench::{
        engine::load::{Pace, Task, Until},
        plan::Plan,
    },
};

fn parse(words: &[&str]) -> Result<Args, String> {
    let words = ["silverback", "bench"].iter().chain(words).map(OsString::from);
    match crate::args::Args::parse_from(words).map_err(|error| error.to_string())?.unwrap().task {
        Some(Command::Bench(args)) => Ok(*args),
        other => panic!("{other:?}"),
    }
}

fn plan(words: &[&str]) -> Result<Plan, String> {
    let url = ["ws://localhost:8000/ws/echo"];
    let words: Vec<_> = url.iter().chain(words).copied().collect();
    Plan::resolve(parse(&words)?).map_err(|error| error.to_string())
}

#[test]
fn without_options_ten_connections_echo_for_ten_seconds() {
    let plan = plan(&[]).unwrap();
    assert_eq!(plan.load.connections, 10);
    assert_eq!(plan.load.task, Task::Echo(Pace::Closed { pipeline: 1 }));
    assert_eq!(plan.load.until, Until::Elapsed(Duration::from_secs(10)));
    assert_eq!(plan.load.warmup, Duration::from_secs(1));
    assert_eq!(plan.settings.kind, MessageKind::Binary);
    assert_eq!(plan.load.script.largest(), 64);
}

#[test]
fn a_rate_is_an_open_model_and_excludes_a_pipeline() {
    assert_eq!(plan(&["--rate", "30k/s"]).unwrap().load.task, Task::Echo(Pace::Open { rate: 30_000.0 }));
    assert!(plan(&["--rate", "1", "--pipeline", "2"]).unwrap_err().contains("--pipeline"));
}

#[test]
fn a_number_of_messages_takes_the_place_of_time_and_warm_up() {
    let load = plan(&["-n", "5k"]).unwrap().load;
    assert_eq!((load.until, load.warmup), (Until::Done(5000), Duration::ZERO));
    assert!(plan(&["-n", "5", "--duration", "1s"]).is_err());
}

#[test]
fn text_is_filled_with_text() {
    assert_eq!(plan(&["--text"]).unwrap().settings.filling, Filling::Ascii);
    assert_eq!(plan(&["--payload", "json"]).unwrap().settings.kind, MessageKind::Text);
    assert_eq!(plan(&["--payload", "json", "--binary"]).unwrap().settings.kind, MessageKind::Binary);
    assert!(plan(&["--payload", "random", "--text"]).unwrap_err().contains("random"));
    assert!(plan(&["--binary", "--text"]).is_err());
}

#[test]
fn a_broadcast_has_one_sender_unless_told_otherwise() {
    let senders = |words: &[&str]| -> Result<_, String> {
        match plan(words)?.load.task {
            Task::Broadcast { senders, hears_itself, .. } => Ok((senders, hears_itself)),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(senders(&["--broadcast"]), Ok((1, true)));
    assert_eq!(senders(&["--broadcast=3", "--not-to-sender"]), Ok((3, false)));
    assert!(senders(&["--broadcast=11"]).unwrap_err().contains("at most 10"));
    assert!(senders(&["--broadcast", "--size", "15"]).unwrap_err().contains("at least 16"));
    assert!(senders(&["--not-to-sender"]).is_err());
}

#[test]
fn the_label_of_a_broadcast_is_part_of_the_size() {
    assert_eq!(plan(&["--broadcast", "--size", "100"]).unwrap().load.script.largest(), 84);
}

#[test]
fn the_tasks_exclude_each_other() {
    assert_eq!(plan(&["--handshakes"]).unwrap().load.task, Task::Handshakes);
    assert_eq!(plan(&["--hold"]).unwrap().load.task, Task::Hold { messages: 0 });
    for words in [["--handshakes", "--hold"], ["--broadcast", "--hold"], ["--verify", "--hold"]] {
        assert!(plan(&words).is_err(), "{words:?}");
    }
}

#[test]
fn no_more_threads_than_connections() {
    assert_eq!(plan(&["-c", "2", "--threads", "8"]).unwrap().load.threads, 2);
}

#[test]
fn conditions_can_be_listed_or_repeated() {
    let args = parse(&["ws://h/", "--fail-if", "p99>5ms,errors>0", "--fail-if", "rate<1k"]).unwrap();
    let texts: Vec<_> = args.fail_if.iter().map(ToString::to_string).collect();
    assert_eq!(texts, ["p99>5ms", "errors>0", "rate<1k"]);
    assert!(parse(&["ws://h/", "--fail-if", "p99"]).unwrap_err().contains("--fail-if"));
}

#[test]
fn what_is_no_websocket_url_is_refused_before_anything_is_sent() {
    for url in ["localhost:8000", "ftp://localhost/", "ws://", "ws://host/#part"] {
        let args = parse(&[url]).unwrap();
        assert!(matches!(Plan::resolve(args), Err(crate::error::Error::Usage(_))), "{url}");
    }
}
