//! Messages of `--send`: texts, files and standard input.

use std::fs;

use super::{check_end, check_said, person::Person, servers::Server, talk};
use crate::support::{Program, folder};

#[test]
fn texts_files_and_standard_input_are_sent_in_their_order() {
    let folder = folder("greetings");
    let file = |name: &str, bytes: &[u8]| {
        fs::write(folder.join(name), bytes).unwrap();
        format!("@{}", folder.join(name).display())
    };
    let (text, bytes) = (file("text", "thrée".as_bytes()), file("bytes", &[0, 255]));
    let service = Program::start(&[]);
    let url = format!("ws://{}/ws/echo", service.address);
    let options =
        [&*url, "--send", "one", "--send", &bytes, "--send", &text, "--send", "@@four", "--send", "@-", "-n", "5"];
    check_said(&talk(&options, "fi\nve".as_bytes()), "one\nbase64:AP8=\nthrée\n@four\nfi\nve\n");
    // A line of the input follows, as without `--send`.
    check_said(
        &talk(&[&url, "--send", &text, "--send", "@@", "--binary", "-n", "3"], b"x\n"),
        "base64:dGhyw6ll\n@\nbase64:eA==\n",
    );
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn a_file_that_cannot_be_sent_is_a_usage_error_before_anything_is_sent() {
    let folder = folder("unsendable");
    let fifo = folder.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    fs::write(folder.join("large"), [0; 101]).unwrap();
    let server = Server::start(|_, _| panic!("it connects"));
    let check = |name: &str, words: &[&str]| {
        let output = talk(&[&server.url(), "--max-message-size", "100", "--send", "first", "--send", name], b"");
        check_end(&output, 2, words);
    };
    let named = |name: &str| format!("@{}", folder.join(name).display());
    check(&named("missing"), &["--send: cannot read /", "missing: No such file", "; @@/"]);
    check(&named("."), &["is not a regular file"]);
    check(&named("fifo"), &["fifo is not a regular file"]);
    check(&named("large"), &["large is larger than 100 bytes; --max-message-size allows more"]);
    check("@/dev/zero", &["/dev/zero is not a regular file"]);
    check("@", &["--send @ needs the name of a file", "@@"]);
    let output = talk(&[&server.url(), "--max-message-size", "100", "--send", "@-"], &[b'x'; 101]);
    check_end(&output, 2, &["--send @-: standard input is larger than 100 bytes"]);
    check_end(&talk(&[&server.url(), "--send", "@-", "--send", "@-"], b"x"), 2, &["--send @-", "only once"]);
    let mut person = Person::start(&[&server.url(), "--send", "@-"]);
    assert_eq!(person.ends(), Some(2));
    person.sees("--send @- reads standard input, which is a terminal");
    fs::remove_dir_all(folder).unwrap();
}
