//! docs/instructions.md: its table, which is written and read, and its log, which people keep.

use super::SUBJECTS;

/// For each load what the servers cost, in the order of [`SUBJECTS`].
pub(super) type Table = Vec<(String, [Option<u64>; SUBJECTS.len()])>;

/// The table as text. What is over plain TCP is the project's own.
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
pub(super) fn whole(table: &Table, compiler: &str, log: Option<&str>) -> String {
    format!("{HEAD}\nCounted with {compiler}.\n\n{}\n{LOG}{}", shown(table), log.unwrap_or(EMPTY_LOG))
}

/// The table of a page.
pub(super) fn read(page: &str) -> Option<Table> {
    let rows = page.lines().skip_while(|line| *line != HEADS).skip(2).take_while(|line| line.starts_with('|'));
    let table: Table = rows.map(row).collect::<Option<_>>()?;
    (!table.is_empty()).then_some(table)
}

/// What people have written below the heading of the log.
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
    let Some(count) = count else { return "-".to_owned() };
    let digits = count.to_string();
    let groups: Vec<_> = digits.as_bytes().rchunks(3).rev().map(String::from_utf8_lossy).collect();
    groups.join(",")
}

const HEADS: &str = "| load | raw | plain | lending | plain over raw | lending over raw |";
const LOG: &str = "## What moved it\n";
const EMPTY_LOG: &str = "\nNothing yet.\n";

const HEAD: &str = "\
# Instructions

Written by `cargo xtask instructions`; `cargo xtask instructions --check` fails when a count of ours has grown by more
than 5 % against this page. The log at the end is kept by hand, and stays when the page is written again.

The program is `bench/src/bin/instructions.rs`, built as the benchmarks are: client and server in one thread, rounds of an
exact number. Callgrind counts what it executes in user space, for n rounds and for 3n, and the difference is divided by
the messages in it. So the figures are the same in every run, and a change that costs something is seen on any machine
(x86-64 with AVX2, the same compiler), however busy it is. The kernel's part is not in them; that is what
[benchmarks](benchmarks.md) measure.

- `raw` is the same load on a TCP echo: the client and the runtime. What is over it is the library.
- `plain` is the loop of `read_message` and `write_message`, `lending` that of `read_borrowed` and `write_borrowed`.
- `small`: one message of 16 bytes and its echo. `batch`: 32 of them at once, counted for each. `text` and `text-batch`:
  the same with 1 KiB of text. `large`: 64 KiB, binary. `handshake`: a connection, its opening and its end.
- The C library is told to copy in vectors: the instruction that it prefers for large copies would count once for each
  byte.
";

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
