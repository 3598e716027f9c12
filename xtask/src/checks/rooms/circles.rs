//! Files that depend on each other in a circle.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::modules::Arrows;

/// Files of which each reaches every other, and a shortest way around.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Circle {
    files: BTreeSet<usize>,
    /// Begins and ends with the same file.
    way: Vec<usize>,
}

/// The circles of a crate, the largest possible ones.
pub(super) fn find(arrows: &Arrows) -> Vec<Circle> {
    let mut targets: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (from, to) in arrows.uses.keys() {
        targets.entry(*from).or_default().push(*to);
    }
    let reached: Vec<_> = (0..arrows.files.len()).map(|file| reached_from(file, &targets)).collect();
    let mut circles: Vec<Circle> = Vec::new();
    for file in 0..arrows.files.len() {
        let is_known = circles.iter().any(|circle| circle.files.contains(&file));
        if reached[file].contains(&file) && !is_known {
            let files: BTreeSet<_> =
                reached[file].iter().copied().filter(|other| reached[*other].contains(&file)).collect();
            let way = files.iter().filter_map(|start| way_around(*start, &targets)).min_by_key(Vec::len);
            circles.push(Circle { way: way.unwrap_or_default(), files });
        }
    }
    circles
}

fn reached_from(start: usize, targets: &BTreeMap<usize, Vec<usize>>) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut waiting = vec![start];
    while let Some(file) = waiting.pop() {
        let next = targets.get(&file).into_iter().flatten();
        waiting.extend(next.copied().filter(|file| reached.insert(*file)));
    }
    reached
}

/// A shortest way from a file back to itself.
fn way_around(start: usize, targets: &BTreeMap<usize, Vec<usize>>) -> Option<Vec<usize>> {
    let mut seen = BTreeSet::new();
    let mut waiting = VecDeque::from([vec![start]]);
    while let Some(way) = waiting.pop_front() {
        for next in targets.get(way.last()?).into_iter().flatten() {
            let longer: Vec<_> = way.iter().chain([next]).copied().collect();
            if *next == start {
                return Some(longer);
            }
            if seen.insert(*next) {
                waiting.push_back(longer);
            }
        }
    }
    None
}

impl Circle {
    /// The shortest way around, then all arrows inside the circle: one of them has to go.
    pub(super) fn words(&self, arrows: &Arrows) -> String {
        let name = |file: &usize| arrows.files[*file].display();
        let mut text = format!("{} files import each other in a circle: {}", self.files.len(), name(&self.way[0]));
        for pair in self.way.windows(2) {
            text += &format!(" -> {} (`{}`)", name(&pair[1]), arrows.uses[&(pair[0], pair[1])]);
        }
        if self.files.len() + 1 > self.way.len() {
            for ((from, to), path) in &arrows.uses {
                if self.files.contains(from) && self.files.contains(to) {
                    text += &format!("\n    {} -> {} (`{path}`)", name(from), name(to));
                }
            }
        }
        text
    }
}
