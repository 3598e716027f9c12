//! docs/instructions.md: its table, which is written and read, and its log, which people keep.

use crate::bench::grouped;

/// The counts of the servers for each load, in the order of [`SUBJECTS`].
pub(super) type Table = Vec<(String, [Option<u64>; SUBJECTS.len()])>;

/// The table as text. The library's own cost is the difference to plain TCP.
pub(super) fn shown(table: &Table) -> String {
    let mut text = format!("{HEADS}\n|---|---:|---:|---:|---:|---:|\n");
    for (load, [raw, plain, lending]) in table {
        let over = |count: &Option<u64>| Some(count.as_ref()?.saturating_sub((*raw)?));
        let cells = [raw, plain, lending, &over(plain), &over(lending)].map(cell);
        text += &format!("| {load} | {} |\n", cells.join(" | "));
    }
    text
}

/// The page, with the log that it had.
pub(super) fn whole(table: &Table, compiler: &str, date: &str, log: Option<&str>) -> String {
    format!(
        "# Instructions\n\n{} Counted on {date} with\n{compiler}.\n\n{HEAD}\n{}\n{LOG}{}",
        answer(table),
        shown(table),
        log.unwrap_or(EMPTY_LOG)
    )
}

/// The page in a sentence or two.
fn answer(table: &Table) -> String {
    let over = |load: &str| {
        let (_, [raw, plain, _]) = table.iter().find(|(name, _)| name == load)?;
        Some(cell(&Some((*plain)?.saturating_sub((*raw)?))))
    };
    let mut text = "**In short:** ".to_owned();
    if let (Some(small), Some(batch)) = (over("small"), over("batch")) {
        text += &format!(
            "the plain loop takes {small} instructions more than raw TCP for an echo of 16 bytes, and {batch} for one\n\
             of a burst of 32."
        );
    }
    if let Some(handshake) = over("handshake") {
        text += &format!(" A handshake takes {handshake} more.");
    }
    text
}

/// The table of a page.
pub(super) fn read(page: &str) -> Option<Table> {
    let rows = page.lines().skip_while(|line| *line != HEADS).skip(2).take_while(|line| line.starts_with('|'));
    let table: Table = rows.map(row).collect::<Option<_>>()?;
    (!table.is_empty()).then_some(table)
}

/// The text that people have written below the heading of the log.
pub(super) fn log_of(page: &str) -> Option<&str> {
    page.split_once(LOG).map(|(_, log)| log)
}

fn row(line: &str) -> Option<(String, [Option<u64>; SUBJECTS.len()])> {
    let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [load, raw, plain, lending, ..] = cells.as_slice() else { return None };
    let count = |text: &str| text.replace(',', "").parse().ok();
    Some(((*load).to_owned(), [count(raw), count(plain), count(lending)]))
}

fn cell(count: &Option<u64>) -> String {
    count.map_or_else(|| "-".to_owned(), |count| grouped(&count.to_string()))
}

/// The echo servers of the counted program.
pub(super) const SUBJECTS: [&str; 3] = [RAW, "plain", "lending"];
pub(super) const RAW: &str = "raw";
const HEADS: &str = "| load | raw | plain | lending | plain over raw | lending over raw |";
const LOG: &str = "## What moved it\n";
const EMPTY_LOG: &str = "\nNothing yet.\n";

const HEAD: &str = "\
`cargo xtask instructions` writes this page. `cargo xtask instructions --check` fails if one of our counts has grown by
more than 5 % against it. The log at the end is written by hand and kept when the page is written again.

The program is `bench/src/bin/instructions.rs`, built like the benchmarks. It runs client and server in one thread, for
an exact number of rounds. Callgrind counts the instructions in user space after the first third of them, and we divide
them by the number of messages. So every run gives the same figures, and a more expensive change shows on any machine
(x86-64 with AVX2, the same compiler), however busy it is. The kernel's instructions are not counted; the
[benchmarks](benchmarks.md) measure its share. The [comparison](reference/comparison.md#instructions) has the same loads
for other libraries.

- `raw` is the same load on a TCP echo: the client and the runtime. The library costs the difference to it.
- `plain` is a loop of `read_message` and `write_message`, `lending` one of `read_borrowed` and `write_borrowed`.
- `small`: one message of 16 bytes and its echo. `batch`: 32 of them at once, counted per message. `text` and
  `text-batch`: the same with 1 KiB of text. `large`: 64 KiB, binary. `handshake`: one connection, opened and closed.
- The C library is set to copy with vector instructions. The instruction that it prefers for large copies would count
  once per byte.
";

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
