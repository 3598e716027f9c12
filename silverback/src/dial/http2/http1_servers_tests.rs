use std::time::Duration;

use silverback_proto::handshake::ClientRequest;
use tokio::time::advance;

use super::{Http1Servers, KEPT, MAX_SERVERS};

fn server(url: &str) -> ClientRequest {
    ClientRequest::parse(url).expect("a URL")
}

#[tokio::test(start_paused = true)]
async fn a_server_is_known_by_its_origin_and_for_an_hour() {
    let servers = Http1Servers::default();
    servers.clone().add(&server("wss://example.com/a"));
    advance(KEPT - Duration::from_secs(1)).await;
    assert!(servers.contains(&server("wss://example.com:443/b?c")));
    for other in ["ws://example.com:443/", "wss://example.com:444/", "wss://example.org/"] {
        assert!(!servers.contains(&server(other)), "{other}");
    }
    advance(Duration::from_secs(1)).await;
    assert!(!servers.contains(&server("wss://example.com/a")));
}

#[tokio::test(start_paused = true)]
async fn the_oldest_server_is_forgotten_when_the_list_is_full() {
    let servers = Http1Servers::default();
    for number in 0..=MAX_SERVERS {
        servers.add(&server(&format!("wss://{number}.example.com/")));
        // One that is added again is the newest.
        servers.add(&server("wss://1.example.com/"));
    }
    assert!(!servers.contains(&server("wss://0.example.com/")));
    assert!(servers.contains(&server("wss://1.example.com/")));
    assert_eq!(servers.0.lock().expect("no panic").len(), MAX_SERVERS);
}
