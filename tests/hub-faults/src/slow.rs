//! Readers that stop among many that do not: what the server holds for them, and what their neighbours notice.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use crate::{
    member::{Latencies, Member, Wish},
    publisher::Load,
    stage::{Shown, Stage},
};

/// What a run with slow readers has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlowShown {
    /// Bytes of the server's memory before readers stop, and the most afterwards.
    pub(crate) memory: (u64, u64),
    /// The latency of the neighbours before and while readers have stopped: the median and the 99th percentile.
    pub(crate) before: (Duration, Duration),
    pub(crate) during: (Duration, Duration),
    /// From the stop until the server has closed the last of the readers.
    pub(crate) closed_after: Duration,
    /// How many of the readers that stopped got the close code of the policy.
    pub(crate) with_code: usize,
    pub(crate) shown: Shown,
}

/// Runs on one node. The members share one topic.
pub(crate) async fn run(mut stage: Stage) -> Result<SlowShown, String> {
    stage.start_nodes()?;
    stage.wait_until_ready(true).await?;
    let latencies = Arc::new(Latencies::default());
    for number in 0..MEMBERS {
        let wish = stage.wish(0, vec![0]);
        let wish = match number < STOPPING {
            true => Wish { receive_buffer: Some(SMALL_BUFFER), ..wish },
            false => Wish { latencies: Some(latencies.clone()), ..wish },
        };
        stage.members.push(Member::start(wish));
    }
    stage.wait_for_members().await?;
    let since = Instant::now();
    stage.start_publisher(LOAD);
    sleep(WARM_UP).await;
    latencies.take();
    sleep(CALM).await;
    let mut slow = SlowShown { before: percentiles(&latencies), ..SlowShown::default() };
    slow.memory = (stage.nodes[0].resident()?, 0);

    let stopped = Instant::now();
    stage.members[..STOPPING].iter().for_each(Member::pause);
    // A slow reader sees the close code if it reads again before the close timeout.
    while closed(&stage).await? < STOPPING as u64 {
        if stopped.elapsed() > PATIENCE {
            return Err(format!("the server has closed only {} readers that have stopped", closed(&stage).await?));
        }
        slow.memory.1 = slow.memory.1.max(stage.nodes[0].resident()?);
        sleep(POLL).await;
    }
    slow.closed_after = stopped.elapsed();
    slow.during = percentiles(&latencies);

    stage.members[..STOPPING].iter().for_each(Member::resume);
    slow.shown = stage.settle(since).await?;
    slow.with_code = stage.members[..STOPPING].iter().filter(|member| has_code(member)).count();
    let others: Vec<_> = stage.members[STOPPING..].iter().flat_map(Member::ends).collect();
    if !others.is_empty() {
        return Err(format!("neighbours of slow readers lost their connections: {others:?}"));
    }
    if slow.with_code < STOPPING {
        return Err(format!(
            "only {} of {STOPPING} slow readers were told {POLICY}: {:?}",
            slow.with_code,
            stage.ends()
        ));
    }
    let counted = closed(&stage).await?;
    if counted != STOPPING as u64 {
        return Err(format!("the node has counted {counted} slow readers, not {STOPPING}"));
    }
    Ok(slow)
}

/// Returns how many slow readers the node has counted.
async fn closed(stage: &Stage) -> Result<u64, String> {
    stage.nodes[0].metric("websocket_slow_consumers_total{action=\"disconnect\"}").await
}

fn has_code(member: &Member) -> bool {
    member.ends().keys().any(|end| end.starts_with(POLICY))
}

fn percentiles(latencies: &Latencies) -> (Duration, Duration) {
    let sorted = latencies.take();
    let at = |percent: usize| sorted.get(sorted.len().saturating_sub(1) * percent / 100).copied().unwrap_or_default();
    (at(50), at(99))
}

/// All in one topic.
pub(crate) const MEMBERS: usize = 1000;
pub(crate) const STOPPING: usize = 50;
/// 80 KiB a second for each member.
const LOAD: Load = Load { rate: 20, padding: 4096 };
/// The readers that stop have small buffers in the kernel, so that the server notices soon.
const SMALL_BUFFER: u32 = 4096;
/// The close code of `Slow::Disconnect`, as a prefix of how a connection ended.
const POLICY: &str = "3008 ";
const WARM_UP: Duration = Duration::from_secs(3);
const CALM: Duration = Duration::from_secs(10);
const PATIENCE: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(200);
