//! A process, looked at from outside (Linux).

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use crate::error::{Error, OrFailed as _};

/// Where the system tells about it.
pub(super) struct Watched {
    folder: PathBuf,
}

impl Watched {
    pub(super) fn new(pid: u32) -> Result<Self, Error> {
        let folder = PathBuf::from(format!("/proc/{pid}"));
        if !folder.is_dir() {
            return Err(Error::Missing("memory is read from /proc, which is not here".to_owned()));
        }
        Ok(Self { folder })
    }

    /// Bytes in use just now.
    pub(super) fn resident(&self) -> Result<u64, Error> {
        self.status("VmRSS:")
    }

    /// The most that was in use since `forget_peak`.
    pub(super) fn peak(&self) -> Result<u64, Error> {
        self.status("VmHWM:")
    }

    pub(super) fn forget_peak(&self) -> Result<(), Error> {
        fs::write(self.folder.join("clear_refs"), "5").or_failed("cannot forget the peak")
    }

    pub(super) fn descriptors(&self) -> Result<usize, Error> {
        Ok(fs::read_dir(self.folder.join("fd")).or_failed("descriptors")?.count())
    }

    /// How many it may have.
    pub(super) fn descriptor_limit(&self) -> Result<String, Error> {
        let text = fs::read_to_string(self.folder.join("limits")).or_failed("limits")?;
        let line = text.lines().find(|line| line.starts_with("Max open files")).or_failed("no limit")?;
        let fields: Vec<_> = line.split_whitespace().collect();
        Ok(format!("{} (hard {})", fields[3], fields[4]))
    }

    /// How long its threads have kept processors busy.
    pub(super) fn cpu(&self) -> Result<Duration, Error> {
        let mut nanoseconds = 0;
        for task in fs::read_dir(self.folder.join("task")).or_failed("threads")? {
            let path = task.or_failed("threads")?.path().join("schedstat");
            // A thread that has just ended has no figures any more.
            let text = fs::read_to_string(path).unwrap_or_default();
            nanoseconds += text.split(' ').next().and_then(|word| word.parse::<u64>().ok()).unwrap_or(0);
        }
        Ok(Duration::from_nanos(nanoseconds))
    }

    fn status(&self, name: &str) -> Result<u64, Error> {
        let text = fs::read_to_string(self.folder.join("status")).or_failed("the server has gone")?;
        let field = text.lines().find_map(|line| line.strip_prefix(name)).or_failed(name)?;
        let kib: u64 = field.trim().trim_end_matches(" kB").parse().or_failed(name)?;
        Ok(kib * 1024)
    }
}
