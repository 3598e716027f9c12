//! `filewatch`: a file that comes into being, changes, is replaced and disappears.

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
};

use serde_json::Value;
use silverback::{Conn, Dialer};

use super::running::{Running, assert_is_self_contained, closed, text};
use crate::support::within;

/// A folder that is removed with its test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("silverback-filewatch-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn filewatch(file: &Path) -> Running {
    Running::start("filewatch", &[file.as_os_str(), "127.0.0.1:0".as_ref()])
}

async fn next(conn: &mut Conn) -> Value {
    serde_json::from_str(&text(conn).await).unwrap()
}

async fn until_text(conn: &mut Conn, expected: &str) -> String {
    // A write may be seen half done: then the whole of it follows.
    loop {
        let version = next(conn).await;
        if version["text"] == expected {
            return version["version"].as_str().unwrap().to_owned();
        }
    }
}

async fn until_problem(conn: &mut Conn, words: &str) {
    while !next(conn).await["problem"].as_str().is_some_and(|problem| problem.contains(words)) {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_is_followed_from_before_its_beginning_to_after_its_end() {
    let folder = Folder::new("follow");
    let (file, other) = (folder.file("watched"), folder.file("other"));
    let filewatch = filewatch(&file);
    let mut conn = filewatch.dial().await;
    assert!(next(&mut conn).await["problem"].as_str().unwrap().contains("No such file"));

    fs::write(&file, "first\n").unwrap();
    until_text(&mut conn, "first\n").await;
    fs::write(&file, "second: gr\u{fc}\u{df}e\n").unwrap();
    until_text(&mut conn, "second: gr\u{fc}\u{df}e\n").await;
    // Not text: shown as well as it can be.
    fs::write(&file, b"\xffold").unwrap();
    until_text(&mut conn, "\u{fffd}old").await;

    // Another file in its place, of the same length and age: only the content tells.
    fs::write(&other, b"\xffnew").unwrap();
    let age = fs::metadata(&file).unwrap().modified().unwrap();
    File::options().write(true).open(&other).unwrap().set_modified(age).unwrap();
    fs::rename(&other, &file).unwrap();
    until_text(&mut conn, "\u{fffd}new").await;

    fs::remove_file(&file).unwrap();
    until_problem(&mut conn, "No such file").await;
    fs::create_dir(&file).unwrap();
    until_problem(&mut conn, "this is not a file").await;
    fs::remove_dir(&file).unwrap();
    fs::write(&file, "x".repeat(1024 * 1024 + 1)).unwrap();
    until_problem(&mut conn, "larger than 1024 KiB").await;
    let largest = "\"".repeat(1024 * 1024);
    fs::write(&file, &largest).unwrap();
    until_text(&mut conn, &largest).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_page_has_seen_is_not_sent_again() {
    let folder = Folder::new("seen");
    let file = folder.file("watched");
    fs::write(&file, "first").unwrap();
    let filewatch = filewatch(&file);
    let version = until_text(&mut filewatch.dial().await, "first").await;

    let seen = format!("{}/ws?seen={version}", filewatch.address);
    let mut again = within(Dialer::new().dial(&seen)).await.unwrap();
    let mut another = filewatch.dial().await;
    until_text(&mut another, "first").await;
    fs::write(folder.file("new"), "second").unwrap();
    fs::rename(folder.file("new"), &file).unwrap();
    // The first that comes is the second version.
    assert_eq!(next(&mut again).await["text"], "second");
    until_text(&mut another, "second").await;
    // It is an old one by now.
    let mut late = within(Dialer::new().dial(&seen)).await.unwrap();
    assert_eq!(next(&mut late).await["text"], "second");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn viewers_only_listen_and_are_told_of_the_end() {
    let folder = Folder::new("listen");
    let file = folder.file("watched");
    fs::write(&file, "text").unwrap();
    let mut filewatch = filewatch(&file);
    filewatch.assert_refuses_other_sites().await;

    let mut talker = filewatch.dial().await;
    talker.write_message("hello").await.unwrap();
    while within(talker.read_message()).await.unwrap().is_some() {}
    assert_eq!(talker.close_info().unwrap().code.get(), 1009);

    let mut conn = filewatch.dial().await;
    until_text(&mut conn, "text").await;
    filewatch.interrupt();
    assert_eq!(closed(&mut conn).await, (1001, "the server is going away".to_owned()));
    assert!(filewatch.ended().success());
}

#[test]
fn the_page_is_one_document() {
    assert_is_self_contained(&filewatch(Path::new("anything")).page());
}
