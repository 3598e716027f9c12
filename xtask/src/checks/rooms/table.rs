//! The table of rooms in ARCHITECTURE.md: for each crate its rooms from the top, and what each may use.

use std::path::{Path, PathBuf};

use super::modules::Arrows;

/// The rows of one crate, in their order.
#[derive(Debug)]
pub(super) struct Table(Vec<Row>);

/// Rooms that may use the same others.
#[derive(Debug)]
struct Row {
    rooms: Vec<String>,
    may_use: Vec<String>,
}

impl Table {
    /// The rows below the heading "Rooms" whose first cell names the crate; `None` if there are none.
    pub(super) fn of_crate(document: &str, name: &str) -> Option<Self> {
        let (_, section) = document.split_once(HEADING)?;
        let section = section.split("\n## ").next().unwrap_or_default();
        let rows: Vec<_> = section.lines().filter_map(|line| Row::parse(line, name)).collect();
        (!rows.is_empty()).then_some(Self(rows))
    }

    pub(super) fn faults(&self, arrows: &Arrows) -> Vec<String> {
        let mut faults = Vec::new();
        for ((from, to), path) in &arrows.uses {
            let (from, to) = (&arrows.files[*from], &arrows.files[*to]);
            if !self.allows(&room(from), &room(to)) {
                faults.push(format!(
                    "{} uses {} (`{path}`), and {DOCUMENT} does not allow `{}` to use `{}`",
                    from.display(),
                    to.display(),
                    room(from),
                    room(to),
                ));
            }
        }
        let mut rooms: Vec<_> = arrows.files.iter().map(|file| room(file)).filter(|room| !is_root(room)).collect();
        rooms.sort();
        rooms.dedup();
        let listed = || self.0.iter().flat_map(|row| &row.rooms);
        let unlisted = rooms.iter().filter(|room| !listed().any(|other| other == *room));
        faults.extend(unlisted.map(|room| format!("the room `{room}` is not in the table of {DOCUMENT}")));
        let gone = listed().filter(|room| !rooms.contains(room));
        faults.extend(gone.map(|room| format!("the room `{room}` in the table of {DOCUMENT} does not exist")));
        faults
    }

    /// The root may use every room, and no room may use the root.
    fn allows(&self, from: &str, to: &str) -> bool {
        if from == to || is_root(from) {
            return true;
        }
        let row_of = |name: &str| self.0.iter().position(|row| row.rooms.iter().any(|room| room == name));
        // A room without a row is reported once, not for each arrow.
        let Some(row) = row_of(from) else { return true };
        let may_use = |word: &str| self.0[row].may_use.iter().any(|room| room == word);
        may_use(to) || may_use(BELOW) && row_of(to).is_some_and(|other| other > row)
    }
}

impl Row {
    /// `| crate | rooms | rooms that they may use |`, all in backquotes.
    fn parse(line: &str, name: &str) -> Option<Self> {
        let mut cells = line.strip_prefix('|')?.split('|');
        let quoted = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect::<Vec<_>>();
        if quoted(cells.next()?) != [name] {
            return None;
        }
        let rooms = quoted(cells.next()?);
        let last = cells.next()?;
        let mut may_use = quoted(last);
        may_use.extend(last.contains(BELOW).then(|| BELOW.to_owned()));
        Some(Self { rooms, may_use })
    }
}

/// The room of a file, from its path below `src/`: its top-level folder, or its own name.
pub(super) fn room(file: &Path) -> String {
    let first = file.components().next().map(|part| PathBuf::from(part.as_os_str())).unwrap_or_default();
    first.with_extension("").display().to_string()
}

fn is_root(room: &str) -> bool {
    matches!(room, "lib" | "main")
}

const HEADING: &str = "\n## Rooms\n";
pub(super) const DOCUMENT: &str = "ARCHITECTURE.md";
/// Stands for the rooms of all later rows of the crate.
const BELOW: &str = "all below";
