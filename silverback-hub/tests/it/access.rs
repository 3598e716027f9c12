use silverback_hub::{Access, Action, Denied, HubError, Identity, Position, Start};
use silverback_testkit::wire::close;

use crate::support::{Client, builder, with_history};

async fn rules(access: Access) -> Result<(), Denied> {
    tokio::task::yield_now().await;
    let is_own = access.topic.as_str().strip_prefix("user:") == access.identity.user_id();
    match access.action {
        Action::Subscribe if is_own => Ok(()),
        action => Err(Denied::new(format!("{action:?}"))),
    }
}

#[tokio::test(start_paused = true)]
async fn members_may_do_what_the_hook_allows_and_the_server_may_do_all() {
    let hub = builder().authorize(rules).topics("*", with_history().presence()).start().await.unwrap();
    let client = Client::user(&hub, "42");
    let member = &client.member;
    member.subscribe("user:42", Start::Live).await.unwrap();
    let denied = |error: HubError| match error {
        HubError::Denied(denied) => denied.reason().to_owned(),
        other => panic!("{other}"),
    };
    assert_eq!(denied(member.subscribe("user:43", Start::Live).await.unwrap_err()), "Subscribe");
    assert_eq!(denied(member.publish("user:42", "x").await.unwrap_err()), "Publish");
    assert_eq!(denied(member.history("user:42", &Position::start()).await.unwrap_err()), "History");
    assert_eq!(denied(member.presence("user:42").await.unwrap_err()), "Presence");
    hub.publish("user:42", "x").await.unwrap();
    hub.presence("user:42").await.unwrap();
    client.expect_only(["x"]).await;
    assert_eq!(hub.counters().subscriptions, 1, "a refused subscription leaves nothing behind");
}

#[tokio::test(start_paused = true)]
async fn a_hub_that_is_full_closes_with_1013_and_an_identity_that_is_too_long_with_1008() {
    let limits = silverback_hub::Limits::default().members(1).identity(10);
    let hub = builder().limits(limits).start().await.unwrap();
    let first = Client::user(&hub, "1");
    let second = Client::user(&hub, "2");
    second.expect(close(1013, "the hub is full")).await;
    let error = second.member.subscribe("t", Start::Live).await.unwrap_err();
    assert!(matches!(error, HubError::Left), "{error}");
    drop(first);
    crate::support::settle().await;
    let long = Client::join(&hub, Identity::user("1").info("0123456789"));
    long.expect(close(1008, "the identity is too long")).await;
    let third = Client::on(&hub, "3", "t").await;
    third.expect_only([0; 0]).await;
}

#[tokio::test(start_paused = true)]
async fn codes_and_patterns_that_are_not_valid_are_refused_at_the_start() {
    use silverback_hub::{Hub, Slow, Topic};
    let slow = Hub::builder().topics("*", Topic::new().when_slow(Slow::Disconnect(1006))).start().await;
    assert!(matches!(slow.unwrap_err(), HubError::CloseCode(1006)));
    let pattern = Hub::builder().topics("chat:*:private", Topic::new()).start().await;
    assert!(matches!(pattern.unwrap_err(), HubError::Pattern(pattern) if pattern == "chat:*:private"));
    let drain = Hub::builder().drain_code(999).start().await;
    assert!(matches!(drain.unwrap_err(), HubError::CloseCode(999)));
}
