//! Completions for shells, and the man page.

use std::{
    fs,
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

/// A page for each command, in this order.
const PAGES: [&str; 10] = [
    "silverback",
    "silverback-connect",
    "silverback-bench",
    "silverback-check",
    "silverback-hub",
    "silverback-hub-config",
    "silverback-hub-config-check",
    "silverback-hub-config-print",
    "silverback-completions",
    "silverback-man",
];

/// The names in the titles of the pages.
fn titles(manual: &str) -> Vec<&str> {
    manual.lines().filter_map(|line| line.strip_prefix(".TH ")?.split(' ').next()).collect()
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let manual = printed(&["man"]);
    assert!(manual.starts_with(".ie"), "{}", &manual[..100]);
    assert_eq!(titles(&manual), PAGES);
    for word in ["wss://example.com/chat", r"\-\-password\-file", "SILVERBACK_LISTEN", "Exit codes:", "143"] {
        assert!(manual.contains(word), "{word}");
    }
}

#[test]
fn each_page_of_the_manual_can_be_written_to_a_file() {
    let folder = std::env::temp_dir().join(format!("silverback-man-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    assert_eq!(printed(&["man", "--directory", folder.to_str().unwrap()]), "");
    for name in PAGES {
        let page = fs::read_to_string(folder.join(format!("{name}.1"))).unwrap();
        assert_eq!(titles(&page), [name]);
        let title = page.lines().find(|line| line.starts_with(".TH ")).unwrap();
        assert!(title.contains(concat!("\"silverback ", env!("CARGO_PKG_VERSION"), "\"")), "{title}");
    }
    assert_eq!(fs::read_dir(&folder).unwrap().count(), PAGES.len());
    fs::remove_dir_all(&folder).unwrap();
    let (code, _, err) = run(&["man", "--directory", folder.to_str().unwrap()], &[]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("cannot write silverback.1"), "{err}");
}
