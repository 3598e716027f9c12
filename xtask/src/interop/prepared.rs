//! Folders of installed packages that remember the file they were installed from.

use std::fs;
use std::path::Path;

use crate::error::{Error, OrFailed as _};

/// Has this folder been prepared from exactly these lines?
pub(crate) fn is_prepared(folder: &Path, from: &Path) -> bool {
    let prepared = fs::read(folder.join(MARK));
    let wanted = fs::read(from);
    matches!((prepared, wanted), (Ok(prepared), Ok(wanted)) if prepared == wanted)
}

/// Remembers the file from which a folder was prepared.
pub(crate) fn mark_prepared(folder: &Path, from: &Path) -> Result<(), Error> {
    fs::copy(from, folder.join(MARK)).or_failed(folder.display()).map(drop)
}

const MARK: &str = ".prepared-from";
