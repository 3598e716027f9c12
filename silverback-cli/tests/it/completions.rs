//! Completions for shells, and the man page.

use std::{
    io::Write,
    process::{Command, Stdio},
};

use crate::support::run;

/// Each of the commands, and an option of one of them.
const WORDS: [&str; 6] = ["connect", "bench", "check", "completions", "man", "password-file"];

#[track_caller]
fn printed(options: &[&str]) -> String {
    let (code, out, err) = run(options, &[]);
    assert_eq!((code, err.as_str()), (Some(0), ""), "{options:?}");
    out
}

#[test]
fn each_shell_has_a_script_that_knows_the_commands() {
    for (shell, start) in [
        ("bash", "_silverback() {"),
        ("elvish", "\nuse builtin"),
        ("fish", "# Print an optspec"),
        ("powershell", "\nusing namespace System.Management.Automation"),
        ("zsh", "#compdef silverback"),
    ] {
        let script = printed(&["completions", shell]);
        assert!(script.starts_with(start), "{shell}: {}", &script[..100]);
        for word in WORDS {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn bash_can_read_its_script() {
    let script = printed(&["completions", "bash"]);
    let ask = "COMP_WORDS=(silverback connect --pass); COMP_CWORD=2; _silverback silverback --pass connect";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-eu"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut bash = bash.spawn().unwrap();
    let words = format!("{script}\n{ask}\necho \"${{COMPREPLY[@]}}\"\n");
    bash.stdin.take().unwrap().write_all(words.as_bytes()).unwrap();
    let output = bash.wait_with_output().unwrap();
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "--password-file\n");
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let manual = printed(&["man"]);
    assert!(manual.starts_with(".ie"), "{}", &manual[..100]);
    let pages: Vec<_> = manual.lines().filter_map(|line| line.strip_prefix(".TH ")?.split(' ').next()).collect();
    let expected =
        ["", "-connect", "-bench", "-check", "-hub", "-completions", "-man"].map(|name| format!("silverback{name}"));
    assert_eq!(pages, expected);
    for word in ["wss://example.com/chat", r"\-\-password\-file", "SILVERBACK_LISTEN", "Exit codes:", "143"] {
        assert!(manual.contains(word), "{word}");
    }
}
