use std::{io::Read as _, net::TcpStream, time::Duration};

use super::{Broker, first_line, nats::Nats};

fn connect(broker: &Broker) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", broker.port())).expect("the broker listens");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    stream
}

#[test]
fn a_broker_is_killed_restarted_frozen_and_ends_with_its_value() {
    let Some(nats) = Nats::installed() else { return };
    let mut broker = Broker::start(nats);
    let mut stream = connect(&broker);
    assert!(first_line(&mut stream).expect("a greeting").starts_with("INFO"));
    broker.kill();
    assert_eq!(stream.read(&mut [0; 1024]).unwrap_or(0), 0, "its connections end");
    assert!(TcpStream::connect(("127.0.0.1", broker.port())).is_err(), "nobody listens");

    broker.restart();
    broker.freeze();
    let mut stream = connect(&broker);
    stream.set_read_timeout(Some(Duration::from_millis(300))).expect("a timeout");
    assert!(stream.read(&mut [0]).is_err(), "a frozen broker greets nobody");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout");
    broker.thaw();
    assert!(first_line(&mut stream).expect("a greeting").starts_with("INFO"));

    let port = broker.port();
    drop(broker);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "nobody listens");
}

#[test]
fn a_broker_comes_back_with_its_data_or_without() {
    let Some(nats) = Nats::installed() else { return };
    let mut broker = Broker::stopped(nats);
    broker.restart();
    let file = broker.data().join("mine");
    std::fs::write(&file, "x").expect("a file");
    broker.restart();
    assert!(file.exists());
    broker.kill();
    broker.save();
    std::fs::write(&file, "y").expect("a file");
    broker.restart_saved();
    assert_eq!(std::fs::read_to_string(&file).expect("a file"), "x");
    broker.restart_empty();
    assert!(!file.exists());
    assert!(broker.url().starts_with("nats://127.0.0.1:"));
}
