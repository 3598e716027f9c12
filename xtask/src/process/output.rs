//! The output of other programs: line by line, and in logs.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::ChildStdout;

use crate::error::{Error, OrFailed as _};

/// Hands on each line, with its end, until the pipe is closed.
pub(super) fn for_each_line(pipe: ChildStdout, mut handle: impl FnMut(&[u8])) {
    let mut reader = BufReader::new(pipe);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).is_ok_and(|count| count > 0) {
        handle(&bytes);
        bytes.clear();
    }
}

pub(super) fn open_log(log: &Path) -> Result<(File, File), Error> {
    let shown = log.display();
    if let Some(folder) = log.parent() {
        fs::create_dir_all(folder).or_failed(folder.display())?;
    }
    let file = File::create(log).or_failed(&shown)?;
    let second = file.try_clone().or_failed(&shown)?;
    Ok((file, second))
}

/// Prints the end of a log after a failure.
pub(super) fn show_tail(log: &Path) {
    let bytes = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    println!("... the end of {}:", log.display());
    for line in lines.iter().skip(lines.len().saturating_sub(TAIL_LINES)) {
        println!("    {line}");
    }
}

const TAIL_LINES: usize = 40;
