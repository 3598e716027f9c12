//! The faults, and what each of them may cost.

use std::time::{Duration, Instant};

use silverback_testkit::broker::Broker;
use tokio::time::sleep;

use crate::{
    publisher::Load,
    stage::{Shown, Stage},
};

/// A fault that strikes while publications flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Fault {
    /// kill -9 of the broker, which comes back with its data.
    BrokerKilled,
    /// SIGSTOP of the broker, for 4 s at least, and until the nodes have noticed.
    BrokerFrozen,
    /// kill -9 of the broker, which comes back without its data.
    BrokerEmpty,
    /// kill -9 of a node. Its members go to the other one, and it comes back.
    NodeKilled,
    /// SIGSTOP of a node, for 4 s.
    NodeFrozen,
    /// The broker is not there when the nodes start.
    BrokerLate,
    /// kill -9 of the node that 1,000 members are connected to, which all connect again at once.
    Herd,
}

impl Fault {
    /// For people, in a table.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::BrokerKilled => "broker: kill -9, back after 1.8 s",
            Self::BrokerFrozen => "broker: SIGSTOP, 4 s or more",
            Self::BrokerEmpty => "broker: kill -9, back without its data",
            Self::NodeKilled => "node: kill -9, members go to the other",
            Self::NodeFrozen => "node: SIGSTOP, 4 s",
            Self::BrokerLate => "broker: not there when the nodes start",
            Self::Herd => "node: kill -9, 1,000 members connect again at once",
        }
    }

    /// Whether no publication is lost by it, so that members must recover everything. The memory of a node ends with it.
    fn keeps_data(self, stage: &Stage) -> bool {
        match self {
            Self::BrokerEmpty => false,
            Self::NodeKilled | Self::Herd => stage.broker.is_some(),
            _ => true,
        }
    }

    /// Brings the stage to life. The load runs afterwards.
    pub(crate) async fn begin(self, stage: &mut Stage, load: Load) -> Result<(), String> {
        let topics = stage.journal.topics();
        if self == Self::BrokerLate {
            broker(stage)?.kill();
        }
        stage.start_nodes()?;
        if self == Self::BrokerLate {
            stage.wait_until_ready(false).await?;
        } else {
            stage.wait_until_ready(true).await?;
        }
        let nodes = stage.nodes.len();
        match self {
            Self::Herd => stage.add_members(HERD, |_| 0, |number| vec![number % topics]),
            _ => stage.add_members(MEMBERS, |number| number % nodes, |_| (0..topics).collect()),
        }
        if self != Self::BrokerLate {
            stage.wait_for_members().await?;
        }
        stage.start_publisher(load);
        Ok(())
    }

    /// Strikes, repairs, and checks what must hold afterwards.
    pub(crate) async fn strike(self, stage: &mut Stage) -> Result<Shown, String> {
        sleep(CALM).await;
        let since = Instant::now();
        match self {
            Self::BrokerKilled => {
                broker(stage)?.kill();
                stage.wait_until_ready(false).await?;
                sleep(DOWN.saturating_sub(since.elapsed())).await;
                broker(stage)?.restart();
            }
            Self::BrokerFrozen => {
                broker(stage)?.freeze();
                let noticed = stage.wait_until_ready(false).await;
                sleep(FROZEN.saturating_sub(since.elapsed())).await;
                broker(stage)?.thaw();
                noticed?;
            }
            Self::BrokerEmpty => {
                broker(stage)?.kill();
                stage.wait_until_ready(false).await?;
                broker(stage)?.restart_empty();
            }
            Self::NodeKilled | Self::Herd => {
                stage.nodes[0].kill().map_err(|error| error.to_string())?;
                if stage.nodes.len() > 1 {
                    stage.wait_for_members().await?;
                }
                stage.nodes[0].start().map_err(|error| error.to_string())?;
            }
            Self::NodeFrozen => {
                stage.nodes[0].freeze().map_err(|error| error.to_string())?;
                sleep(FROZEN).await;
                stage.nodes[0].thaw().map_err(|error| error.to_string())?;
            }
            Self::BrokerLate => broker(stage)?.restart(),
        }
        stage.wait_until_ready(true).await?;
        sleep(CALM).await;
        let shown = stage.settle(since).await?;
        if self.keeps_data(stage) && shown.summary.told > 0 {
            return Err(format!(
                "{} recoveries were incomplete, though nothing was lost: {:?}",
                shown.summary.told, shown.ends
            ));
        }
        Ok(shown)
    }
}

fn broker(stage: &mut Stage) -> Result<&mut Broker, String> {
    stage.broker.as_mut().ok_or_else(|| "this engine has no broker".to_owned())
}

/// In all topics each, spread over the nodes.
pub(crate) const MEMBERS: usize = 20;
/// In one topic each.
pub(crate) const HERD: usize = 1000;
/// How long everything flows before and after a fault.
const CALM: Duration = Duration::from_secs(2);
const DOWN: Duration = Duration::from_millis(1800);
const FROZEN: Duration = Duration::from_secs(4);
