//! What is made on the server, and how the engine logs in.

use std::{path::PathBuf, time::Duration};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use silverback_hub::{Position, Topic};
use silverback_hub_nats::Nats;
use silverback_testkit::broker::{Broker, nats};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use crate::support::{Client, broker, builder, eventually, file, hub, publish, two, with_history, within};

#[tokio::test]
async fn core_nats_refuses_history_presence_and_ids_and_carries_the_rest() {
    let Some(nats) = nats::Nats::installed() else { return };
    let broker = Broker::start(nats.without_jetstream());
    for topic in [with_history(), Topic::new().presence()] {
        let engine = Nats::builder(&broker.url()).core().connect().await.expect("valid settings");
        let error = builder(topic).engine(engine).start().await.expect_err("not without JetStream").to_string();
        assert!(error.contains("without JetStream"), "{error}");
    }
    let core = || Nats::builder(&broker.url()).core();
    let (one, other) = (hub(core(), Topic::new()).await, hub(core(), Topic::new()).await);
    let member = Client::on(&other, "1", "t").await;
    publish(&one, "t", 1..=3).await;
    member.expect(1..=3).await;
    assert!(within(one.publish("t", "4").id("4")).await.is_err(), "ids need JetStream");
}

#[tokio::test]
async fn a_login_is_taken_from_the_url_or_the_builder_and_a_wrong_one_never_gets_ready() {
    let Some(nats) = nats::Nats::installed() else { return };
    let user = "authorization { user: ann, password: \"s3c@ret\" }";
    let broker = Broker::start(nats.clone().config(user));
    let url = |login: &str| format!("nats://{login}127.0.0.1:{}", broker.port());
    let right = [
        Nats::builder(&url("ann:s3c%40ret@")),
        Nats::builder(&url("")).user_and_password("ann", "s3c@ret"),
        Nats::builder(&url("ann:wrong@")).user_and_password("ann", "s3c@ret"),
    ];
    for nats in right {
        hub(nats, with_history()).await;
    }
    let wrong = Nats::connect(&url("ann:s3cret@")).await.expect("a valid URL");
    assert!(!format!("{wrong:?}").contains("s3cret"));
    let wrong = builder(Topic::new()).engine(wrong).start().await.expect("the hub starts");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!wrong.is_ready());
    let text = format!("{wrong:?} {:?}", Nats::builder(&url("ann:s3cret@")).user_and_password("ann", "s3cret"));
    assert!(!text.contains("s3cret"), "{text}");

    let broker = Broker::start(nats.config("authorization { token: \"t0ken\" }"));
    let url = |login: &str| format!("nats://{login}127.0.0.1:{}", broker.port());
    for nats in [Nats::builder(&url("t0ken@")), Nats::builder(&url("")).token("t0ken")] {
        hub(nats, with_history()).await;
    }
}

#[tokio::test]
async fn a_user_needs_no_permission_beyond_the_prefix_and_jetstream() {
    let Some(nats) = nats::Nats::installed() else { return };
    let users = "authorization { users: [ { user: hub, password: pw, permissions: {
        publish: [ \"hub.>\", \"$JS.API.>\" ], subscribe: [ \"hub.>\" ] } } ] }";
    let broker = Broker::start(nats.config(users));
    let nats = || Nats::builder(&broker.url()).user_and_password("hub", "pw");
    let (one, other) = two(nats, with_history().presence()).await;
    let client = Client::on(&other, "1", "t").await;
    publish(&one, "t", 1..=3).await;
    within(one.publish("t", "4").id("4")).await.expect("a publication");
    client.expect(1..=4).await;
    within(one.clear_history("t")).await.expect("a history is cleared");
    assert_eq!(within(one.presence("t")).await.expect("a list").len(), 1);
    within(one.disconnect("1", 4000, "")).await.expect("a message to all");
    eventually("the member is gone", || other.counters().members == 0).await;
}

#[cfg(feature = "nkeys")]
#[tokio::test]
async fn an_nkey_logs_in() {
    let Some(nats) = nats::Nats::installed() else { return };
    // Made for this test.
    let (seed, key) = (
        "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY",
        "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4",
    );
    let broker = Broker::start(nats.config(&format!("authorization {{ users: [ {{ nkey: {key} }} ] }}")));
    hub(Nats::builder(&broker.url()).nkey(seed), with_history()).await;
    let missing = Nats::builder(&broker.url()).credentials_file("/does/not/exist").connect().await;
    assert!(missing.expect_err("no such file").to_string().contains("/does/not/exist"));
}

#[tokio::test]
async fn tls_is_spoken_with_a_private_authority_and_a_certificate_of_the_client() {
    let Some(nats) = nats::Nats::installed() else { return };
    let folder = Folder::new();
    let authority = authority();
    let (server, client) = (certificate(&authority), certificate(&authority));
    let ca = folder.write("ca.pem", &authority.pem());
    let (certificate, key) = (folder.write("server.pem", &server.0), folder.write("server.key", &server.1));
    let tls = format!("tls {{ cert_file: {certificate:?}, key_file: {key:?}, ca_file: {ca:?}, verify: true }}");
    let broker = Broker::start(nats.config(&tls));
    let (certificate, key) = (folder.write("client.pem", &client.0), folder.write("client.key", &client.1));
    let url = format!("tls://localhost:{}", broker.port());
    hub(Nats::builder(&url).root_certificates(&ca).client_certificate(&certificate, &key), with_history()).await;

    let strangers = Nats::builder(&url).client_certificate(&certificate, &key);
    let engine = strangers.connect().await.expect("valid settings");
    let stranger = builder(Topic::new()).engine(engine).start().await.expect("the hub starts");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!stranger.is_ready(), "the authority is not trusted");
    for nats in [Nats::builder(&url).root_certificates("/no/ca.pem"), Nats::builder(&url).root_certificates(&key)] {
        assert!(nats.connect().await.is_err(), "no certificates");
    }
}

#[tokio::test]
async fn a_server_without_jetstream_never_gets_ready() {
    let Some(nats) = nats::Nats::installed() else { return };
    let broker = Broker::start(nats.without_jetstream());
    let engine = Nats::connect(&broker.url()).await.expect("valid settings");
    let hub = builder(Topic::new()).engine(engine).start().await.expect("the hub starts");
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(!hub.is_ready());
}

#[tokio::test]
async fn a_stream_that_an_operator_has_made_otherwise_is_changed_or_an_error() {
    let Some(broker) = broker() else { return };
    let client = async_nats::connect(broker.url()).await.expect("a connection");
    let create = async |name: &str, config: serde_json::Value| {
        let subject = format!("$JS.API.STREAM.CREATE.{name}");
        let reply = client.request(subject, config.to_string().into()).await.expect("an answer");
        let reply: serde_json::Value = serde_json::from_slice(&reply.payload).expect("JSON");
        assert!(reply.get("error").is_none(), "{reply}");
    };
    let stream = |prefix: &str, subjects: &str| {
        serde_json::json!({ "name": format!("MINE-{prefix}"), "subjects": [subjects], "storage": "file",
            "max_age": 172_800_000_000_000_u64, "duplicate_window": 300_000_000_000_u64, "allow_direct": true,
            "republish": { "src": subjects, "dest": format!("{prefix}.t.>") } })
    };
    // It keeps messages for longer, and fewer of each topic.
    let mut small = stream("a", "a.h.100x300000.>");
    small["max_msgs_per_subject"] = 5.into();
    create("MINE-a", small).await;
    let hub = hub(file(&broker).prefix("a"), with_history()).await;
    let member = Client::on(&hub, "1", "t").await;
    publish(&hub, "t", 1..=20).await;
    member.expect(1..=20).await;
    let replay = within(hub.history("t", &Position::start())).await.expect("a history");
    assert_eq!((replay.publications.len(), replay.complete), (20, true));
    assert_eq!(crate::support::position(&hub, "t").await.epoch.as_str(), "a");
    let info = client.request("$JS.API.STREAM.INFO.MINE-a", "{}".into()).await.expect("an answer");
    let info: serde_json::Value = serde_json::from_slice(&info.payload).expect("JSON");
    assert_eq!(info["config"]["max_age"], 172_800_000_000_000_u64, "it still keeps more");

    // Messages of a work queue go away when somebody has read them, and a server does not change that.
    let mut queue = stream("b", "b.h.100x300000.>");
    queue["retention"] = "workqueue".into();
    create("MINE-b", queue).await;
    let other = crate::support::hub(file(&broker).prefix("b"), with_history()).await;
    let error = within(other.publish("t", "1")).await.expect_err("not what the hub needs").to_string();
    assert!(error.contains("MINE-b") && error.contains("retention"), "{error}");
}

#[tokio::test]
async fn a_node_has_one_subscription_for_a_topic_whatever_its_members_and_a_hub_that_ends_has_none() {
    let Some(nats) = nats::Nats::installed() else { return };
    let monitoring = std::net::TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let monitoring = monitoring.expect("a free port");
    let broker = Broker::start(nats.config(&format!("http: \"{monitoring}\"")));
    let connections = async || {
        let mut stream = TcpStream::connect(monitoring).await.expect("the server's monitoring");
        let request = b"GET /connz?subs=1 HTTP/1.0\r\nHost: localhost\r\n\r\n";
        stream.write_all(request).await.expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("an answer");
        let (_, body) = answer.split_once("\r\n\r\n").expect("a body");
        serde_json::from_str::<serde_json::Value>(body).expect("JSON")
    };
    let hub = hub(Nats::builder(&broker.url()), with_history()).await;
    let mut clients = Vec::new();
    for number in 0..20 {
        clients.push(Client::on(&hub, &number.to_string(), "t").await);
    }
    let subscriptions = async || {
        let answer = connections().await;
        let list = answer["connections"][0]["subscriptions_list"].clone();
        let subjects = list.as_array().cloned().unwrap_or_default();
        subjects.iter().filter(|subject| subject.as_str() == Some("hub.t.t")).count()
    };
    assert_eq!(subscriptions().await, 1);
    clients.clear();
    within(async {
        while subscriptions().await > 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    drop(hub);
    within(async {
        while connections().await["num_connections"] != 0 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
}

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority() -> Authority {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a certificate")
}

/// A certificate of `localhost`, and its key.
fn certificate(authority: &Authority) -> (String, String) {
    let key = KeyPair::generate().expect("a key");
    let params = CertificateParams::new(["localhost".to_owned()]).expect("a name");
    let certificate = params.signed_by(&key, authority).expect("a certificate");
    (certificate.pem(), key.serialize_pem())
}

/// A temporary folder.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("silverback-nats-tls-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a temporary folder");
        Self(folder)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).expect("a file");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
