//! Reads the certificate's files again at SIGHUP and when they change. If they cannot be used, the service keeps the
//! certificate it has.
//!
//! Changes are found by looking at the files every two seconds. Notifications of the system differ between systems, miss
//! changes on network file systems, and must follow the symbolic links that tools like certbot and Kubernetes swap. A look
//! costs a few microseconds on a thread that does nothing else.

use std::{
    fs, io,
    path::Path,
    sync::{
        Arc,
        mpsc::{Receiver, RecvTimeoutError, channel},
    },
    thread,
    time::{Duration, SystemTime},
};

use super::{
    pem::{Fault, Files},
    presented::{Presented, fingerprint},
};
use crate::{
    error::{self, Error},
    signals::Signals,
};

/// Starts the thread that reads the files again.
pub(super) fn start(files: Files, presented: Arc<Presented>, signals: &Signals) -> Result<(), Error> {
    let (hung_up, hangups) = channel();
    signals.on_hangup(move || _ = hung_up.send(()));
    let mut watched = Watched { state: State::of(&files), loaded: State::of(&files), files, presented };
    thread::Builder::new()
        .name("certificate".to_owned())
        .spawn(move || watched.run(&hangups))
        .map_err(|error| Error::System(format!("cannot start a thread: {error}")))?;
    Ok(())
}

struct Watched {
    files: Files,
    presented: Arc<Presented>,
    /// The files at the last look.
    state: State,
    /// The files when they were read last, whether they could be used or not.
    loaded: State,
}

impl Watched {
    fn run(&mut self, hangups: &Receiver<()>) {
        loop {
            match hangups.recv_timeout(BETWEEN_LOOKS) {
                Ok(()) => {
                    self.loaded = State::of(&self.files);
                    self.load();
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    /// Reads files that have changed, but not before two looks agree: a program may be writing them.
    fn look(&mut self) {
        let state = State::of(&self.files);
        if state == self.state && state != self.loaded {
            self.loaded = state.clone();
            self.load();
        }
        self.state = state;
    }

    fn load(&self) {
        match self.replace() {
            Ok(fingerprint) => {
                error::report(&format_args!("the certificate is reloaded; its SHA-256 fingerprint is {fingerprint}"));
            }
            Err(fault) => error::report(&format_args!("{fault}; the certificate in use stays")),
        }
    }

    fn replace(&self) -> Result<String, Fault> {
        let certified = self.files.read()?;
        let fingerprint = certified.end_entity_cert().map(fingerprint).unwrap_or_default();
        self.presented.replace(certified);
        Ok(fingerprint)
    }
}

/// The properties of both files that change with their contents.
#[derive(Clone, Debug, PartialEq, Eq)]
struct State([Option<Stamp>; 2]);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    modified: SystemTime,
    length: u64,
    /// A file that was moved here may have the same time and length as its predecessor.
    identity: u64,
}

impl State {
    fn of(files: &Files) -> Self {
        Self([&*files.certificate, files.key_path()].map(|path| stamp(path).ok()))
    }
}

fn stamp(path: &Path) -> io::Result<Stamp> {
    let file = fs::metadata(path)?;
    #[cfg(unix)]
    let identity = std::os::unix::fs::MetadataExt::ino(&file);
    #[cfg(not(unix))]
    let identity = 0;
    Ok(Stamp { modified: file.modified()?, length: file.len(), identity })
}

/// A new certificate is in use within twice this time.
const BETWEEN_LOOKS: Duration = Duration::from_secs(2);
