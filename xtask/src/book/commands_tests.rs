use super::*;

fn known() -> Known {
    let targets = ["chat", "chat bin server", "chat example small", "silverback-cli"].map(str::to_owned);
    Known { targets: targets.into(), options: options("| `-v` | `--wait` | and `--listen unix:PATH`") }
}

#[test]
fn what_cargo_is_asked_for_must_exist() {
    let fault = |command| known().fault(command);
    assert_eq!(fault("cargo run -p chat --bin server"), None);
    assert_eq!(fault("cargo run -p chat --example small -- --any"), None);
    assert_eq!(fault("cargo run -p talk"), Some("cargo knows no talk".to_owned()));
    assert_eq!(fault("cargo run -p chat --bin small"), Some("cargo knows no chat bin small".to_owned()));
}

#[test]
fn options_of_the_program_must_be_in_its_guide() {
    let fault = |command| known().fault(command);
    assert_eq!(fault("echo a | silverback connect --wait 3s ws://x/"), None);
    assert_eq!(fault("silverback --listen unix:/a"), None);
    assert_eq!(fault("/usr/bin/silverback --lisp"), Some("docs/cli.md has no --lisp".to_owned()));
    assert_eq!(fault("silverback --lisp"), Some("docs/cli.md has no --lisp".to_owned()));
    assert_eq!(fault("cargo run -p silverback-cli -- --lisp"), Some("docs/cli.md has no --lisp".to_owned()));
    assert_eq!(fault("other --lisp"), None);
}

#[test]
fn commands_are_lines_of_sh_and_lines_after_a_dollar() {
    assert_eq!(commands("sh", "# why\na b\n\nc\n"), ["a b", "c"]);
    assert_eq!(commands("console", "$ a b\noutput\n"), ["a b"]);
    assert_eq!(commands("ini", "[Service]\nExecStart=/bin/a --b\n"), ["/bin/a --b"]);
    assert!(commands("rust,no_run", "a\n").is_empty());
}
