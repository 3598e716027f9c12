//! Many minutes of members that come and go, publications, slow readers and faults of the broker. Neither memory nor
//! descriptors of the nodes may grow.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    checker,
    member::{Member, Wish},
    node::Node,
    publisher::Load,
    seen::Seen,
    stage::{Shown, Stage, wait_for},
};

/// What a soak has shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct SoakShown {
    /// For each node: bytes of memory in the second and in the last quarter (medians).
    pub(crate) memory: Vec<(u64, u64)>,
    /// Of all nodes, before the first guest and after the last one.
    pub(crate) descriptors: (usize, usize),
    /// Members that came and went.
    pub(crate) guests: usize,
    pub(crate) faults: usize,
    pub(crate) shown: Shown,
}

/// A member that comes and goes.
struct Guest {
    member: Member,
    topic: usize,
    until: Instant,
    is_slow: bool,
    leaves_properly: bool,
}

/// Runs until the time is over, and then checks everything.
pub(crate) async fn run(stage: &mut Stage, time: Duration) -> Result<SoakShown, String> {
    let topics = stage.journal.topics();
    let nodes = stage.nodes.len();
    stage.start_nodes()?;
    stage.wait_until_ready(true).await?;
    stage.add_members(MEMBERS, |number| number % nodes, |number| vec![number % topics, (number + 7) % topics]);
    stage.wait_for_members().await?;
    let before = descriptors(stage)?;
    let since = Instant::now();
    stage.start_publisher(LOAD);

    let mut soak = SoakShown::default();
    let mut memory = vec![Vec::new(); nodes];
    let mut guests: Vec<Guest> = Vec::new();
    let mut departed = Vec::new();
    let mut next_fault = since + FAULT_EVERY;
    while since.elapsed() < time {
        guests.push(guest(stage, soak.guests));
        soak.guests += 1;
        for slow in guests.iter().filter(|guest| guest.is_slow && guest.member.live_client().is_some()) {
            slow.member.pause();
        }
        let (staying, leaving): (Vec<_>, _) = guests.into_iter().partition(|guest| guest.until > Instant::now());
        guests = staying;
        departed.extend(leave(leaving).await?);
        for (node, samples) in stage.nodes.iter().zip(&mut memory) {
            samples.push(node.resident()?);
        }
        // The end is calm, so that what is left over shows.
        if next_fault <= Instant::now() && since.elapsed() + FAULT_EVERY / 2 < time {
            next_fault += FAULT_EVERY;
            strike(stage, soak.faults).await;
            soak.faults += 1;
        }
        sleep(GUEST_EVERY).await;
    }
    departed.extend(leave(guests).await?);
    soak.shown = stage.settle(since).await?;
    for (topic, seen) in &departed {
        let checked = checker::check(&stage.journal.of(*topic), seen, false);
        soak.shown.summary.add(checked.map_err(|fault| format!("a guest of topic {topic}: {fault}"))?);
    }
    // The connections of the publisher and of the last guests must have ended.
    let kept = || std::future::ready(kept_descriptors(stage, &before));
    wait_for(SETTLE, kept).await?;
    for (node, samples) in memory.iter().enumerate() {
        let quarter = samples.len() / 4;
        soak.memory.push((median(&samples[quarter..2 * quarter]), median(&samples[samples.len() - quarter..])));
        if soak.memory[node].1 > soak.memory[node].0 * 5 / 4 {
            return Err(format!("the memory of a node grew under the same load: {:?}", soak.memory));
        }
    }
    soak.descriptors = (before.iter().sum(), descriptors(stage)?.iter().sum());
    Ok(soak)
}

/// Every tenth is a slow reader, and every third leaves without a word.
fn guest(stage: &Stage, number: usize) -> Guest {
    let (is_slow, topic) = (number % 10 == 0, number % stage.journal.topics());
    let wish = stage.wish(number % stage.nodes.len(), vec![topic]);
    let wish = if is_slow { Wish { receive_buffer: Some(SMALL_BUFFER), ..wish } } else { wish };
    let stay = if is_slow { SLOW_STAY } else { Duration::from_secs(1 + (number % 13) as u64) };
    Guest {
        member: Member::start(wish),
        topic,
        until: Instant::now() + stay,
        is_slow,
        leaves_properly: number % 3 != 0 && !is_slow,
    }
}

/// Returns what the guests have seen.
async fn leave(guests: Vec<Guest>) -> Result<Vec<(usize, Vec<Seen>)>, String> {
    let mut departed = Vec::new();
    for mut guest in guests {
        if guest.leaves_properly {
            guest.member.leave().await;
        }
        if let Some(fault) = guest.member.faults().first() {
            return Err(format!("a guest of topic {}: {fault}", guest.topic));
        }
        departed.push((guest.topic, guest.member.seen(guest.topic)));
    }
    Ok(departed)
}

/// Members may have moved to the other node, so the sum counts.
fn kept_descriptors(stage: &Stage, before: &[usize]) -> Result<(), String> {
    let now = descriptors(stage)?;
    match now.iter().sum::<usize>() <= before.iter().sum() {
        true => Ok(()),
        false => Err(format!("descriptors were kept: {before:?} before, {now:?} after")),
    }
}

fn descriptors(stage: &Stage) -> Result<Vec<usize>, String> {
    stage.nodes.iter().map(Node::descriptors).collect()
}

/// kill -9 and SIGSTOP in turn.
async fn strike(stage: &mut Stage, number: usize) {
    let Some(broker) = stage.broker.as_mut() else { return };
    if number % 2 == 0 {
        broker.kill();
        sleep(DOWN).await;
        broker.restart();
    } else {
        broker.freeze();
        sleep(FROZEN).await;
        broker.thaw();
    }
}

fn median(samples: &[u64]) -> u64 {
    let mut sorted = samples.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or_default()
}

/// Those that stay.
const MEMBERS: usize = 20;
const LOAD: Load = Load { rate: 500, padding: 512 };
/// Long enough to be too slow.
const SLOW_STAY: Duration = Duration::from_secs(60);
const SMALL_BUFFER: u32 = 4096;
const GUEST_EVERY: Duration = Duration::from_millis(200);
const FAULT_EVERY: Duration = Duration::from_secs(60);
const DOWN: Duration = Duration::from_secs(2);
const FROZEN: Duration = Duration::from_secs(4);
/// How long the nodes may take to close what their peers have left.
const SETTLE: Duration = Duration::from_secs(30);
