//! The results: a line for each run as it ends, and a page with all of them.

use std::{fmt::Write as _, path::Path, process::Command, time::Duration};

use crate::{
    engine::Engine,
    faults::{Fault, HERD, MEMBERS},
    scale::{LEASE, NODES, TOPICS},
    slow::{self, SlowShown},
    soak::SoakShown,
    stage::Shown,
};

/// Everything that has been shown so far.
#[derive(Default)]
pub(crate) struct Page {
    faults: Vec<(Engine, Fault, Shown)>,
    slow: Vec<(Engine, SlowShown)>,
    soak: Vec<(Engine, u64, SoakShown)>,
    failures: usize,
}

impl Page {
    pub(crate) fn has_failed(&self) -> bool {
        self.failures > 0
    }

    pub(crate) fn add_fault(&mut self, engine: Engine, fault: Fault, shown: Result<Shown, String>) {
        let name = format!("{}, {}", engine.word(), fault.words());
        if let Some(shown) = self.tell(&name, shown, words) {
            self.faults.push((engine, fault, shown));
        }
    }

    pub(crate) fn add_slow(&mut self, engine: Engine, shown: Result<SlowShown, String>) {
        if let Some(shown) = self.tell(&format!("{}, slow readers", engine.word()), shown, slow_words) {
            self.slow.push((engine, shown));
        }
    }

    pub(crate) fn add_soak(&mut self, engine: Engine, seconds: u64, shown: Result<SoakShown, String>) {
        if let Some(shown) = self.tell(&format!("{}, soak", engine.word()), shown, soak_words) {
            self.soak.push((engine, seconds, shown));
        }
    }

    fn tell<T>(&mut self, name: &str, shown: Result<T, String>, words: impl Fn(&T) -> String) -> Option<T> {
        match shown {
            Ok(shown) => {
                println!("ok {name}: {}", words(&shown));
                Some(shown)
            }
            Err(error) => {
                println!("FAILED {name}: {error}");
                self.failures += 1;
                None
            }
        }
    }

    /// Returns docs/hub-faults.md. Only for results without a failure.
    pub(crate) fn markdown(&self, program: &Path, date: &str) -> String {
        let mut page = self.answer(date);
        page += &self.table();
        page += &self.slow_table();
        page += &self.soak_table();
        let mut versions: Vec<_> = self.faults.iter().map(|(engine, ..)| engine.version()).collect();
        versions.dedup();
        let silverback =
            Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        let silverback = String::from_utf8_lossy(&silverback);
        let _ = write!(page, "\nVersions: {}; {}.\n", silverback.trim(), versions.join("; "));
        page
    }

    fn answer(&self, date: &str) -> String {
        let runs = self.faults.len();
        let received: usize = self.faults.iter().map(|(_, _, shown)| shown.summary.received).sum();
        format!(
            "# The hub under faults\n\n\
             **In short:** in {runs} runs with {} deliveries no member missed a publication or got one twice without being \
             told, nothing was stuck afterwards, presence had no ghosts, and `/readyz` told the truth. Run on {date}.\n\n\
             `cargo xtask hub-faults --full` writes this page. A run has {NODES} nodes, which are processes of `silverback \
             hub`, a real broker, {TOPICS} topics with history and presence, and 500 publications a second through the HTTP \
             API. {MEMBERS} members are in all topics each; in the run with {} members each is in one. They speak the \
             protocol of Centrifugo in JSON and connect again and recover as its clients do. The lease of presence is {} s.\n\n\
             The publisher notes each publication that a node has accepted. If an attempt fails, it tries the other node \
             with the same id. After each fault the runs check:\n\n\
             - Each member has exactly what the publisher noted, in order, or the server said `recovered: false` where \
             something is missing. Where the broker keeps its data, `recovered: false` is a failure too.\n\
             - Nodes whose broker is gone or frozen answer `/readyz` with 503. Once they answer 200, the first attempt to \
             publish through each of them succeeds, and reaches every member.\n\
             - Each node says of each topic that exactly those members are present that are there.\n\n\
             `tests/hub-faults/src/checker_tests.rs` feeds the check with broken sequences.\n",
            thousands(received),
            thousands(HERD),
            LEASE.as_secs()
        )
    }

    fn table(&self) -> String {
        let mut table = "\n## Faults\n\n\
             *Stall* is the longest time without an accepted publication. *Failed attempts* were sent again. *Recovered* \
             and *told* count subscriptions: those that got everything they had missed, and those that were told to load \
             their state again. *Repeated* publications came again after that, because the broker had lost them before \
             the publisher had its answer. Each figure is the range over the runs.\n\n\
             | broker | fault | runs | stall, s | failed attempts | deliveries | recovered | told | repeated |\n\
             |---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        let mut done = Vec::new();
        for (engine, fault, _) in &self.faults {
            if done.contains(&(engine, fault)) {
                continue;
            }
            done.push((engine, fault));
            let runs = self.faults.iter().filter(|(other, same, _)| (other, same) == (engine, fault));
            let runs: Vec<_> = runs.map(|(_, _, shown)| shown).collect();
            let tenths = range(runs.iter().map(|run| run.stall.as_millis() as usize / 100));
            let stall = tenths.split(" to ").map(|tenths| format!("{:.1}", tenths.parse().unwrap_or(0.0) / 10.0));
            let _ = writeln!(
                table,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                engine.version(),
                fault.words(),
                runs.len(),
                stall.collect::<Vec<_>>().join(" to "),
                range(runs.iter().map(|run| run.failures)),
                range(runs.iter().map(|run| run.summary.received)),
                range(runs.iter().map(|run| run.summary.recovered)),
                range(runs.iter().map(|run| run.summary.told)),
                range(runs.iter().map(|run| run.summary.repeated)),
            );
        }
        table
    }

    fn slow_table(&self) -> String {
        if self.slow.is_empty() {
            return String::new();
        }
        let mut table = format!(
            "\n## Slow readers\n\n\
             {} members are in one topic of one node, which gets 20 publications of 4 KiB a second. Then {} of them stop to \
             read. The server closes each with 3008 once its backlog is full, and the others must not notice: none of them \
             may lose its connection. Latency is from the request of the publisher until a member has read the \
             publication; clients and server share a machine with two cores.\n\n\
             | engine | memory of the node before | at most while they are stopped | last one closed after | neighbours' \
             latency before: median, 99 % | while they are stopped |\n|---|---|---|---|---|---|\n",
            thousands(slow::MEMBERS),
            slow::STOPPING
        );
        for (engine, slow) in &self.slow {
            let _ = writeln!(
                table,
                "| {} | {:.1} MB | {:.1} MB | {:.1} s | {} | {} |",
                engine.version(),
                megabytes(slow.memory.0),
                megabytes(slow.memory.1),
                slow.closed_after.as_secs_f64(),
                latency(slow.before),
                latency(slow.during)
            );
        }
        table
    }

    fn soak_table(&self) -> String {
        if self.soak.is_empty() {
            return String::new();
        }
        let mut table = "\n## Soak\n\n\
             The same load, and members that stay. Five guests a second come, stay for 1 to 13 s and leave, a third of them \
             without a word; every tenth stops to read. The broker is killed or frozen in turn, once a minute. Memory must \
             not grow between the second and the last quarter of the time (medians), and all descriptors must be given \
             back.\n\n\
             | broker | time | guests | faults | deliveries | told | memory of each node, second quarter and last | descriptors \
             before and after |\n|---|---|---|---|---|---|---|---|\n"
            .to_owned();
        for (engine, seconds, soak) in &self.soak {
            let memory = soak
                .memory
                .iter()
                .map(|(before, after)| format!("{:.1} and {:.1} MB", megabytes(*before), megabytes(*after)));
            let _ = writeln!(
                table,
                "| {} | {seconds} s | {} | {} | {} | {} | {} | {} and {} |",
                engine.version(),
                soak.guests,
                soak.faults,
                thousands(soak.shown.summary.received),
                soak.shown.summary.told,
                memory.collect::<Vec<_>>().join("; "),
                soak.descriptors.0,
                soak.descriptors.1
            );
        }
        table
    }
}

fn words(shown: &Shown) -> String {
    let Shown { summary, published, failures, stall, ends } = shown;
    format!(
        "{published} published after {failures} failures, {:.1} s stall, {} received, {} recovered, {} told, {} repeated; \
         ends {ends:?}",
        stall.as_secs_f64(),
        summary.received,
        summary.recovered,
        summary.told,
        summary.repeated
    )
}

fn slow_words(slow: &SlowShown) -> String {
    format!(
        "{:.1} MB before, {:.1} MB at most, closed after {:.1} s, latency {} before, {} during; {}",
        megabytes(slow.memory.0),
        megabytes(slow.memory.1),
        slow.closed_after.as_secs_f64(),
        latency(slow.before),
        latency(slow.during),
        words(&slow.shown)
    )
}

fn soak_words(soak: &SoakShown) -> String {
    let SoakShown { memory, descriptors, guests, faults, shown } = soak;
    format!("{guests} guests, {faults} faults, memory {memory:?}, descriptors {descriptors:?}; {}", words(shown))
}

fn latency((median, most): (Duration, Duration)) -> String {
    format!("{:.1} and {:.1} ms", median.as_secs_f64() * 1e3, most.as_secs_f64() * 1e3)
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn range(figures: impl Iterator<Item = usize> + Clone) -> String {
    let (least, most) = (figures.clone().min().unwrap_or_default(), figures.max().unwrap_or_default());
    if least == most { least.to_string() } else { format!("{least} to {most}") }
}

/// 1,234,567
fn thousands(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{range, thousands};

    #[test]
    fn figures_are_easy_to_read() {
        assert_eq!([7, 999, 1000, 1_234_567].map(thousands), ["7", "999", "1,000", "1,234,567"]);
        assert_eq!(range([3, 1, 2].into_iter()), "1 to 3");
        assert_eq!(range([2, 2].into_iter()), "2");
    }
}
