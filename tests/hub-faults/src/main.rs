//! Nodes of `silverback hub` and a real broker under load, while processes are killed and frozen. It checks that every
//! member got what docs/hub.md promises. `cargo xtask hub-faults` runs it and writes docs/hub-faults.md.
#![allow(clippy::print_stdout, reason = "it prints what it has found")]

mod checker;
mod engine;
mod faults;
mod http;
mod journal;
mod member;
mod node;
mod page;
mod publisher;
mod scale;
mod seen;
mod slow;
mod soak;
mod stage;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use clap::Parser;
use silverback_testkit::broker::Broker;

use self::{
    engine::Engine,
    faults::Fault,
    node::Settings,
    page::Page,
    publisher::Load,
    scale::{LEASE, NODES, TOPICS},
    slow::SlowShown,
    soak::SoakShown,
    stage::{Shown, Stage},
};

/// Faults of brokers and nodes under load.
#[derive(Debug, Parser)]
struct Options {
    /// The program `silverback`.
    #[arg(long, value_name = "FILE")]
    program: PathBuf,
    /// Write configurations and logs of the nodes to this folder.
    #[arg(long, value_name = "FOLDER")]
    folder: PathBuf,
    /// Run with these engines, one after the other.
    #[arg(long, value_name = "ENGINE", value_delimiter = ',', required = true)]
    engines: Vec<Engine>,
    /// Let these faults strike.
    #[arg(long, value_name = "FAULT", value_delimiter = ',')]
    faults: Vec<Fault>,
    /// Repeat each fault this many times.
    #[arg(long, value_name = "N", default_value_t = 1)]
    runs: usize,
    /// Let the faults strike one after the other on the same nodes, members and broker. This is quicker.
    #[arg(long)]
    together: bool,
    /// Stop 50 readers of 1,000.
    #[arg(long)]
    slow: bool,
    /// Soak the nodes for this many seconds.
    #[arg(long, value_name = "S")]
    soak: Option<u64>,
    /// The day that the page names.
    #[arg(long, value_name = "DATE", default_value = "an unknown day")]
    date: String,
    /// Write the results to this file, if everything went well.
    #[arg(long, value_name = "FILE")]
    page: Option<PathBuf>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let options = Options::parse();
    let mut page = Page::default();
    for engine in &options.engines {
        run(&options, *engine, &mut page).await;
    }
    let written = match &options.page {
        Some(file) if !page.has_failed() => fs::write(file, page.markdown(&options.program, &options.date)),
        _ => Ok(()),
    };
    match written {
        Ok(()) if !page.has_failed() => ExitCode::SUCCESS,
        Ok(()) => ExitCode::FAILURE,
        Err(error) => {
            println!("FAILED to write the page: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Prints `ok ...` or `FAILED ...` for each fault.
async fn run(options: &Options, engine: Engine, page: &mut Page) {
    if options.together {
        let mut stage = None;
        for fault in &options.faults {
            let shown = run_fault(options, engine, *fault, &mut stage).await;
            let has_failed = shown.is_err();
            page.add_fault(engine, *fault, shown);
            if has_failed {
                // Nothing can be said about the next one.
                break;
            }
        }
    } else {
        for _ in 0..options.runs {
            for fault in &options.faults {
                page.add_fault(engine, *fault, run_fault(options, engine, *fault, &mut None).await);
            }
        }
    }
    if options.slow {
        page.add_slow(engine, run_slow(options, engine).await);
    }
    if let Some(seconds) = options.soak {
        page.add_soak(engine, seconds, run_soak(options, engine, Duration::from_secs(seconds)).await);
    }
}

async fn run_fault(
    options: &Options,
    engine: Engine,
    fault: Fault,
    stage: &mut Option<Stage>,
) -> Result<Shown, String> {
    let stage = match stage {
        Some(stage) => {
            stage.start_publisher(LOAD);
            stage
        }
        None => {
            let stage = stage.insert(new_stage(options, engine, NODES, TOPICS)?);
            fault.begin(stage, LOAD).await?;
            stage
        }
    };
    fault.strike(stage).await
}

async fn run_slow(options: &Options, engine: Engine) -> Result<SlowShown, String> {
    slow::run(new_stage(options, engine, 1, 1)?).await
}

async fn run_soak(options: &Options, engine: Engine, time: Duration) -> Result<SoakShown, String> {
    soak::run(&mut new_stage(options, engine, NODES, TOPICS)?, time).await
}

fn new_stage(options: &Options, engine: Engine, nodes: usize, topics: usize) -> Result<Stage, String> {
    let broker = engine.start()?;
    let folder = folder(&options.folder, engine)?;
    let settings = Settings {
        program: options.program.clone(),
        folder,
        engine: broker.as_ref().map_or_else(|| "memory".to_owned(), Broker::url),
        lease: LEASE,
    };
    // The memory of a node is no other's.
    let nodes = if broker.is_some() { nodes } else { 1 };
    Stage::new(broker, &settings, nodes, topics)
}

fn folder(folder: &Path, engine: Engine) -> Result<PathBuf, String> {
    let folder = folder.join(engine.word());
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    folder.canonicalize().map_err(|error| format!("{}: {error}", folder.display()))
}

const LOAD: Load = Load { rate: 500, padding: 64 };
