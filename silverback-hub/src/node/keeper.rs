//! The task that makes the engine calls for which no member waits: it unsubscribes, recovers, renews leases and checks
//! positions.

use std::{
    pin::Pin,
    sync::{Arc, Weak},
    time::Duration,
};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::{
    sync::{mpsc, oneshot},
    time::{MissedTickBehavior, interval, sleep},
};

use super::{
    commands::Job,
    routing::{Node, STRIPES},
    subscribing::subscribe,
    surveys::HELLO,
};
use crate::{
    engine::Lease,
    model::{
        error::{EngineError, HubError},
        identity::MemberId,
        name::TopicName,
        position::Position,
        subscribed::Start,
    },
    topics::recovery::Replay,
};

/// The periods of the regular work.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// How long a member is present without being renewed.
    pub(crate) lease: Duration,
    /// How often the position of each topic is compared with the engine's.
    pub(crate) check: Duration,
}

type Running = FuturesUnordered<Pin<Box<dyn Future<Output = ()> + Send>>>;

/// Ends when the node has been dropped.
pub(super) async fn run(node: Weak<Node>, mut jobs: mpsc::UnboundedReceiver<Job>, pace: Pace) {
    let mut running = Running::new();
    let mut idle = Vec::new();
    // Each tick looks at one stripe of the topics, so that the calls are spread over the whole time.
    let (mut renewals, mut checks) = (ticks(pace.lease / 3), ticks(pace.check));
    let (mut renewed, mut checked) = (0, 0);
    let mut hellos = every(HELLO);
    loop {
        tokio::select! {
            job = jobs.recv(), if running.len() < CALLS => {
                match (job, node.upgrade()) {
                    (Some(Job::Idle(answer)), _) => idle.push(answer),
                    (Some(job), Some(node)) => start(node, job, &running),
                    _ => return,
                }
            }
            Some(()) = running.next() => {}
            _ = renewals.tick() => {
                let Some(node) = node.upgrade() else { return };
                renewed = (renewed + 1) % STRIPES;
                running.push(Box::pin(renew(node, renewed)));
            }
            _ = hellos.tick() => {
                let Some(node) = node.upgrade() else { return };
                running.push(Box::pin(async move { node.say_hello().await }));
            }
            _ = checks.tick() => {
                let Some(node) = node.upgrade() else { return };
                checked = (checked + 1) % STRIPES;
                running.push(Box::pin(check(node, checked)));
            }
        }
        if running.is_empty() && jobs.is_empty() {
            idle.drain(..).for_each(|answer: oneshot::Sender<()>| _ = answer.send(()));
        }
    }
}

fn ticks(period: Duration) -> tokio::time::Interval {
    every((period / STRIPES as u32).max(Duration::from_millis(1)))
}

fn every(period: Duration) -> tokio::time::Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn start(node: Arc<Node>, job: Job, running: &Running) {
    match job {
        Job::Unsubscribe(name) => running.push(Box::pin(unsubscribe(node, name))),
        Job::Release(name, member) => running.push(Box::pin(async move {
            if let Err(error) = node.call(node.engine.release(&name, member)).await {
                tracing::debug!(name: "release_failed", target: "silverback::hub", %error, topic = %name, "a member's presence ends with its lease");
            }
        })),
        Job::Recover(name, after) => running.push(Box::pin(recover(node, name, after))),
        Job::Subscribe(member, name) => running.push(Box::pin(async move {
            for result in subscribe(&node, &member, vec![Ok((name.clone(), Start::Live))], None).await {
                match result {
                    // The server may say it twice.
                    Ok(_) | Err(HubError::AlreadySubscribed) => {}
                    Err(error) => tracing::debug!(name: "subscribe_failed", target: "silverback::hub", %error, topic = %name, "a member was not subscribed"),
                }
            }
        })),
        Job::Answer { asker, number, question } => {
            running.push(Box::pin(async move { node.answer(asker, number, question).await }));
        }
        Job::Hello => running.push(Box::pin(async move { node.say_hello().await })),
        // The caller keeps it.
        Job::Idle(_) => {}
        Job::CheckAll => {
            for stripe in 0..STRIPES {
                running.push(Box::pin(check(node.clone(), stripe)));
            }
        }
        Job::RenewAll => {
            for stripe in 0..STRIPES {
                running.push(Box::pin(renew(node.clone(), stripe)));
            }
        }
    }
}

/// Unsubscribes the engine, unless a member has come meanwhile.
async fn unsubscribe(node: Arc<Node>, name: TopicName) {
    let gate = match node.stripe(&name).get(&name) {
        Some(entry) if entry.subscribers == 0 => entry.gate.clone(),
        _ => return,
    };
    let mut is_subscribed = gate.lock().await;
    if node.subscribers(&name) > 0 {
        return;
    }
    *is_subscribed = false;
    if let Err(error) = node.call(node.engine.unsubscribe(&name)).await {
        tracing::debug!(name: "engine_unsubscribe_failed", target: "silverback::hub", %error, topic = %name, "the engine did not unsubscribe");
    }
    let mut stripe = node.stripe(&name);
    // A member that has come meanwhile waits at the gate and subscribes again.
    if stripe.get(&name).is_some_and(|entry| entry.subscribers == 0) {
        stripe.remove(&name);
        node.counting.topics.fetch_sub(1, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Fetches what is missing after a position. Tries again while the engine is down. If it is up and fails all the same,
/// the hole is reported, so that the members get live publications again.
async fn recover(node: Arc<Node>, name: TopicName, after: Position) {
    let options = node.options(&name).clone();
    let mut failures = 0;
    while node.is_recovering(&name) {
        match node.call(node.engine.since(&name, &options, &after)).await {
            Ok(replay) => return node.handle_replay(&name, replay),
            Err(EngineError::Down) => {}
            Err(error) if failures < RETRIES => {
                failures += 1;
                tracing::debug!(name: "replay_retried", target: "silverback::hub", %error, topic = %name, "the engine did not replay");
            }
            Err(error) => {
                tracing::warn!(name: "replay_failed", target: "silverback::hub", %error, topic = %name, "the engine does not replay, so publications may be missing");
                return node.handle_replay(&name, Replay::default());
            }
        }
        sleep(RETRY).await;
    }
}

/// Compares the positions of the topics of a stripe with the engine's. Without this, a loss of the last publication
/// would show only when the next one comes.
async fn check(node: Arc<Node>, stripe: usize) {
    for name in node.with_history(stripe) {
        let Ok(position) = node.call(node.engine.position(&name, node.options(&name))).await else { return };
        let ours = node.stripe(&name).get(&name).and_then(|entry| entry.stream.position().cloned());
        if ours.is_some() && position != ours {
            node.begin_recovery(&name);
        }
    }
}

/// Renews the leases of the members that are present in the topics of a stripe.
async fn renew(node: Arc<Node>, stripe: usize) {
    let leases: Vec<_> = {
        let stripe = node.locked(stripe);
        let lease = |name: &TopicName, (member, identity): (&MemberId, &_)| {
            Lease::new(name.clone(), *member, Clone::clone(identity))
        };
        stripe.iter().flat_map(|(name, entry)| entry.present.iter().map(move |one| lease(name, one))).collect()
    };
    for some in leases.chunks(LEASES) {
        if let Err(error) = node.call(node.engine.lease(some.to_vec(), node.lease)).await {
            tracing::debug!(name: "renew_failed", target: "silverback::hub", %error, "presence was not renewed");
            return;
        }
    }
}

/// Calls of the engine that run at the same time.
const CALLS: usize = 64;
/// Leases in one call.
const LEASES: usize = 512;
/// How often a replay is fetched again if the engine is up.
const RETRIES: u32 = 4;
/// The wait before a replay is fetched again.
const RETRY: Duration = Duration::from_secs(1);
