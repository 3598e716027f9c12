//! The tests that every [`Engine`](silverback_hub::Engine) of the hub must pass, with two or more nodes on one broker and
//! without faults.
//!
//! ```
//! use silverback_hub::Memory;
//! use silverback_hub_testkit::Nodes;
//!
//! async fn memory() -> Option<impl Nodes> {
//!     let memory = Memory::new();
//!     Some(move || std::future::ready(memory.clone()))
//! }
//!
//! # mod tests { use super::memory;
//! silverback_hub_testkit::engine_suite!(memory); // One test for each check.
//! # }
//! # fn main() {}
//! ```

mod checks;
mod node;

pub use self::{
    checks::{delivery::*, dropping::*, history::*, ids::*, names::*, presence::*},
    node::{Node, Nodes},
};

/// Makes a test of each check. The argument names an async function that returns an `Option<impl Nodes>`. `None` skips
/// the test, because the broker is not installed.
#[macro_export]
macro_rules! engine_suite {
    ($broker:path) => {
        $crate::engine_suite! { @tests $broker:
            publications_reach_every_subscribed_node_once_and_in_order
            only_subscribed_topics_arrive
            a_repeated_subscription_delivers_once
            an_unsubscribed_topic_stops
            a_topic_without_history_has_no_position
            texts_and_bytes_arrive_as_they_were
            everything_beside_the_payload_arrives
            many_topics_keep_their_order
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
    };
    (@tests $broker:path: $($check:ident)*) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $check() {
                if let Some(nodes) = $broker().await {
                    $crate::$check(&nodes).await;
                }
            }
        )*
    };
}
