//! Logging in, TLS and Unix sockets.

use std::fs;

use silverback_hub_redis::{Redis, RedisError};
use silverback_hub_testkit::Node;

use crate::support::{Server, is_up, kind, with_history};

async fn works(url: &str) {
    works_with(Redis::connect(url).await.unwrap()).await;
}

async fn works_with(engine: Redis) {
    let mut node = Node::of(engine).await;
    node.wait_for("Up", is_up).await;
    node.subscribe("t", &with_history()).await;
    node.publish("t", &with_history(), 1).await;
    node.expect([1]).await;
}

#[tokio::test]
async fn a_password_is_sent_and_never_shown() {
    let Some(kind) = kind() else { return };
    let server = Server::of(kind.option("requirepass", "s3cret/@:%"));
    let address = format!("127.0.0.1:{}", server.broker.port());
    works(&format!("redis://:s3cret%2F%40%3A%25@{address}")).await;
    let builder = Redis::builder(&format!("redis://:wrong@{address}")).login(None, "s3cret/@:%");
    assert!(!format!("{builder:?}").contains("s3cret") && !format!("{builder:?}").contains("wrong"), "{builder:?}");
    let engine = builder.connect().await.unwrap();
    let shown = format!("{engine:?}");
    assert!(!shown.contains("s3cret") && shown.contains(&address), "{shown}");
    works_with(engine).await;
}

#[tokio::test]
async fn a_wrong_password_keeps_the_engine_down_until_it_is_right() {
    let Some(kind) = kind() else { return };
    let server = Server::of(kind.option("requirepass", "right"));
    let url = format!("redis://:wrong@127.0.0.1:{}", server.broker.port());
    let mut node = Node::of(Redis::connect(&url).await.unwrap()).await;
    crate::support::assert_down(silverback_hub::Engine::control(&*node.engine, "x".into()).await);
    let mut admin = std::net::TcpStream::connect(("127.0.0.1", server.broker.port())).unwrap();
    std::io::Write::write_all(&mut admin, b"AUTH right\r\nCONFIG SET requirepass wrong\r\n").unwrap();
    node.wait_for("Up", is_up).await;
}

/// The commands and keys that docs/hub-engines.md names are enough.
#[tokio::test]
async fn a_user_with_the_rights_of_the_guide_can_do_everything() {
    let Some(server) = Server::start() else { return };
    let guide = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hub-engines.md")).unwrap();
    let line = guide.lines().find(|line| line.starts_with("ACL SETUSER")).expect("the guide has the rights");
    let words: Vec<_> = line.split_whitespace().map(|word| word.trim_matches('\'')).collect();
    assert_eq!(server.command(&words), "+OK\r\n", "{line}");
    let url = format!("redis://hub:secret@127.0.0.1:{}", server.broker.port());
    let nodes = || async { Redis::connect(&url).await.unwrap() };
    silverback_hub_testkit::publications_reach_every_subscribed_node_once_and_in_order(&nodes).await;
    silverback_hub_testkit::a_cleared_history_keeps_its_position_and_its_ids(&nodes).await;
    silverback_hub_testkit::an_id_is_accepted_once(&nodes).await;
    silverback_hub_testkit::members_are_present_on_all_nodes_until_they_leave(&nodes).await;
    silverback_hub_testkit::control_messages_reach_all_nodes(&nodes).await;
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_works() {
    let Some(kind) = kind() else { return };
    let socket = std::env::temp_dir().join(format!("silverback-redis-{}.sock", std::process::id()));
    let server = Server::of(kind.option("unixsocket", socket.to_str().unwrap()));
    works(&format!("unix://{}", socket.display())).await;
    drop(server);
    let _ = fs::remove_file(socket);
}

#[cfg(feature = "tls")]
#[tokio::test]
async fn tls_works_with_a_root_that_is_trusted_and_fails_with_others() {
    let Some(kind) = kind() else { return };
    let folder = std::env::temp_dir().join(format!("silverback-redis-tls-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (folder.join("certificate.pem"), folder.join("key.pem"));
    fs::write(&certificate, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Server::of(
        kind.option("tls-port", &port.to_string())
            .option("tls-cert-file", certificate.to_str().unwrap())
            .option("tls-key-file", key.to_str().unwrap())
            .option("tls-ca-cert-file", certificate.to_str().unwrap())
            .option("tls-auth-clients", "no"),
    );
    let url = format!("rediss://localhost:{port}");
    works_with(Redis::builder(&url).root_certificates(&certificate).connect().await.unwrap()).await;
    let engine = Redis::connect(&url).await.unwrap();
    let node = Node::of(engine).await;
    tokio::time::sleep(std::time::Duration::from_millis(300)).await;
    crate::support::assert_down(silverback_hub::Engine::control(&*node.engine, "x".into()).await);
    let missing = Redis::builder(&url).root_certificates(folder.join("none")).connect().await;
    assert!(matches!(missing, Err(RedisError::RootCertificates(_))), "{missing:?}");
    let empty = Redis::builder(&url).root_certificates(&key).connect().await;
    assert!(matches!(empty, Err(RedisError::RootCertificates(_))), "{empty:?}");
    drop(server);
    let _ = fs::remove_dir_all(folder);
}

#[tokio::test]
async fn settings_that_are_not_valid_are_errors() {
    for prefix in ["", "a{b}", "a\n", &"x".repeat(65)] {
        let error = Redis::builder("redis://localhost").prefix(prefix).connect().await;
        assert!(matches!(error, Err(RedisError::Prefix)), "{error:?}");
    }
    let error = Redis::connect("http://secret@x").await.unwrap_err();
    assert!(matches!(error, RedisError::Url(_)) && !error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn prefixes_keep_hubs_apart() {
    let Some(server) = Server::start() else { return };
    let engine = async |prefix: &str| Redis::builder(&server.broker.url()).prefix(prefix).connect().await.unwrap();
    let mut one = Node::of(engine("one").await).await;
    let mut two = Node::of(engine("two").await).await;
    for node in [&mut one, &mut two] {
        node.wait_for("Up", is_up).await;
        node.subscribe("t", &with_history()).await;
    }
    one.publish("t", &with_history(), 1).await;
    one.expect([1]).await;
    two.expect_nothing().await;
}
