//! The table of rooms in ARCHITECTURE.md: the rooms of each crate, from the top, and what each may use.

use std::path::{Path, PathBuf};

use super::modules::Arrows;

/// The rooms of one crate, in their order.
#[derive(Debug)]
pub(super) struct Table(Vec<Room>);

#[derive(Debug)]
struct Room {
    name: String,
    /// The number of `>` before it in the row.
    level: usize,
    /// The rooms in parentheses behind it: it may use these alone.
    only: Option<Vec<String>>,
}

impl Table {
    /// The row below the heading "Rooms" whose first cell names the crate; `None` if there is none.
    pub(super) fn of_crate(document: &str, name: &str) -> Option<Self> {
        let (_, section) = document.split_once(HEADING)?;
        let section = section.split("\n## ").next().unwrap_or_default();
        section.lines().find_map(|line| Self::parse(line, name))
    }

    /// `` | `crate` | `room`, `room` (`the only room that it may use`) > `room below` | ``
    fn parse(line: &str, name: &str) -> Option<Self> {
        let (first, rooms) = line.strip_prefix('|')?.split_once('|')?;
        if first.trim().trim_matches('`') != name {
            return None;
        }
        let mut table = Vec::<Room>::new();
        let (mut level, mut is_inside) = (0, false);
        // Names are in backquotes, so words and signs take turns with them.
        for (index, part) in rooms.split('`').enumerate() {
            if index % 2 == 1 {
                let name = part.to_owned();
                match table.last_mut().and_then(|room| room.only.as_mut()).filter(|_| is_inside) {
                    Some(only) => only.push(name),
                    None => table.push(Room { name, level, only: None }),
                }
                continue;
            }
            for sign in part.chars() {
                match sign {
                    '(' => {
                        is_inside = true;
                        table.last_mut()?.only = Some(Vec::new());
                    }
                    ')' => is_inside = false,
                    '>' => level += 1,
                    _ => {}
                }
            }
        }
        Some(Self(table))
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
        let is_listed = |name: &str| self.0.iter().any(|room| room.name == name);
        let unlisted = rooms.iter().filter(|room| !is_listed(room));
        faults.extend(unlisted.map(|room| format!("the room `{room}` is not in the table of {DOCUMENT}")));
        let named = self.0.iter().flat_map(|room| room.only.iter().flatten().chain([&room.name]));
        let gone = named.filter(|name| !rooms.contains(name));
        faults.extend(gone.map(|name| format!("the room `{name}` in the table of {DOCUMENT} does not exist")));
        faults
    }

    /// The root may use every room, and no room may use the root.
    fn allows(&self, from: &str, to: &str) -> bool {
        if from == to || is_root(from) {
            return true;
        }
        let find = |name: &str| self.0.iter().find(|room| room.name == name);
        // A room that is not in the table is reported once, not for each arrow.
        let (Some(from), Some(to)) = (find(from), find(to)) else { return true };
        match &from.only {
            Some(only) => only.contains(&to.name),
            None => from.level < to.level,
        }
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
