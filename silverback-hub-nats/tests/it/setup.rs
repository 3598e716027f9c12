//! What is made on the server, and how the engine logs in.

use silverback_hub::Topic;
use silverback_hub_nats::Nats;
use silverback_testkit::broker::{Broker, nats};

use crate::support::{Client, builder, hub, publish, with_history, within};

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
