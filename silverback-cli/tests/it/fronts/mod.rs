//! Behind nginx and HAProxy, with the configurations of docs/deploy/.

mod addresses;
mod drain;

use std::{fs, path::Path};

/// A file of docs/deploy/.
fn documented(file: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/deploy").join(file)).unwrap()
}
