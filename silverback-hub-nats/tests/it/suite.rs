//! The tests that every engine must pass, on the server of the machine and on a newer one.

use silverback_hub_nats::Nats;
use silverback_hub_testkit::Nodes;
use silverback_testkit::broker::{Broker, nats};

mod old {
    // All but `many_topics_keep_their_order`. Servers before 2.10 republish in the order in which the threads of their
    // publishers come to it, and the hub puts this right: `nodes::publishers_at_two_nodes_..`.
    silverback_hub_testkit::engine_suite! { @tests super::installed:
        publications_reach_every_subscribed_node_once_and_in_order
        only_subscribed_topics_arrive
        a_repeated_subscription_delivers_once
        an_unsubscribed_topic_stops
        a_topic_without_history_has_no_position
        texts_and_bytes_arrive_as_they_were
        everything_beside_the_payload_arrives
        control_messages_reach_all_nodes
        positions_rise_and_are_those_that_arrive
        everything_after_the_position_of_a_subscription_arrives
        a_replay_is_complete_if_nothing_is_missing
        a_replay_with_a_hole_says_so
        a_position_of_another_epoch_or_of_the_future_is_not_complete
        a_replay_holds_everything_beside_the_payload
        publications_that_are_too_old_are_not_replayed
        a_cleared_history_keeps_its_position_and_its_ids
        an_id_is_accepted_once
        one_of_many_publishers_of_an_id_wins
        odd_names_are_topics_of_their_own
        members_are_present_on_all_nodes_until_they_leave
        a_lease_that_is_not_renewed_ends
        calls_that_are_dropped_at_any_point_harm_nothing
    }
}

mod new {
    silverback_hub_testkit::engine_suite!(super::newer);
}

async fn installed() -> Option<impl Nodes> {
    nats::Nats::installed().map(nodes)
}

async fn newer() -> Option<impl Nodes> {
    nats::Nats::new_enough_for_lifetimes().map(nodes)
}

fn nodes(nats: nats::Nats) -> impl Nodes {
    let broker = Broker::start(nats);
    move || {
        let url = broker.url();
        async move { Nats::connect(&url).await.expect("valid settings") }
    }
}
