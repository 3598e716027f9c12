//! Presence.

use std::time::Duration;

use silverback_hub::{Engine, Identity, Lease, MemberId, Present};

use crate::node::{Node, Nodes, failed, topic_name, until};

/// Who has a lease is present on all nodes, and who has released it on none.
pub async fn members_are_present_on_all_nodes_until_they_leave(nodes: &impl Nodes) {
    let (one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let ann = (MemberId::new(1, 1), Identity::user("ann \u{1f980}").info(vec![0xff, 0, 13, 10]));
    let bob = (MemberId::new(u64::MAX, u64::MAX), Identity::user("bob"));
    let nobody = (MemberId::new(2, 1), Identity::anonymous());
    expect_present(&one, "t", &[]).await;
    lease(&one, &[("t", &ann), ("t", &nobody), ("*", &ann)], LONG).await;
    lease(&two, &[("t", &bob)], LONG).await;
    for node in [&one, &two] {
        expect_present(node, "t", &[&ann, &bob, &nobody]).await;
        expect_present(node, "*", &[&ann]).await;
        expect_present(node, "T", &[]).await;
    }
    // Renewed with another identity, a member is there once.
    let renamed = (ann.0, Identity::user("ann"));
    lease(&one, &[("t", &renamed)], LONG).await;
    expect_present(&two, "t", &[&renamed, &bob, &nobody]).await;
    for _ in 0..2 {
        one.engine.release(&topic_name("t"), ann.0).await.unwrap_or_else(failed("release"));
    }
    // A node that took over may release the member of another one.
    one.engine.release(&topic_name("t"), bob.0).await.unwrap_or_else(failed("release"));
    expect_present(&two, "t", &[&nobody]).await;
    expect_present(&one, "*", &[&ann]).await;
    lease(&one, &[("t", &ann)], LONG).await;
    expect_present(&two, "t", &[&ann, &nobody]).await;
    lease(&one, &[], LONG).await;
    // As many as the hub renews in one call.
    let many: Vec<_> = (0..512).map(|number| (MemberId::new(3, number), Identity::user("many"))).collect();
    lease(&one, &many.iter().map(|member| ("many", member)).collect::<Vec<_>>(), LONG).await;
    expect_present(&two, "many", &many.iter().collect::<Vec<_>>()).await;
}

/// A node that dies leaves nobody behind.
pub async fn a_lease_that_is_not_renewed_ends(nodes: &impl Nodes) {
    let (one, two) = (Node::start(nodes).await, Node::start(nodes).await);
    let (ann, bob) = ((MemberId::new(1, 1), Identity::user("ann")), (MemberId::new(1, 2), Identity::user("bob")));
    lease(&one, &[("t", &ann)], Duration::from_secs(1)).await;
    lease(&one, &[("t", &bob)], LONG).await;
    until("the lease has ended", async || present(&two, "t").await == [to_present(&bob)]).await;
    lease(&one, &[("t", &ann)], LONG).await;
    expect_present(&two, "t", &[&ann, &bob]).await;
    lease(&one, &[("alone", &ann)], Duration::from_secs(1)).await;
    until("the last lease has ended", async || present(&two, "alone").await.is_empty()).await;
}

type Member = (MemberId, Identity);

fn to_present((member, identity): &Member) -> Present {
    Present::new(*member, identity.clone())
}

async fn lease<E: Engine>(node: &Node<E>, members: &[(&str, &Member)], lasts: Duration) {
    let lease = |(name, (member, identity)): &(&str, &Member)| Lease::new(topic_name(name), *member, identity.clone());
    let leases = members.iter().map(lease).collect();
    node.engine.lease(leases, lasts).await.unwrap_or_else(failed("lease"));
}

async fn present<E: Engine>(node: &Node<E>, name: &str) -> Vec<Present> {
    let mut present = node.engine.present(&topic_name(name)).await.unwrap_or_else(failed("present"));
    present.sort_by_key(|present| present.member);
    present
}

/// Waits, because a broker may tell other nodes a little later.
async fn expect_present<E: Engine>(node: &Node<E>, name: &str, members: &[&Member]) {
    let mut expected: Vec<_> = members.iter().map(|member| to_present(member)).collect();
    expected.sort_by_key(|present| present.member);
    until("the right members are present", async || present(node, name).await == expected).await;
}

const LONG: Duration = Duration::from_secs(600);
