//! `silverback check`, run against the real service and against servers that are wrong in one way each.

mod after;
mod answers;
mod certificates;
mod exits;
mod healthy;
mod unreached;

use std::process::Stdio;

use serde_json::Value;

use crate::connect::{command, wait_for};

/// The output of the program.
struct Check {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs it for people.
fn check(options: &[&str]) -> Check {
    let mut command = command(&["check"]);
    command.args(options).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = wait_for(command.spawn().unwrap());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Check { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
}

/// Runs it for programs.
#[track_caller]
fn json(options: &[&str]) -> Value {
    let words: Vec<_> = options.iter().copied().chain(["--json"]).collect();
    let check = check(&words);
    let object: Value = serde_json::from_str(&check.out).unwrap_or_else(|error| panic!("{error}: {}", check.err));
    assert_eq!(object["exit_code"].as_i64(), check.code.map(i64::from), "{}", check.err);
    assert_eq!(object["ok"], check.code == Some(0));
    assert_eq!(check.err.lines().count(), usize::from(check.code != Some(0)), "{}", check.err);
    object
}

/// The steps of this name.
fn steps<'a>(object: &'a Value, name: &str) -> Vec<&'a Value> {
    object["steps"].as_array().unwrap().iter().filter(|step| step["step"] == name).collect()
}

/// Checks the cause, the exit code, and that the output holds these words, whether or not line breaks separate them.
#[track_caller]
fn finds(options: &[&str], code: i32, cause: &str, words: &[&str]) -> Value {
    let object = json(options);
    assert_eq!(object["diagnosis"]["cause"], cause, "{object:#}");
    assert_eq!(object["exit_code"], code, "{object:#}");
    let text = object["diagnosis"].to_string();
    for word in words {
        assert!(text.contains(word), "{word}: {object:#}");
    }
    object
}
